// A patient beside a study.

Profile: CandidateSubject
Parent: ResearchSubject
Id: candidate-subject
Title: "Candidate subject"
Description: "A patient beside a study. The adapter proposes a status; `eligible` and what follows is set by people."
* insert OurDefinition
* extension contains
    Guidance named guidance 1..1 and
    Proposal named proposal 1..1 and
    BasedOnVersion named based-on 0..1 and
    StatusSetByPerson named by-person 0..1
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
* identifier[ours] ^short = "Finds the subject of this patient and study again"
* status ^short = "The adapter's proposal, until a person sets another"
* study ^short = "The study"
* individual ^short = "The patient"

Extension: Guidance
Id: guidance
Title: "Guidance"
Description: "The GuidanceResponse that the status of a ResearchSubject stands on."
Context: ResearchSubject
* insert OurDefinition
* value[x] 1..1
* value[x] only Reference(GuidanceResponse)

Extension: Proposal
Id: proposal
Title: "Proposal"
Description: "What the adapter proposes: ineligible, candidate or potential-candidate, whatever status a person has set."
Context: ResearchSubject
* insert OurDefinition
* value[x] 1..1
* value[x] only code
* valueCode from DecisionCodes (required)

Extension: BasedOnVersion
Id: based-on-version
Title: "Based on version"
Description: "The version of this ResearchSubject that the adapter had read when it wrote; absent where it created it."
Context: ResearchSubject
* insert OurDefinition
* value[x] 1..1
* value[x] only id

Extension: StatusSetByPerson
Id: status-set-by-person
Title: "Status set by a person"
Description: "The status is a person's, and the adapter leaves it. Taken out, the status is the adapter's again."
Context: ResearchSubject
* insert OurDefinition
* value[x] 1..1
* value[x] only boolean
