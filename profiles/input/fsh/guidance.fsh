// The verdict on a patient and a study: the decision, and a result for every criterion.

Profile: EligibilityGuidance
Parent: GuidanceResponse
Id: eligibility-guidance
Title: "Eligibility guidance"
Description: "The verdict on a patient and a study, or why there is none. The contained Parameters hold a result for every criterion."
* insert OurDefinition
* obeys verdict-or-failure and asks-for-data and messages-contained
* module[x] only canonical
* status from GuidanceStatusCodes (required)
* subject 1..1
* subject only Reference(Patient)
* outputParameters only Reference(Verdict)
* module[x] ^short = "The study's eligibility plan, with its version"
* status ^short = "data-required where more data would settle more; failure where nothing could be evaluated; else success"
* occurrenceDateTime ^short = "As of when the record was evaluated"
* outputParameters ^short = "The verdict, contained"
* dataRequirement ^short = "What would settle the open criteria, the most decisive first"
* evaluationMessage ^short = "What could not be read, and codes that no map knows; contained"
* evaluationMessage 0..1
* evaluationMessage only Reference(Outcome)

Invariant: verdict-or-failure
Description: "A failure says why; anything else has a verdict and the instant that it is of"
Severity: #error
Expression: "iif(status = 'failure', outputParameters.empty() and evaluationMessage.exists(), outputParameters.exists() and occurrenceDateTime.exists() and contained.ofType(Parameters).exists())"

Invariant: asks-for-data
Description: "Who asks for data says which, but where the decision alone was asked for"
Severity: #error
Expression: "status = 'data-required' implies (dataRequirement.exists() or meta.tag.exists(code = 'SUBSETTED'))"

Invariant: messages-contained
Description: "A message stands inside of the guidance"
Severity: #error
Expression: "evaluationMessage.exists() implies contained.ofType(OperationOutcome).exists()"

Profile: Verdict
Parent: Parameters
Id: verdict
Title: "Verdict"
Description: "The decision, how long it holds, what it was made with, and a result for every criterion with reason and evidence."
* insert OurDefinition
* obeys decision-fits and criteria-told
* parameter obeys results-whole and evidence-or-unknown and result-fits-reason
* parameter ^slicing.discriminator.type = #value
* parameter ^slicing.discriminator.path = "name"
* parameter ^slicing.rules = #closed
* parameter contains
    decision 1..1 and
    decisionReason 0..* and
    validUntil 0..1 and
    asOf 1..1 and
    policy 1..1 and
    terminology 1..1 and
    recruiting 1..1 and
    criterion 0..*
* insert Single(decision, code)
* parameter[decision].valueCode from DecisionCodes (required)
* insert Single(decisionReason, string)
* insert Single(validUntil, dateTime)
* insert Single(asOf, dateTime)
* insert Single(recruiting, boolean)
* insert Several(policy)
* parameter[policy].part contains id 1..1 and hash 1..1
* insert Part(policy, id, string)
* insert Part(policy, hash, string)
* insert Several(terminology)
* parameter[terminology].part contains hash 1..1
* insert Part(terminology, hash, string)
* insert Several(criterion)
* parameter[criterion].part contains
    id 1..1 and
    label 0..1 and
    kind 1..1 and
    result 1..1 and
    reason 1..1 and
    assumed 1..1 and
    explanation 0..1 and
    lasting 0..1 and
    until 0..1 and
    evidence 0..* and
    missing 0..* and
    criterion 0..*
* insert Part(criterion, id, string)
* insert Part(criterion, label, string)
* insert Part(criterion, kind, code)
* parameter[criterion].part[kind].valueCode from CriterionKindCodes (required)
* insert Part(criterion, result, code)
* parameter[criterion].part[result].valueCode from TruthCodes (required)
* insert Part(criterion, reason, code)
* parameter[criterion].part[reason].valueCode from ReasonCodes (required)
* insert Part(criterion, assumed, boolean)
* insert Part(criterion, explanation, string)
* insert Part(criterion, lasting, boolean)
* insert Part(criterion, until, dateTime)
* parameter[criterion].part[evidence].name = "evidence"
* parameter[criterion].part[evidence].part 1..*
* insert Part(criterion, missing, DataRequirement)
* parameter[criterion].part[criterion].name = "criterion"
* parameter[criterion].part[criterion].part 5..*
* parameter[decision] ^short = "ineligible, candidate or potential-candidate"
* parameter[decisionReason] ^short = "Why: the criteria that rule the patient out or are open"
* parameter[validUntil] ^short = "Before this instant nothing changes without new data; absent where nothing will"
* parameter[asOf] ^short = "As of when the record was evaluated"
* parameter[policy] ^short = "The site's policy, by id and hash"
* parameter[terminology] ^short = "The terminology, by hash"
* parameter[recruiting] ^short = "Whether the registry says that the study takes patients"
* parameter[criterion] ^short = "One result for each criterion, in the definition's order"
* parameter[criterion].part[id] ^short = "The criterion's id, as in the plan"
* parameter[criterion].part[label] ^short = "The criterion in the definition's words"
* parameter[criterion].part[kind] ^short = "inclusion or exclusion"
* parameter[criterion].part[result] ^short = "The truth of the criterion's statement: met, not-met or unknown; an exclusion that is met rules out"
* parameter[criterion].part[reason] ^short = "Why, as a code"
* parameter[criterion].part[assumed] ^short = "Whether it rests on an assumption of the policy"
* parameter[criterion].part[explanation] ^short = "The reason as a sentence"
* parameter[criterion].part[lasting] ^short = "Where it rules the patient out: true if neither time nor treatment can change that"
* parameter[criterion].part[until] ^short = "It can't be otherwise before this instant"
* parameter[criterion].part[evidence] ^short = "An entry of the record that it stands on: resource, version, element, value, time"
* parameter[criterion].part[missing] ^short = "Data that would settle it"
* parameter[criterion].part[criterion] ^short = "The same for each part of it"

