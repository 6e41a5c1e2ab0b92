// What the service answers beside verdicts, and what it asks of a FHIR server.

Profile: Capabilities
Parent: CapabilityStatement
Id: capabilities
Title: "Capabilities"
Description: "What a fhir-trial-adapter can do: trials to read and to search, and the operation that evaluates."
* insert OurDefinition
* fhirVersion = #4.0.1
* software 1..1
* rest 1..1
* rest.mode = #server
* rest.resource 1..*
* rest.resource obeys study-evaluates

Invariant: study-evaluates
Description: "Studies can be evaluated"
Severity: #error
Expression: "type = 'ResearchStudy' implies operation.exists(name = 'evaluate')"

Profile: Operation
Parent: OperationDefinition
Id: operation
Title: "Operation"
Description: "An operation on studies. It changes nothing, and says what it answers."
* insert OurDefinition
* obeys says-what-it-answers
* url 1..1
* description 1..1
* affectsState 1..1
* affectsState = false
* resource = #ResearchStudy

Invariant: says-what-it-answers
Description: "What is answered is described"
Severity: #error
Expression: "parameter.exists(use = 'out')"

Profile: Found
Parent: Bundle
Id: found
Title: "What was found"
Description: "The answer to a search of the service: everything that matches, on one page."
* insert OurDefinition
* type = #searchset
* total 1..1
* link 1..1
* link.relation = "self"
* entry.fullUrl 1..1
* entry.resource 1..1
* entry.search 1..1
* entry.search.mode = #match

Profile: Matches
Parent: Bundle
Id: matches
Title: "Matching trials"
Description: "The trials that fit a patient's data, the best first, each with a score from 0 (ruled out) to 1 (a candidate)."
* insert OurDefinition
* obeys every-trial-scored
* type = #searchset
* total 1..1
* entry.fullUrl 1..1
* entry.resource 1..1
* entry.search 1..1
* entry.search.mode 1..1
* entry.search.score ^short = "1 a candidate, 0 ruled out; between them the share of criteria that speak for the patient"

Invariant: every-trial-scored
Description: "Each trial has a score from 0 to 1, and what else is told is an outcome"
Severity: #error
Expression: "entry.all(iif(resource is ResearchStudy, search.mode = 'match' and search.score >= 0 and search.score <= 1, resource is OperationOutcome and search.mode = 'outcome'))"

Profile: MatchAnswer
Parent: Parameters
Id: match-answer
Title: "Answer of $match"
Description: "The answer of CodeX's operation: the trials that fit a patient's data."
* insert OurDefinition
* parameter 1..1
* parameter.name = "trialMatchOutput"
* parameter.resource 1..1
* parameter.resource only Matches
* parameter.value[x] 0..0
* parameter.part 0..0

Profile: Taken
Parent: Bundle
Id: taken
Title: "Taken"
Description: "What the webhook answers to a POST: the message is stored."
* insert OurDefinition
* type = #transaction-response
* entry 1..1
* entry.resource 0..0
* entry.response 1..1
* entry.response.status = "200"
* entry.response.outcome 1..1
* entry.response.outcome only Outcome

Profile: HookSubscription
Parent: Subscription
Id: hook-subscription
Title: "Subscription of the webhook"
Description: "Tells the webhook of every change of one resource type, with the secret in a header."
* insert OurDefinition
* obeys one-type
* channel.type = #rest-hook
* channel.endpoint 1..1
* channel.payload 1..1
* channel.payload = #application/fhir+json
* channel.header 1..1
* channel.header obeys bears-secret

Invariant: one-type
Description: "A Subscription is for a whole type: a code that nobody knows yet must be told of, too"
Severity: #error
Expression: "criteria.matches('^[A-Za-z]+[?]$')"

Invariant: bears-secret
Description: "The header is a bearer token"
Severity: #error
Expression: "startsWith('Authorization: Bearer ')"
