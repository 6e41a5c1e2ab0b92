"""`allergy`: an allergy or intolerance to a substance."""
