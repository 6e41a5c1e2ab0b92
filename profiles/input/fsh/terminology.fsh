// Where codes come from. The value sets themselves are in mappings/terminology.

Extension: CodeSource
Id: code-source
Title: "Source of a code"
Description: "Where a code of a value set was read."
Context: ValueSet.compose.include, ValueSet.compose.include.concept, ValueSet.compose.exclude
* insert OurDefinition
* value[x] 1..1
* value[x] only string
