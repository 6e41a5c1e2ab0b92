// What a criterion states. Each list is closed, and equal to that of the criterion algebra.

CodeSystem: CriterionKind
Id: criterion-kind
Title: "Inclusion and exclusion"
Description: "Whether a met statement is asked for, excludes, or tells who is worth screening."
* insert OurCodes(criterion-kind)
* #inclusion "Inclusion" "Who takes part must meet it."
* #exclusion "Exclusion" "Who meets it can't take part."
* #index "Index" "Who meets it is worth screening; it neither includes nor excludes."

ValueSet: CriterionKindCodes
Id: criterion-kind
Title: "Inclusion and exclusion"
Description: "All codes of criterion-kind."
* insert AllCodes(CriterionKind)

CodeSystem: StatementKind
Id: statement-kind
Title: "Kinds of statements"
Description: "What kind of statement a criterion makes."
* insert OurCodes(statement-kind)
* #age "Age" "Completed age within bounds."
* #sex "Sex" "Sex for clinical use."
* #condition "Condition" "A diagnosis on record, active or ever."
* #disease-course "Course of a disease" "A disease has relapsed, or is refractory."
* #measurement "Measurement" "A measurement compared with a value."
* #change "Change" "An analyte has risen or fallen by so much to its latest value."
* #variant "Variant" "A genetic variant is present."
* #exposure "Exposure" "A drug or a procedure within a window, or ever."
* #allergy "Allergy" "An allergy or intolerance."
* #device "Device" "A device that the patient has."
* #encounter "Encounter" "A way of being treated, lately or ever."
* #family-history "Family history" "A disease in the family."
* #participation "Participation" "Taking part in a study."
* #planned "Planned" "A drug or procedure that is planned."
* #adverse-event "Adverse event" "An adverse event, lately or ever."
* #report "Report" "A report, with a conclusion if asked."
* #specimen "Specimen" "A specimen that is there."
* #residence "Residence" "Where the patient lives."
* #language "Language" "A language that the patient speaks."
* #marital-status "Marital status" "The marital status."
* #childbearing-potential "Childbearing potential" "A woman who can become pregnant."
* #contraindication "Contraindication" "A person judges it, and sees what is on record."
* #sequence "Sequence" "One event before, after or during another."
* #linked "Linked" "A diagnosis that is treated by, not treated by, or because of something else."
* #count "Count" "So many events, or so many different drugs."
* #lines-of-therapy "Lines of therapy" "So many lines of therapy."
* #consent "Consent" "An active research consent to this study."
* #judgement "Judgement" "What only a person can say."
* #all-of "All of" "All parts hold."
* #any-of "Any of" "At least one part holds."
* #any-known "Any that is known" "At least one of the parts that are known holds."
* #at-least-n "At least n" "At least so many parts hold."
* #not "Not" "The part does not hold."
* #if-then "If, then" "The second part holds wherever the first does; the third, if there is one, where it doesn't."
* #as "As" "The first part holds, of the kind that the second one defines."

ValueSet: StatementKindCodes
Id: statement-kind
Title: "Kinds of statements"
Description: "All codes of statement-kind."
* insert AllCodes(StatementKind)

CodeSystem: OccurrenceOfCondition
Id: occurrence
Title: "Occurrence"
Description: "Whether a condition must be active, or may have been at any time."
* insert OurCodes(occurrence)
* #active "Active" "Active at the instant of evaluation."
* #ever "Ever" "At any time up to it."

ValueSet: OccurrenceCodes
Id: occurrence
Title: "Occurrence"
Description: "All codes of occurrence."
* insert AllCodes(OccurrenceOfCondition)

CodeSystem: QualifierOfCondition
Id: qualifier
Title: "Qualifier"
Description: "What a source adds to a condition that ordinary data don't carry: on record, it is a question for a person."
* insert OurCodes(qualifier)
* #severe "Severe" "Severe."
* #uncontrolled "Uncontrolled" "Not controlled."
* #advanced "Advanced" "Advanced."
* #clinically-significant "Clinically significant" "Clinically significant."
* #researcher-determined "Determined by the researcher" "The source leaves it to the researcher."

