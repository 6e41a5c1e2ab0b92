// The codes themselves come from the trials' definitions (CodeSystem/attestation is written by profiles/build).

ValueSet: AttestationCodes
Id: attestation
Title: "Attestations"
Description: "An attestation for each criterion; its code is the id of the study, a full stop, and the id of the criterion."
* insert OurValueSet
* include codes from system http://example.org/fhir-trial-adapter/CodeSystem/attestation

ValueSet: AttestationStatusCodes
Id: attestation-status
Title: "Status of an attestation that counts"
Description: "The statuses of an Observation that counts."
* insert OurValueSet
* http://hl7.org/fhir/observation-status#final
* http://hl7.org/fhir/observation-status#amended
* http://hl7.org/fhir/observation-status#corrected

ValueSet: LocalObservationCodes
Id: observation
Title: "Local observations"
Description: "Observations and procedures that have no standard code; a site maps its own codes to these."
* insert OurValueSet
* include codes from system http://example.org/fhir-trial-adapter/CodeSystem/observation
