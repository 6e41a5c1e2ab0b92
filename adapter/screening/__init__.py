"""Use cases: evaluate one patient, screen many, and tell people what came out."""
