"""Clinical-trial eligibility on FHIR R4: criteria as data, three-valued answers, evidence for each."""
