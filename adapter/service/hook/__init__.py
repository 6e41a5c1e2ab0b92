"""The webhook: where a FHIR server tells of changes."""
