"""`variant`: a genetic variant."""
