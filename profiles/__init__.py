"""The FHIR package: its FSH sources, and what SUSHI and the adapter make of them (`package/`, committed)."""