ValueSet: QualifierCodes
Id: qualifier
Title: "Qualifier"
Description: "All codes of qualifier."
* insert AllCodes(QualifierOfCondition)

CodeSystem: SeverityOfCondition
Id: severity
Title: "Severity"
Description: "How severe an entry says that a condition is."
* insert OurCodes(severity)
* #mild "Mild" "Mild."
* #moderate "Moderate" "Moderate."
* #severe "Severe" "Severe."
* #life-threatening "Life-threatening" "It threatened life."
* #fatal "Fatal" "It ended life."

ValueSet: SeverityCodes
Id: severity
Title: "Severity"
Description: "All codes of severity."
* insert AllCodes(SeverityOfCondition)

CodeSystem: StageOfCancer
Id: stage
Title: "Stage"
Description: "How far an entry says that a cancer is advanced; parts of a stage (IIIA) are the stage."
* insert OurCodes(stage)
* #0 "Stage 0" "Stage 0."
* #I "Stage I" "Stage I with its parts."
* #II "Stage II" "Stage II with its parts."
* #III "Stage III" "Stage III with its parts."
* #IV "Stage IV" "Stage IV with its parts."

ValueSet: StageCodes
Id: stage
Title: "Stage"
Description: "All codes of stage."
* insert AllCodes(StageOfCancer)

CodeSystem: GradeOfCondition
Id: grade
Title: "Grade"
Description: "The grade that an entry has, where it counts from 1 to 5 (CTCAE)."
* insert OurCodes(grade)
* #1 "Grade 1" "Mild."
* #2 "Grade 2" "Moderate."
* #3 "Grade 3" "Severe, not immediately threatening life."
* #4 "Grade 4" "Threatening life."
* #5 "Grade 5" "Death."

ValueSet: GradeCodes
Id: grade
Title: "Grade"
Description: "All codes of grade."
* insert AllCodes(GradeOfCondition)

CodeSystem: RelationInTime
Id: relation
Title: "Relation in time"
Description: "How one event stands to another in time."
* insert OurCodes(relation)
* #before "Before" "Before the other one began."
* #after "After" "After the other one: a diagnosis' beginning, a treatment's end."
* #during "During" "Begun while the other one went on."

ValueSet: RelationCodes
Id: relation
Title: "Relation in time"
Description: "All codes of relation."
* insert AllCodes(RelationInTime)

CodeSystem: WhichEvent
Id: which
Title: "Which event"
Description: "Which of several events is meant."
* insert OurCodes(which)
* #any "Any" "Any of them."
* #first "First" "The first one."
* #last "Last" "The last one."

ValueSet: WhichCodes
Id: which
Title: "Which event"
Description: "All codes of which."
* insert AllCodes(WhichEvent)

CodeSystem: LinkOfCondition
Id: link
Title: "Link"
Description: "How a diagnosis is linked to something else."
* insert OurCodes(link)
* #treated-by "Treated by" "The other is given for it."
* #untreated-by "Untreated by" "The other is not given for it."
* #because-of "Because of" "The other is its cause."

ValueSet: LinkCodes
Id: link
Title: "Link"
Description: "All codes of link."
* insert AllCodes(LinkOfCondition)

CodeSystem: CountedThing
Id: counted
Title: "What is counted"
Description: "What is counted."
* insert OurCodes(counted)
* #events "Events" "Events that are sure to be different."
* #drugs "Drugs" "Drugs that are sure to be different."

ValueSet: CountedCodes
Id: counted
Title: "What is counted"
Description: "All codes of counted."
* insert AllCodes(CountedThing)

CodeSystem: CourseOfDisease
Id: course
Title: "Course of a disease"
Description: "How a disease runs."
* insert OurCodes(course)
* #relapsed "Relapsed" "It came back after a remission."
* #refractory "Refractory" "It did not answer to treatment."

