// What a study is. The words are those of ClinicalTrials.gov's data dictionary, where it has them.

CodeSystem: PlanType
Id: plan-type
Title: "Types of plans"
Description: "Which of a study's plans it is."
* insert OurCodes(plan-type)
* #eligibility "Eligibility" "Who may take part."
* #treatment "Treatment" "What is done."

ValueSet: PlanTypeCodes
Id: plan-type
Title: "Types of plans"
Description: "All codes of plan-type."
* insert AllCodes(PlanType)

CodeSystem: CompletenessOfCriteria
Id: completeness
Title: "Completeness"
Description: "Whether the source publishes all of its criteria."
* insert OurCodes(completeness)
* #full "Full" "All criteria are published."
* #partial "Partial" "No criteria are published, or the source says that there are more."

ValueSet: CompletenessCodes
Id: completeness
Title: "Completeness"
Description: "All codes of completeness."
* insert AllCodes(CompletenessOfCriteria)

CodeSystem: StudyRecruitment
Id: recruitment-status
Title: "Recruitment status"
Description: "The registry's own status of a study."
* insert OurCodes(recruitment-status)
* #not-yet-recruiting "Not yet recruiting" "It has not begun."
* #recruiting "Recruiting" "It takes patients."
* #enrolling-by-invitation "Enrolling by invitation" "It takes patients whom it asks."
* #active-not-recruiting "Active, not recruiting" "It runs and takes nobody any more."
* #completed "Completed" "It has ended as planned."
* #suspended "Suspended" "It has stopped, and may go on."
* #terminated "Terminated" "It was stopped early, for good."
* #withdrawn "Withdrawn" "It was stopped before anyone took part."
* #unknown "Unknown" "The registry says no more."

ValueSet: RecruitmentStatusCodes
Id: recruitment-status
Title: "Recruitment status"
Description: "All codes of recruitment-status."
* insert AllCodes(StudyRecruitment)

CodeSystem: ArmType
Id: arm-type
Title: "Types of arms"
Description: "What an arm of a study is."
* insert OurCodes(arm-type)
* #experimental "Experimental" "It receives what the study is about."
* #other "Other" "Anything else."

ValueSet: ArmTypeCodes
Id: arm-type
Title: "Types of arms"
Description: "All codes of arm-type."
* insert AllCodes(ArmType)

CodeSystem: InterventionType
Id: intervention-type
Title: "Types of interventions"
Description: "What kind of thing is given or done."
* insert OurCodes(intervention-type)
* #biological "Biological" "A product made from living material."
* #drug "Drug" "A drug."
* #procedure "Procedure" "Something done to the patient."

ValueSet: InterventionTypeCodes
Id: intervention-type
Title: "Types of interventions"
Description: "All codes of intervention-type."
* insert AllCodes(InterventionType)

CodeSystem: TreatmentPhase
Id: treatment-phase
Title: "Steps of a treatment"
Description: "The steps of a treatment with engineered cells."
* insert OurCodes(treatment-phase)
* #apheresis "Apheresis" "Cells are taken."
* #lymphodepletion "Lymphodepletion" "Room is made for them."
* #infusion "Infusion" "The engineered cells are given."
* #follow-up "Follow-up" "The patient is watched."

ValueSet: TreatmentPhaseCodes
Id: treatment-phase
Title: "Steps of a treatment"
Description: "All codes of treatment-phase."
* insert AllCodes(TreatmentPhase)

ValueSet: OutcomeTypeCodes
Id: outcome-type
Title: "Types of outcome measures"
Description: "Which outcome a measure belongs to, in the codes of a study's objectives."
* insert OurValueSet
* $ObjectiveType#primary
* $ObjectiveType#secondary
* $ObjectiveType#exploratory
