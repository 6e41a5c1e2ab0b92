// Where codes come from. The value sets themselves are in mappings/terminology.

Extension: CodeSource
Id: code-source
Title: "Source of a code"
Description: "Where a code of a value set was read."
Context: ValueSet.compose.include, ValueSet.compose.include.concept, ValueSet.compose.exclude
* value[x] 1..1
* value[x] only string

Extension: Seen
Id: seen
Title: "How often a code was seen"
Description: "How often a code that no map knows came in converted data, and samples of what came with it."
Context: ConceptMap.group.element
* extension ^slicing.rules = #closed
* extension contains count 1..1 and sample 0..*
* extension[count].value[x] 1..1
* extension[count].value[x] only integer
* extension[sample].value[x] 1..1
* extension[sample].value[x] only string
