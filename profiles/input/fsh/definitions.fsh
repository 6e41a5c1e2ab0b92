// What the package itself is made of.

Profile: Definition
Parent: StructureDefinition
Id: definition
Title: "Definition"
Description: "A profile or an extension of the package: it narrows R4, says what it is for, and needs nothing but R4 to be read."
* insert OurDefinition
* version 1..1
* title 1..1
* description 1..1
* fhirVersion 1..1
* fhirVersion = #4.0.1
* abstract = false
* derivation 1..1
* derivation = #constraint
* baseDefinition 1..1
* snapshot 1..1
* differential 1..1

Profile: SystemOfIdentifiers
Parent: NamingSystem
Id: naming-system
Title: "System of identifiers"
Description: "A system of identifiers of ours, by its URI."
* insert OurDefinition
* kind = #identifier
* description 1..1
* uniqueId 1..1
* uniqueId.type = #uri
* uniqueId.preferred 1..1
* uniqueId.preferred = true
