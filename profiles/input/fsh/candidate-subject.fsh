// A patient beside a study.

Profile: CandidateSubject
Parent: ResearchSubject
Id: candidate-subject
Title: "Candidate subject"
Description: "A patient beside a study. The adapter proposes a status; `eligible` and what follows is set by people."
* extension contains
    Guidance named guidance 1..1 and
    Proposal named proposal 1..1
* identifier 1..*
* identifier ^slicing.discriminator.type = #value
* identifier ^slicing.discriminator.path = "system"
* identifier ^slicing.rules = #open
* identifier contains ours 1..1
* identifier[ours].system = $ResearchSubjectSystem
* identifier[ours].value 1..1
* study only Reference(TrialStudy)
* study.reference 1..1
* individual only Reference(Patient)

Extension: Guidance
Id: guidance
Title: "Guidance"
Description: "The GuidanceResponse that the status of a ResearchSubject stands on."
Context: ResearchSubject
* value[x] 1..1
* value[x] only Reference(GuidanceResponse)

Extension: Proposal
Id: proposal
Title: "Proposal"
Description: "What the adapter proposes: ineligible, candidate or potential-candidate, whatever status a person has set."
Context: ResearchSubject
* value[x] 1..1
* value[x] only code
* valueCode from DecisionCodes (required)
