// Where codes come from. The value sets themselves are in mappings/terminology.

Extension: CodeSource
Id: code-source
Title: "Source of a code"
Description: "Where a code of a value set was read."
Context: ValueSet.compose.include, ValueSet.compose.include.concept, ValueSet.compose.exclude
* insert OurDefinition
* value[x] 1..1
* value[x] only string

Extension: ExhaustiveIn
Id: exhaustive-in
Title: "Exhaustive in a code system"
Description: "A code system in which a value set holds every code that is its concept, and nothing else; with the sets of codes that only may be it, a code of this system that is in neither is known not to be it."
Context: ValueSet
* insert OurDefinition
* value[x] 1..1
* value[x] only uri

Extension: RootsCompleteIn
Id: roots-complete-in
Title: "Roots complete in a code system"
Description: "A code system in which the codes of a value set, and all that is below the codes that it names by is-a, are every code that is its concept: with a whole release at hand, another code of the system is not it."
Context: ValueSet
* insert OurDefinition
* value[x] 1..1
* value[x] only uri
