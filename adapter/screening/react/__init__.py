"""A change on the FHIR server moves the candidates: from a notification to what is written back."""