Invariant: criteria-told
Description: "There is a result for every criterion, but where the decision alone was asked for"
Severity: #error
Expression: "parameter.exists(name = 'criterion') or meta.tag.exists(code = 'SUBSETTED')"

RuleSet: Single(name, type)
* parameter[{name}].name = "{name}"
* parameter[{name}].value[x] 1..1
* parameter[{name}].value[x] only {type}
* parameter[{name}].resource 0..0
* parameter[{name}].part 0..0

RuleSet: Several(name)
* parameter[{name}].name = "{name}"
* parameter[{name}].value[x] 0..0
* parameter[{name}].resource 0..0
* parameter[{name}].part 1..*
* parameter[{name}].part ^slicing.discriminator.type = #value
* parameter[{name}].part ^slicing.discriminator.path = "name"
* parameter[{name}].part ^slicing.rules = #closed

RuleSet: Part(name, part, type)
* parameter[{name}].part[{part}].name = "{part}"
* parameter[{name}].part[{part}].value[x] 1..1
* parameter[{name}].part[{part}].value[x] only {type}

// Criteria stand in criteria: what a profile says of a parameter, validators ask of its parts, too. (A `repeat()` over all
// of them would say so by itself, and takes a validator seconds.)

Invariant: results-whole
Description: "Every criterion, at any depth, has an id, a kind, a result, a reason of the list, and says whether it is assumed"
Severity: #error
Expression: "name = 'criterion' implies (part.exists(name = 'id' and value is string) and part.exists(name = 'kind' and value in ('inclusion' | 'exclusion')) and part.exists(name = 'result' and value in ('met' | 'not-met' | 'unknown')) and part.exists(name = 'reason' and value.memberOf('http://example.org/fhir-trial-adapter/ValueSet/reason')) and part.exists(name = 'assumed' and value is boolean))"

Invariant: evidence-or-unknown
Description: "A definite result stands on evidence, on its parts, or on an assumption that is named"
Severity: #error
Expression: "name = 'criterion' implies part.exists((name = 'result' and value = 'unknown') or (name = 'assumed' and value = true) or name = 'evidence' or name = 'criterion')"

Invariant: result-fits-reason
Description: "A reason that leaves open is not the reason of a definite result, nor the other way round"
Severity: #error
Expression: "name = 'criterion' implies part.exists(name = 'result' and value = 'unknown') = part.exists(name = 'reason' and value.memberOf('http://example.org/fhir-trial-adapter/ValueSet/reason-open'))"

Invariant: decision-fits
Description: "Nobody is a candidate whom a criterion keeps out, and who is kept out is no candidate"
Severity: #error
Expression: "meta.tag.exists(code = 'SUBSETTED') or parameter.exists(name = 'decision' and value = 'ineligible') = (parameter.exists(name = 'decisionReason' and value = 'deceased') or parameter.where(name = 'criterion').exists((part.exists(name = 'kind' and value = 'inclusion') and part.exists(name = 'result' and value = 'not-met')) or (part.exists(name = 'kind' and value = 'exclusion') and part.exists(name = 'result' and value = 'met'))))"

Profile: Outcome
Parent: OperationOutcome
Id: outcome
Title: "Outcome"
Description: "What went wrong, or what to know beside an answer, in words that say what to do."
* insert OurDefinition
* issue.diagnostics 1..1

Profile: Answer
Parent: Bundle
Id: answer
Title: "Answer"
Description: "The answer of $evaluate: for each subject and study a candidate subject and a guidance, an outcome for who failed."
* insert OurDefinition
* type = #collection
* entry.fullUrl 1..1
* entry.resource 1..1
* entry ^slicing.discriminator.type = #type
* entry ^slicing.discriminator.path = "resource"
* entry ^slicing.rules = #closed
* entry contains subject 0..* and guidance 0..* and outcome 0..*
* entry[subject].resource only CandidateSubject
* entry[guidance].resource only EligibilityGuidance
* entry[outcome].resource only Outcome
* entry[subject] ^short = "The patient beside the study, with the proposed status"
* entry[guidance] ^short = "The verdict, with a reason for every criterion"
* entry[outcome] ^short = "Why a patient among others could not be evaluated"
