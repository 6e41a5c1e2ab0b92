// Patient data made of a site's own: screening sheets, HL7 v2, OMOP. Each resource can be found again by its identifier.

RuleSet: Converted(type)
* identifier 1..*
* identifier ^slicing.discriminator.type = #value
* identifier ^slicing.discriminator.path = "system"
* identifier ^slicing.rules = #open
* identifier contains converted 1..1
* identifier[converted].system 1..1
* identifier[converted].system = "http://example.org/fhir-trial-adapter/NamingSystem/converted-{type}"
* identifier[converted].value 1..1

Profile: ConvertedPatient
Parent: Patient
Id: converted-patient
Title: "Converted patient"
Description: "A patient by an identifier of the source, by which a server finds the patient that it has already."
* insert OurDefinition
* identifier 1..*
* identifier obeys found-by-value

Invariant: found-by-value
Description: "An identifier without a value finds nobody"
Severity: #error
Expression: "value.exists()"

Profile: ConvertedObservation
Parent: Observation
Id: converted-observation
Title: "Converted observation"
Description: "A result of a source, with what was measured or why there is nothing."
* insert OurDefinition
* insert Converted(observation)
* obeys says-something
* subject 1..1
* subject only Reference(Patient)

Invariant: says-something
Description: "A result has a value, parts, or a reason for having none"
Severity: #error
Expression: "value.exists() or component.exists() or hasMember.exists() or dataAbsentReason.exists()"

Profile: ConvertedCondition
Parent: Condition
Id: converted-condition
Title: "Converted condition"
Description: "A diagnosis of a source."
* insert OurDefinition
* insert Converted(condition)
* code 1..1
* subject only Reference(Patient)

Profile: ConvertedAllergyIntolerance
Parent: AllergyIntolerance
Id: converted-allergyintolerance
Title: "Converted allergy"
Description: "An allergy or intolerance of a source."
* insert OurDefinition
* insert Converted(allergyintolerance)
* code 1..1

Profile: ConvertedProcedure
Parent: Procedure
Id: converted-procedure
Title: "Converted procedure"
Description: "A procedure of a source."
* insert OurDefinition
* insert Converted(procedure)
* code 1..1
* subject only Reference(Patient)

Profile: ConvertedDeviceUseStatement
Parent: DeviceUseStatement
Id: converted-deviceusestatement
Title: "Converted use of a device"
Description: "A device that a source says a patient has or had."
* insert OurDefinition
* insert Converted(deviceusestatement)
* device 1..1
* subject only Reference(Patient)

Profile: ConvertedDevice
Parent: Device
Id: converted-device
Title: "Converted device"
Description: "What kind of device it is; it stands inside of the use that names it."
* insert OurDefinition
* type 1..1

Profile: ConvertedMedicationStatement
Parent: MedicationStatement
Id: converted-medicationstatement
Title: "Converted medication statement"
Description: "What a source says that a patient takes or took."
* insert OurDefinition
* insert Converted(medicationstatement)
* subject only Reference(Patient)

Profile: ConvertedMedicationAdministration
Parent: MedicationAdministration
Id: converted-medicationadministration
Title: "Converted medication administration"
Description: "What a source says was given."
* insert OurDefinition
* insert Converted(medicationadministration)
* subject only Reference(Patient)

Profile: ConvertedMedicationRequest
Parent: MedicationRequest
Id: converted-medicationrequest
Title: "Converted medication request"
Description: "What a source says was prescribed."
* insert OurDefinition
* insert Converted(medicationrequest)
* subject only Reference(Patient)

Profile: ConvertedMedication
Parent: Medication
Id: converted-medication
Title: "Converted medication"
Description: "A drug with the ingredients that the source's own hierarchy gives it; it stands inside of what names it."
* insert OurDefinition
* code 1..1
* ingredient 1..*

Profile: ConvertedSpecimen
Parent: Specimen
Id: converted-specimen
Title: "Converted specimen"
Description: "What a result was measured in, and whether it could be used; it stands inside of the result."
* insert OurDefinition
* identifier 0..0

Profile: ConvertedConsent
Parent: Consent
Id: converted-consent
Title: "Converted consent"
Description: "A patient's consent to a study, or refusal of it."
* insert OurDefinition
* insert Converted(consent)
* patient 1..1
* provision 1..1
* provision.type 1..1

Profile: ConvertedEncounter
Parent: Encounter
Id: converted-encounter
Title: "Converted encounter"
Description: "A visit of a source."
* insert OurDefinition
* insert Converted(encounter)
* subject 1..1
* subject only Reference(Patient)

Profile: Conversion
Parent: Provenance
Id: conversion
Title: "Conversion"
Description: "Which row or message of which source resources were made from."
* insert OurDefinition
* activity 1..1
* agent 1..1
* entity 1..1
* entity.role = #source
* entity.what.identifier 1..1
* entity.what.identifier.system 1..1
* entity.what.identifier.system = "http://example.org/fhir-trial-adapter/NamingSystem/source-place"
* entity.what.identifier.value 1..1

Profile: ConvertedRecord
Parent: Bundle
Id: converted-record
Title: "Converted record"
Description: "A patient's converted data as a transaction that may be made any number of times."
* insert OurDefinition
* obeys made-again
* type = #transaction
* entry 1..*
* entry.fullUrl 1..1
* entry.resource 1..1
* entry.request 1..1
* entry.response 0..0
* entry ^slicing.discriminator.type = #type
* entry ^slicing.discriminator.path = "resource"
* entry ^slicing.rules = #open
* entry contains patient 1..*
* entry[patient].resource only ConvertedPatient

Invariant: made-again
Description: "Made again, it makes nothing twice: what it creates, it creates only where it isn't"
Severity: #error
Expression: "entry.request.all(method = 'PUT' or (method = 'POST' and ifNoneExist.exists()))"
