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
* #available "Available" "Expanded access: patients can get it."
* #no-longer-available "No longer available" "Expanded access has ended."
* #temporarily-not-available "Temporarily not available" "Expanded access has stopped, and may go on."
* #approved-for-marketing "Approved for marketing" "Expanded access has ended: what was given is on the market."
* #withheld "Withheld" "The registry shows no more yet."
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
* #active-comparator "Active comparator" "It receives what is known to work."
* #placebo-comparator "Placebo comparator" "It receives what looks the same and does nothing."
* #sham-comparator "Sham comparator" "It goes through what looks the same and does nothing."
* #no-intervention "No intervention" "It receives nothing."
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
* #behavioral "Behavioral" "Advice, training, psychotherapy."
* #biological "Biological" "A product made from living material, vaccines among them."
* #combination-product "Combination product" "A drug, a device and a biological product in one, or two of them."
* #device "Device" "A device."
* #diagnostic-test "Diagnostic test" "A test."
* #dietary-supplement "Dietary supplement" "A vitamin, a mineral, a food."
* #drug "Drug" "A drug."
* #genetic "Genetic" "Genes are transferred."
* #procedure "Procedure" "Something done to the patient."
* #radiation "Radiation" "Radiation."
* #other "Other" "Anything else."

ValueSet: InterventionTypeCodes
Id: intervention-type
Title: "Types of interventions"
Description: "All codes of intervention-type."
* insert AllCodes(InterventionType)

CodeSystem: TreatmentPhase
Id: treatment-phase
Title: "Steps of a treatment"
Description: "The steps of a treatment with engineered cells; other treatments name theirs in words."
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
* OutcomeType#other

CodeSystem: OutcomeType
Id: outcome-type
Title: "Further types of outcome measures"
Description: "What the types of objectives have no code for."
* insert OurCodes(outcome-type)
* #other "Other pre-specified" "Said before the study began, neither primary nor secondary."

CodeSystem: StudyType
Id: study-type
Title: "Types of studies"
Description: "What kind of study it is."
* insert OurCodes(study-type)
* #interventional "Interventional" "Participants receive what the protocol says."
* #observational "Observational" "Participants are watched."
* #expanded-access "Expanded access" "Patients get what is not approved yet, outside of a trial."

ValueSet: StudyTypeCodes
Id: study-type
Title: "Types of studies"
Description: "All codes of study-type."
* insert AllCodes(StudyType)

CodeSystem: Allocation
Id: allocation
Title: "Allocation"
Description: "How participants come to an arm."
* insert OurCodes(allocation)
* #randomized "Randomized" "By chance."
* #non-randomized "Non-randomized" "By choice."
* #n-a "Not applicable" "There is one arm."

ValueSet: AllocationCodes
Id: allocation
Title: "Allocation"
Description: "All codes of allocation."
* insert AllCodes(Allocation)

CodeSystem: InterventionModel
Id: intervention-model
Title: "Intervention models"
Description: "How arms stand to each other."
* insert OurCodes(intervention-model)
* #single-group "Single group" "One arm."
* #parallel "Parallel" "Side by side."
* #crossover "Crossover" "Each receives both, one after the other."
* #factorial "Factorial" "Alone, and in combination."
* #sequential "Sequential" "One after the other, by what came out."

ValueSet: InterventionModelCodes
Id: intervention-model
Title: "Intervention models"
Description: "All codes of intervention-model."
* insert AllCodes(InterventionModel)

CodeSystem: Masking
Id: masking
Title: "Masking"
Description: "How many parties do not know the arm."
* insert OurCodes(masking)
* #none "None" "Everybody knows."
* #single "Single" "One."
* #double "Double" "Two."
* #triple "Triple" "Three."
* #quadruple "Quadruple" "Four."

ValueSet: MaskingCodes
Id: masking
Title: "Masking"
Description: "All codes of masking."
* insert AllCodes(Masking)

CodeSystem: Masked
Id: masked
Title: "Who is masked"
Description: "Who does not know the arm."
* insert OurCodes(masked)
* #participant "Participant" "Who takes part."
* #care-provider "Care provider" "Who treats."
* #investigator "Investigator" "Who leads the study."
* #outcomes-assessor "Outcomes assessor" "Who judges what came out."

ValueSet: MaskedCodes
Id: masked
Title: "Who is masked"
Description: "All codes of masked."
* insert AllCodes(Masked)

CodeSystem: ObservationalModel
Id: observational-model
Title: "Observational models"
Description: "How the people of an observational study are chosen and followed."
* insert OurCodes(observational-model)
* #cohort "Cohort" "A group, over time."
* #case-control "Case-control" "With and without the disease."
* #case-only "Case-only" "With the disease."
* #case-crossover "Case-crossover" "Each at two times."
* #ecologic-or-community "Ecologic or community" "Places."
* #family-based "Family-based" "Families."
* #defined-population "Defined population" "Everybody of a population."
* #natural-history "Natural history" "The course of a disease."
* #other "Other" "Anything else."

ValueSet: ObservationalModelCodes
Id: observational-model
Title: "Observational models"
Description: "All codes of observational-model."
* insert AllCodes(ObservationalModel)

CodeSystem: TimePerspective
Id: time-perspective
Title: "Time perspectives"
Description: "Where an observational study looks from its beginning."
* insert OurCodes(time-perspective)
* #prospective "Prospective" "Forward."
* #retrospective "Retrospective" "Back."
* #cross-sectional "Cross-sectional" "At one time."
* #other "Other" "Anything else."

ValueSet: TimePerspectiveCodes
Id: time-perspective
Title: "Time perspectives"
Description: "All codes of time-perspective."
* insert AllCodes(TimePerspective)

CodeSystem: SamplingMethod
Id: sampling-method
Title: "Sampling methods"
Description: "How the people of an observational study are drawn."
* insert OurCodes(sampling-method)
* #probability-sample "Probability sample" "By chance."
* #non-probability-sample "Non-probability sample" "In another way."

ValueSet: SamplingMethodCodes
Id: sampling-method
Title: "Sampling methods"
Description: "All codes of sampling-method."
* insert AllCodes(SamplingMethod)

CodeSystem: EligibleSex
Id: eligible-sex
Title: "Sexes of a registry entry"
Description: "Whom a registry entry admits."
* insert OurCodes(eligible-sex)
* #all "All" "Everybody."
* #female "Female" "Women."
* #male "Male" "Men."

ValueSet: EligibleSexCodes
Id: eligible-sex
Title: "Sexes of a registry entry"
Description: "All codes of eligible-sex."
* insert AllCodes(EligibleSex)
