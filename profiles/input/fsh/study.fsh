// A study: who it is, and which plans and which Group say the rest.

Profile: TrialStudy
Parent: ResearchStudy
Id: study
Title: "Study"
Description: "A clinical trial whose criteria can be evaluated: its registry entry, its plans, and the people it looks for."
* insert OurDefinition
* extension contains
    DefinitionVersion named version 1..1 and
    Completeness named completeness 1..1 and
    IndexCondition named index 0..* and
    RecruitmentStatus named recruitment 1..1 and
    TargetEnrollment named target 0..1 and
    StudySponsor named sponsors 0..* and
    OutcomeMeasure named outcome 0..* and
    OfficialTitle named official 0..1 and
    Acronym named acronym 0..1 and
    WhyStopped named stopped 0..1 and
    StudyDesign named design 0..1 and
    RegistryEligibility named eligible 0..1
* site only Reference(StudySite)
* site.reference 1..1
* sponsor only Reference(LeadingSponsor)
* sponsor.reference 1..1
* category.text 1..1
* phase.text 1..1
* identifier.system 1..1
* identifier.value 1..1
* title 1..1
* protocol 2..*
* protocol only Reference(EligibilityPlan or TreatmentPlan or ArmPlan)
* protocol.reference 1..1
* enrollment 1..1
* enrollment only Reference(EnrollmentGroup)
* enrollment.reference 1..1
* identifier ^short = "The registry's number first (NCT), then the others, and ours"
* protocol ^short = "The eligibility plan, the treatment plan, and a contained plan for each intervention of an arm"
* enrollment ^short = "The group of whom the study looks for"
* site ^short = "Where it runs; contained"
* sponsor ^short = "Who leads it; contained"
* category.text ^short = "Study Type: Interventional, Observational or Expanded access"
* enrollment.display ^short = "The criteria for people, a line each"
* arm.extension contains ArmIntervention named intervention 0..*
* arm.type from ArmTypeCodes (required)
* objective.type 1..1
* objective.name 1..1

Extension: DefinitionVersion
Id: definition-version
Title: "Version of the definition"
Description: "The version of the trial's definition; R4 gives a ResearchStudy none."
Context: ResearchStudy
* insert OurDefinition
* value[x] 1..1
* value[x] only string

Extension: Completeness
Id: completeness
Title: "Completeness of the published criteria"
Description: "Whether the source publishes all of its criteria. With some of them only, nobody is a candidate."
Context: ResearchStudy
* insert OurDefinition
* value[x] 1..1
* value[x] only code
* valueCode from CompletenessCodes (required)

Extension: IndexCondition
Id: index-condition
Title: "Index condition"
Description: "A disease that makes a patient worth screening, as the value set of its codes; of several, any one counts."
Context: ResearchStudy
* insert OurDefinition
* value[x] 1..1
* value[x] only canonical

Extension: RecruitmentStatus
Id: recruitment-status
Title: "Recruitment status"
Description: "The registry's own status of a study or of one of its sites, finer than the codes of ResearchStudy.status."
Context: ResearchStudy, Location
* insert OurDefinition
* value[x] 1..1
* value[x] only code
* valueCode from RecruitmentStatusCodes (required)

Extension: TargetEnrollment
Id: target-enrollment
Title: "Target enrollment"
Description: "How many people the study wants to enroll."
Context: ResearchStudy
* insert OurDefinition
* value[x] 1..1
* value[x] only integer

Extension: StudySponsor
Id: sponsor
Title: "Sponsor"
Description: "A sponsor or collaborator, with the role that the registry gives it."
Context: ResearchStudy
* insert OurDefinition
* extension ^slicing.rules = #closed
* extension contains name 1..1 and role 1..1
* extension[name].value[x] 1..1
* extension[name].value[x] only string
* extension[role].value[x] 1..1
* extension[role].value[x] only string

Extension: OutcomeMeasure
Id: outcome-measure
Title: "Outcome measure"
Description: "What the study measures, and when; R4's ResearchStudy has no element for it."
Context: ResearchStudy
* insert OurDefinition
* extension ^slicing.rules = #closed
* extension contains type 1..1 and title 1..1 and time-frame 0..1 and description 0..1
* extension[type].value[x] 1..1
* extension[type].value[x] only code
* extension[type].valueCode from OutcomeTypeCodes (required)
* extension[title].value[x] 1..1
* extension[title].value[x] only string
* extension[time-frame].value[x] 1..1
* extension[time-frame].value[x] only string
* extension[description].value[x] 1..1
* extension[description].value[x] only string