ValueSet: CourseCodes
Id: course
Title: "Course of a disease"
Description: "All codes of course."
* insert AllCodes(CourseOfDisease)

CodeSystem: SelectionOfMeasurement
Id: selection
Title: "Selection"
Description: "Which of several measurements inside of the window are compared."
* insert OurCodes(selection)
* #latest "Latest" "The latest one."
* #any "Any" "Any of them."
* #all "All" "All of them."
* #highest "Highest" "The highest one."
* #lowest "Lowest" "The lowest one."

ValueSet: SelectionCodes
Id: selection
Title: "Selection"
Description: "All codes of selection."
* insert AllCodes(SelectionOfMeasurement)

CodeSystem: FindingOfTest
Id: finding
Title: "Finding"
Description: "A qualitative result."
* insert OurCodes(finding)
* #positive "Positive" "Found."
* #negative "Negative" "Looked for, and not found."

ValueSet: FindingCodes
Id: finding
Title: "Finding"
Description: "All codes of finding."
* insert AllCodes(FindingOfTest)

CodeSystem: DirectionOfChange
Id: direction
Title: "Direction"
Description: "Which way a value went."
* insert OurCodes(direction)
* #rise "Rise" "It rose."
* #fall "Fall" "It fell."

ValueSet: DirectionCodes
Id: direction
Title: "Direction"
Description: "All codes of direction."
* insert AllCodes(DirectionOfChange)

CodeSystem: SinceOfChange
Id: since
Title: "Since"
Description: "From which of the earlier values a change is counted."
* insert OurCodes(since)
* #first "First" "The first one inside the window."
* #previous "Previous" "The one before."
* #lowest "Lowest" "The lowest one."
* #highest "Highest" "The highest one."

ValueSet: SinceCodes
Id: since
Title: "Since"
Description: "All codes of since."
* insert AllCodes(SinceOfChange)

CodeSystem: DoneTest
Id: done
Title: "Done"
Description: "That something was measured, whatever came out."
* insert OurCodes(done)
* #measured "Measured" "It was measured, whatever came out."

ValueSet: DoneCodes
Id: done
Title: "Done"
Description: "All codes of done."
* insert AllCodes(DoneTest)

ValueSet: ComparisonCodes
Id: comparison
Title: "Comparisons"
Description: "What a measurement is compared with where it is no number: a finding, or that it was measured."
* insert OurValueSet
* include codes from system FindingOfTest
* include codes from system DoneTest

CodeSystem: LimitOfNormal
Id: limit-of-normal
Title: "Limits of normal"
Description: "Limits of normal as units of a Quantity: 1.5 ULN is one and a half times the upper limit."
* insert OurCodes(limit-of-normal)
* #ULN "Upper limit of normal" "The upper limit of the result's own reference range."
* #LLN "Lower limit of normal" "The lower limit of the result's own reference range."

ValueSet: LimitOfNormalCodes
Id: limit-of-normal
Title: "Limits of normal"
Description: "All codes of limit-of-normal."
* insert AllCodes(LimitOfNormal)

CodeSystem: CharacteristicOfGroup
Id: characteristic
Title: "Characteristics"
Description: "What a Group's characteristic is about where no analyte says it."
* insert OurCodes(characteristic)
* #age "Age" "Age."
* #sex "Sex" "Sex for clinical use."
* #diagnosis "Active diagnosis" "A diagnosis that is active."
* #past-or-present-diagnosis "Diagnosis at any time" "A diagnosis, active or over."

ValueSet: CharacteristicCodes
Id: characteristic
Title: "Characteristics"
Description: "All codes of characteristic."
* insert AllCodes(CharacteristicOfGroup)

ValueSet: SexCodes
Id: sex-for-clinical-use
Title: "Sex for clinical use"
Description: "The sexes that a criterion can ask for."
* insert OurValueSet
* $Gender#female
* $Gender#male
