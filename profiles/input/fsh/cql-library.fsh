// The criteria of a study in CQL, and the functions and codes that the libraries of all studies include.

Profile: CqlLibrary
Parent: Library
Id: cql-library
Title: "CQL library"
Description: "CQL that an engine translates: an expression for each criterion of a study and one for the decision, or what such libraries include."
* url 1..1
* version 1..1
* name 1..1
* title 1..1
* type = http://terminology.hl7.org/CodeSystem/library-type#logic-library
* content 1..
* obeys cql-in-words
* relatedArtifact.resource 1..1
* parameter.name 1..1

Invariant: cql-in-words
Description: "The CQL itself is there, not only what was compiled of it"
Severity: #error
Expression: "content.exists(contentType = 'text/cql' and data.exists())"
