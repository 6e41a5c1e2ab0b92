// What a person says of a criterion: read by the adapter, written by the site.

Profile: Attestation
Parent: Observation
Id: attestation
Title: "Attestation"
Description: "A person's word on the statement of one criterion. It settles what is otherwise unknown, never what is definite, and counts only with a performer and a time."
* insert OurDefinition
* status from AttestationStatusCodes (required)
* code.coding 1..*
* code.coding ^slicing.discriminator.type = #value
* code.coding ^slicing.discriminator.path = "system"
* code.coding ^slicing.rules = #open
* code.coding contains criterion 1..1
* code.coding[criterion].system = "http://example.org/fhir-trial-adapter/CodeSystem/attestation"
* code.coding[criterion].code 1..1
* code.coding[criterion] from AttestationCodes (required)
* subject 1..1
* subject only Reference(Patient)
* effective[x] 1..1
* effective[x] only dateTime or instant or Period
* performer 1..*
* value[x] 1..1
* value[x] only boolean
* value[x] ^short = "Whether the criterion's statement holds; of an exclusion, true excludes"
* dataAbsentReason 0..0
