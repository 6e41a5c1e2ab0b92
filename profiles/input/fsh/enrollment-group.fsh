// The people whom a study looks for, as far as a Group can say it.

Profile: EnrollmentGroup
Parent: Group
Id: enrollment-group
Title: "Enrollment group"
Description: "The people whom a study looks for. Never narrower than the eligibility plan, which says everything."
* insert OurDefinition
* extension contains
    EligibilityPlanOfGroup named plan 1..1 and
    LeftToPlan named left 0..*
* type = #person
* actual = false
* name 1..1
* characteristic.extension contains
    CriterionId named criterion 1..1 and
    Concept named concept 0..*
* member 0..0

Extension: EligibilityPlanOfGroup
Id: plan
Title: "Eligibility plan"
Description: "The plan that says everything, with its version."
Context: Group
* insert OurDefinition
* value[x] 1..1
* value[x] only canonical
* valueCanonical 1..1

Extension: LeftToPlan
Id: left-to-plan
Title: "Left to the plan"
Description: "The id of a criterion that the Group says in part only, or not at all."
Context: Group
* insert OurDefinition
* value[x] 1..1
* value[x] only string

Extension: CriterionId
Id: criterion-id
Title: "Criterion restated"
Description: "The id of the criterion that a characteristic restates."
Context: Group.characteristic
* insert OurDefinition
* value[x] 1..1
* value[x] only string

Extension: Concept
Id: concept
Title: "Concept"
Description: "The value set that the codes beside it come from; of several, any one counts."
Context: Group.characteristic, ActivityDefinition
* insert OurDefinition
* value[x] 1..1
* value[x] only canonical
