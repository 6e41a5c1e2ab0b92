// The criteria in CQL: a study's own library, and those that all studies share.

Profile: CriteriaLibrary
Parent: Library
Id: criteria-library
Title: "Criteria in CQL"
Description: "The text of a CQL library. A study's own has an expression for each criterion, named by its id; the others are what it includes."
* insert OurDefinition
* url 1..1
* version 1..1
* name 1..1
* title 1..1
* type = http://terminology.hl7.org/CodeSystem/library-type#logic-library
* content 1..1
* content.contentType 1..1
* content.contentType = #text/cql
* content.data 1..1
