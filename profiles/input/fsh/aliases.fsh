Alias: $UCUM = http://unitsofmeasure.org
Alias: $LOINC = http://loinc.org
Alias: $Gender = http://hl7.org/fhir/administrative-gender
Alias: $ObjectiveType = http://terminology.hl7.org/CodeSystem/research-study-objective-type
Alias: $PlanDefinitionType = http://terminology.hl7.org/CodeSystem/plan-definition-type
Alias: $ResearchSubjectSystem = http://example.org/fhir-trial-adapter/NamingSystem/research-subject

// A profile or extension of ours.
RuleSet: OurDefinition
* ^meta.profile = "http://example.org/fhir-trial-adapter/StructureDefinition/definition"

// A code system of ours, and the value set of all its codes.
RuleSet: OurCodes(name)
* ^meta.profile = "http://hl7.org/fhir/StructureDefinition/shareablecodesystem"
* ^publisher = "fhir-trial-adapter"
* ^caseSensitive = true
* ^experimental = false
* ^valueSet = "http://example.org/fhir-trial-adapter/ValueSet/{name}"

RuleSet: OurValueSet
* ^meta.profile = "http://hl7.org/fhir/StructureDefinition/shareablevalueset"
* ^publisher = "fhir-trial-adapter"
* ^experimental = false

RuleSet: AllCodes(name)
* insert OurValueSet
* include codes from system {name}
