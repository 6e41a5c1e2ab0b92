Alias: $UCUM = http://unitsofmeasure.org
Alias: $LOINC = http://loinc.org
Alias: $Gender = http://hl7.org/fhir/administrative-gender
Alias: $ObjectiveType = http://terminology.hl7.org/CodeSystem/research-study-objective-type
Alias: $PlanDefinitionType = http://terminology.hl7.org/CodeSystem/plan-definition-type
Alias: $ResearchSubjectSystem = http://example.org/fhir-trial-adapter/NamingSystem/research-subject

// A code system of ours, and the value set of all its codes.
RuleSet: OurCodes(name)
* ^caseSensitive = true
* ^experimental = false
* ^valueSet = "http://example.org/fhir-trial-adapter/ValueSet/{name}"

RuleSet: AllCodes(name)
* ^experimental = false
* include codes from system {name}
