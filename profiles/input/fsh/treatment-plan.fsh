// What is done in a study: a step an action, what is given a contained activity.

Profile: TreatmentPlan
Parent: PlanDefinition
Id: treatment-plan
Title: "Treatment plan"
Description: "What a study does, step by step, seen from the infusion; what is given or done is contained."
* insert OurDefinition
* obeys steps-have-phases and activities-contained
* url 1..1
* version 1..1
* name 1..1
* title 1..1
* type 1..1
* type.coding ^slicing.discriminator.type = #value
* type.coding ^slicing.discriminator.path = "system"
* type.coding ^slicing.rules = #open
* type.coding contains ours 1..1
* type.coding[ours].system = "http://example.org/fhir-trial-adapter/CodeSystem/plan-type"
* type.coding[ours].code = #treatment
* action.extension contains
    StartDay named start 0..1 and
    EndDay named end 0..1 and
    ShortestDuration named shortest 0..1
* action.title 1..1
* action.code from TreatmentPhaseCodes (required)

Invariant: steps-have-phases
Description: "A step says which phase of the treatment it is"
Severity: #error
Expression: "action.all(code.count() = 1)"

Invariant: activities-contained
Description: "What a step gives or does is one of the contained activities"
Severity: #error
Expression: "action.action.definition.all(substring(1) in %resource.contained.ofType(ActivityDefinition).id)"

Profile: TrialIntervention
Parent: ActivityDefinition
Id: intervention
Title: "Intervention"
Description: "A drug, a product or a procedure of a study; it stands inside of the treatment plan."
* insert OurDefinition
* extension contains Concept named concept 0..1
* title 1..1
* topic 1..1
* topic from InterventionTypeCodes (required)
* kind 1..1
* obeys product-or-procedure

Invariant: product-or-procedure
Description: "A procedure is ordered by its code, anything else by its product"
Severity: #error
Expression: "iif(kind = 'ServiceRequest', code.exists() and product.empty(), product.exists() and code.empty())"

Extension: StartDay
Id: start-day
Title: "First day"
Description: "The first day of a step, counted from the infusion (day 0)."
Context: PlanDefinition.action
* insert OurDefinition
* value[x] 1..1
* value[x] only integer

Extension: EndDay
Id: end-day
Title: "Last day"
Description: "The last day of a step, counted from the infusion (day 0)."
Context: PlanDefinition.action
* insert OurDefinition
* value[x] 1..1
* value[x] only integer

Extension: ShortestDuration
Id: shortest-duration
Title: "Shortest duration"
Description: "The shortest length of a step, as the source states it."
Context: PlanDefinition.action
* insert OurDefinition
* value[x] 1..1
* value[x] only Duration