Extension: ArmIntervention
Id: arm-intervention
Title: "Intervention of an arm"
Description: "The id of an activity that the treatment plan contains: what this arm receives."
Context: ResearchStudy.arm
* insert OurDefinition
* value[x] 1..1
* value[x] only id

Extension: OfficialTitle
Id: official-title
Title: "Official title"
Description: "The title as the protocol has it, beside the short one."
Context: ResearchStudy
* insert OurDefinition
* value[x] 1..1
* value[x] only string

Extension: Acronym
Id: acronym
Title: "Acronym"
Description: "What the study is called in short."
Context: ResearchStudy
* insert OurDefinition
* value[x] 1..1
* value[x] only string

Extension: WhyStopped
Id: why-stopped
Title: "Why it stopped"
Description: "Why the study was stopped early."
Context: ResearchStudy
* insert OurDefinition
* value[x] 1..1
* value[x] only string

Extension: StudyDesign
Id: study-design
Title: "Study design"
Description: "How a study is built, as registries say it; R4 has no element for it."
Context: ResearchStudy
* insert OurDefinition
* extension ^slicing.rules = #closed
* extension contains allocation 0..1 and model 0..1 and masking 0..1 and masked 0..* and observational-model 0..1 and time-perspective 0..1
* extension[allocation].value[x] 1..1
* extension[allocation].value[x] only code
* extension[allocation].valueCode from AllocationCodes (required)
* extension[model].value[x] 1..1
* extension[model].value[x] only code
* extension[model].valueCode from InterventionModelCodes (required)
* extension[masking].value[x] 1..1
* extension[masking].value[x] only code
* extension[masking].valueCode from MaskingCodes (required)
* extension[masked].value[x] 1..1
* extension[masked].value[x] only code
* extension[masked].valueCode from MaskedCodes (required)
* extension[observational-model].value[x] 1..1
* extension[observational-model].value[x] only code
* extension[observational-model].valueCode from ObservationalModelCodes (required)
* extension[time-perspective].value[x] 1..1
* extension[time-perspective].value[x] only code
* extension[time-perspective].valueCode from TimePerspectiveCodes (required)

Extension: RegistryEligibility
Id: registry-eligibility
Title: "A registry entry's eligibility"
Description: "What a registry says of who may take part in few words; it decides nothing."
Context: ResearchStudy
* insert OurDefinition
* extension ^slicing.rules = #closed
* extension contains min-age 0..1 and max-age 0..1 and sex 0..1 and healthy-volunteers 0..1 and sampling-method 0..1 and population 0..1
* extension[min-age].value[x] 1..1
* extension[min-age].value[x] only Duration
* extension[max-age].value[x] 1..1
* extension[max-age].value[x] only Duration
* extension[sex].value[x] 1..1
* extension[sex].value[x] only code
* extension[sex].valueCode from EligibleSexCodes (required)
* extension[healthy-volunteers].value[x] 1..1
* extension[healthy-volunteers].value[x] only boolean
* extension[sampling-method].value[x] 1..1
* extension[sampling-method].value[x] only code
* extension[sampling-method].valueCode from SamplingMethodCodes (required)
* extension[population].value[x] 1..1
* extension[population].value[x] only string

Profile: ArmPlan
Parent: PlanDefinition
Id: arm-plan
Title: "What an arm receives"
Description: "One intervention of one arm, contained in its study for clients that read no more than a ResearchStudy."
* insert OurDefinition
* title 1..1
* subject[x] 1..1
* subject[x] only CodeableConcept
* subjectCodeableConcept.text 1..1
* subjectCodeableConcept.text ^short = "The arm's name"
* type.text ^short = "The type of the intervention"

Profile: LeadingSponsor
Parent: Organization
Id: study-sponsor
Title: "Leading sponsor"
Description: "Who is responsible for a study, contained in it."
* insert OurDefinition
* name 1..1
* name ^short = "The sponsor's name"

Profile: StudySite
Parent: Location
Id: study-site
Title: "Site of a study"
Description: "Where a study runs, and whether it recruits there; contained in the study."
* insert OurDefinition
* extension contains RecruitmentStatus named recruitment 0..1
* name 1..1
* name ^short = "The site's name"
* position ^short = "Where it is, in degrees (WGS 84); by it, distances are told"
