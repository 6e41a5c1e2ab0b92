// The systems of identifiers that are ours.

RuleSet: Identifies(name, id)
* meta.profile = "http://example.org/fhir-trial-adapter/StructureDefinition/naming-system"
* name = "{name}"
* status = #active
* kind = #identifier
* date = "2026-11-25"
* uniqueId.type = #uri
* uniqueId.value = "http://example.org/fhir-trial-adapter/NamingSystem/{id}"
* uniqueId.preferred = true

Instance: study
InstanceOf: NamingSystem
Usage: #definition
* insert Identifies(TrialStudyIdentifier, study)
* description = "Names a study by the id of its definition, on whichever server its ResearchStudy stands."

Instance: research-subject
InstanceOf: NamingSystem
Usage: #definition
* insert Identifies(ResearchSubjectIdentifier, research-subject)
* description = "Names the ResearchSubject of a patient in a study: a digest of both, the same at every evaluation."

Instance: local-patient
InstanceOf: NamingSystem
Usage: #definition
* insert Identifies(LocalPatientIdentifier, local-patient)
* description = "Names a patient of converted data whose source says nothing of who gave the number."

Instance: source-place
InstanceOf: NamingSystem
Usage: #definition
* insert Identifies(SourcePlaceIdentifier, source-place)
* description = "Names a place in a source that was converted: the document, a number sign, and the row or message."

RuleSet: IdentifiesConverted(name, id, type)
* insert Identifies({name}, {id})
* description = "Names a converted {type}: a digest of what names it in its source, the same at every conversion."

Instance: converted-observation
InstanceOf: NamingSystem
Usage: #definition
* insert IdentifiesConverted(ConvertedObservationIdentifier, converted-observation, Observation)

Instance: converted-condition
InstanceOf: NamingSystem
Usage: #definition
* insert IdentifiesConverted(ConvertedConditionIdentifier, converted-condition, Condition)

Instance: converted-allergyintolerance
InstanceOf: NamingSystem
Usage: #definition
* insert IdentifiesConverted(ConvertedAllergyIntoleranceIdentifier, converted-allergyintolerance, AllergyIntolerance)

Instance: converted-procedure
InstanceOf: NamingSystem
Usage: #definition
* insert IdentifiesConverted(ConvertedProcedureIdentifier, converted-procedure, Procedure)

Instance: converted-deviceusestatement
InstanceOf: NamingSystem
Usage: #definition
* insert IdentifiesConverted(ConvertedDeviceUseStatementIdentifier, converted-deviceusestatement, DeviceUseStatement)

Instance: converted-medicationstatement
InstanceOf: NamingSystem
Usage: #definition
* insert IdentifiesConverted(ConvertedMedicationStatementIdentifier, converted-medicationstatement, MedicationStatement)

Instance: converted-medicationadministration
InstanceOf: NamingSystem
Usage: #definition
* insert IdentifiesConverted(ConvertedMedicationAdministrationIdentifier, converted-medicationadministration, MedicationAdministration)

Instance: converted-medicationrequest
InstanceOf: NamingSystem
Usage: #definition
* insert IdentifiesConverted(ConvertedMedicationRequestIdentifier, converted-medicationrequest, MedicationRequest)

Instance: converted-consent
InstanceOf: NamingSystem
Usage: #definition
* insert IdentifiesConverted(ConvertedConsentIdentifier, converted-consent, Consent)

Instance: converted-encounter
InstanceOf: NamingSystem
Usage: #definition
* insert IdentifiesConverted(ConvertedEncounterIdentifier, converted-encounter, Encounter)
