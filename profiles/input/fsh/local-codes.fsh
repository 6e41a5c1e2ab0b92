// The list of codes that no map knows, for a person to fill in.

Profile: LocalCodes
Parent: ConceptMap
Id: local-codes
Title: "Local codes"
Description: "The codes of converted data that no map knows. A code is unmatched until a person writes what it means."
* insert OurDefinition
* url 1..1
* name 1..1
* group.source 1..1
* group.target 1..1
* group.element.code 1..1
* group.element.target 1..*
* group.element.extension contains Seen named seen 0..1

Extension: Seen
Id: seen
Title: "How often a code was seen"
Description: "How often a code that no map knows came in converted data, and samples of what came with it."
Context: ConceptMap.group.element
* insert OurDefinition
* extension ^slicing.rules = #closed
* extension contains count 1..1 and sample 0..*
* extension[count].value[x] 1..1
* extension[count].value[x] only integer
* extension[sample].value[x] 1..1
* extension[sample].value[x] only string
