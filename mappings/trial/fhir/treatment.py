"""A study's treatment -> a PlanDefinition and an ActivityDefinition an intervention, and back."""

from adapter.criteria import study
from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.model import TrialDefinition
from adapter.criteria.study import Intervention, InterventionType
from adapter.criteria.terminology import Terminology
from adapter.fhir.elements import conforms_to
from mappings.trial.fhir.datatype import CONCEPT, DURATION, INTEGER, Extension, duration, enum_of
from mappings.trial.fhir.element import (
    TREATMENT,
    Element,
    Json,
    code_system,
    element,
    narrative,
    present,
    structure,
    table,
    text,
)
from mappings.trial.fhir.eligibility import plan_head
from mappings.trial.fhir.shared import few_codes

INTERVENTION_TYPE = code_system("intervention-type")
INTERVENTION_CONCEPT = Extension(structure("concept"), CONCEPT)
"""The drug or procedure concept of the catalogue."""


_KINDS = {
    **dict.fromkeys(
        (
            InterventionType.BIOLOGICAL,
            InterventionType.COMBINATION_PRODUCT,
            InterventionType.DIETARY_SUPPLEMENT,
            InterventionType.DRUG,
            InterventionType.GENETIC,
        ),
        "MedicationRequest",
    ),
    InterventionType.DEVICE: "DeviceRequest",
}


def build_activity(intervention: Intervention, terminology: Terminology) -> Json:
    """A drug or product as a MedicationRequest, a device as a DeviceRequest, all else as a ServiceRequest."""
    kind = _KINDS.get(intervention.type, "ServiceRequest")
    is_product = kind == "MedicationRequest"
    coding = few_codes(intervention.concept, terminology) if intervention.concept else []
    what = present({"coding": coding, "text": intervention.name})
    return present(
        {
            "resourceType": "ActivityDefinition",
            "id": intervention.id,
            "meta": conforms_to("intervention"),
            "extension": INTERVENTION_CONCEPT.write(intervention.concept),
            "title": intervention.name,
            "status": "active",
            "topic": [{"coding": [{"system": INTERVENTION_TYPE, "code": intervention.type.value}]}],
            "kind": kind,
            "code": None if is_product else what,
            "productCodeableConcept": what if is_product else None,
            "dosage": [{"route": {"text": intervention.route}}] if intervention.route else None,
        }
    )


def read_activity(activity: Element) -> Intervention:
    """The intervention. Raises DefinitionError with the path of what can't be read."""
    if activity.text("resourceType") != "ActivityDefinition":
        activity.refuse("an ActivityDefinition is wanted here; correct it", "resourceType")
    type_ = activity.code("topic", INTERVENTION_TYPE)
    if type_ is None:
        activity.refuse(f"an intervention needs a code of {INTERVENTION_TYPE}; add it", "topic")
    routes = (dosage.below("route") for dosage in activity.each("dosage"))
    return Intervention(
        id=activity.need("id"),
        name=activity.need("title"),
        type=enum_of(InterventionType, type_, activity, "topic"),
        concept=INTERVENTION_CONCEPT.read_one(activity),
        route=next((route.text("text") for route in routes if route is not None), None),
    )


PLAN_DEFINITION_TYPE = "http://terminology.hl7.org/CodeSystem/plan-definition-type"
TREATMENT_PHASE = code_system("treatment-phase")
START_DAY = Extension(structure("start-day"), INTEGER)
END_DAY = Extension(structure("end-day"), INTEGER)
"""Days of a step, counted from the infusion (day 0)."""
AT_LEAST = Extension(structure("shortest-duration"), DURATION)
"""The shortest length of a step, as the source states it."""


def build_treatment(definition: TrialDefinition, terminology: Terminology) -> Json:
    """The plan; without a published treatment it has no actions."""
    held = definition.study
    head = plan_head(definition, TREATMENT, "Treatment")
    infusions = (n for n, step in enumerate(held.treatment) if step.phase == study.TreatmentPhase.INFUSION)
    infusion = next(infusions, None)
    titles = {each.id: each.name for each in held.interventions}
    return present(
        {
            **head,
            "type": {
                "coding": [*head["type"]["coding"], {"system": PLAN_DEFINITION_TYPE, "code": "clinical-protocol"}]
            },
            "text": _narrative(head["title"], held, titles),
            "contained": [build_activity(each, terminology) for each in held.interventions],
            "relatedArtifact": [{"type": "composed-of", "resource": f"#{each.id}"} for each in held.interventions],
            "action": [_action(n, step, infusion, titles) for n, step in enumerate(held.treatment)],
        }
    )


def _action(number: int, step: study.TreatmentStep, infusion: int | None, titles: dict[str, str]) -> Json:
    related = None
    if infusion not in (None, number) and step.start_day is not None:
        related = [{"actionId": f"step-{infusion}", **_offset(step.start_day)}]
    given = [{"title": titles[each], "definitionCanonical": f"#{each}"} for each in step.interventions]
    return present(
        {
            "id": f"step-{number}",
            "extension": [
                *START_DAY.write(step.start_day),
                *END_DAY.write(step.end_day),
                *AT_LEAST.write(step.duration),
            ],
            "title": step.title,
            "description": step.note,
            "textEquivalent": _told(step, titles),
            "code": [_phase(step.phase)],
            "relatedAction": related,
            "timingDuration": _length(step),
            "groupingBehavior": "logical-group" if given else None,
            "selectionBehavior": "all" if given else None,
            "action": given,
        }
    )


def _phase(phase: str) -> Json:
    """A coded step, or one of another protocol in its own words."""
    if phase in set(study.TreatmentPhase):
        return {"coding": [{"system": TREATMENT_PHASE, "code": phase}]}
    return {"text": phase}


def _offset(day: int) -> Json:
    """Where a day lies, seen from the infusion's start."""
    if day == 0:
        return {"relationship": "concurrent-with-start"}
    relationship = "after-start" if day > 0 else "before-start"
    return {"relationship": relationship, "offsetDuration": duration(Duration(abs(day), CalendarUnit.DAY))}


def _length(step: study.TreatmentStep) -> Json | None:
    """The shortest length that is stated; else the days from the first to the last."""
    if step.duration is not None:
        return {"comparator": ">=", **duration(step.duration)}
    if step.start_day is None or step.end_day is None or step.end_day < step.start_day:
        return None
    return duration(Duration(step.end_day - step.start_day + 1, CalendarUnit.DAY))


def _days(step: study.TreatmentStep) -> str:
    days = [f"day {day}" for day in dict.fromkeys((step.start_day, step.end_day)) if day is not None]
    if step.start_day is None and step.end_day is not None:
        days = [f"until day {step.end_day}"]
    return " to ".join(days) + (f", at least {step.duration}" if step.duration else "")


def _told(step: study.TreatmentStep, titles: dict[str, str]) -> str:
    given = ", ".join(titles[each] for each in step.interventions)
    return "; ".join(filter(None, (step.phase, given, _days(step).removeprefix(", "))))


def _narrative(title: str, held: study.Study, titles: dict[str, str]) -> Json:
    rows = [
        (
            step.phase,
            step.title,
            ", ".join(titles[each] for each in step.interventions),
            _days(step).removeprefix(", "),
            step.note or "",
        )
        for step in held.treatment
    ]
    heads = ("Phase", "Step", "What", "When (day 0: infusion)", "Note")
    return narrative(element("h2", text(title)), table(heads, rows) or element("p", "No treatment is published."))


def read_interventions(plan: Element) -> tuple[study.Intervention, ...]:
    """What the plan's contained activities give or do."""
    return tuple(read_activity(each) for each in plan.each("contained"))


def read_steps(plan: Element) -> tuple[study.TreatmentStep, ...]:
    """The plan's steps. Raises DefinitionError with the path of what can't be read."""
    return tuple(_step(action) for action in plan.each("action"))


def _step(action: Element) -> study.TreatmentStep:
    texts = (each.text("text") for each in action.each("code"))
    phase = action.code("code", TREATMENT_PHASE) or next(filter(None, texts), None)
    if phase is None:
        action.refuse(f"a step needs a code of {TREATMENT_PHASE}, or a text; add it", "code")
    return study.TreatmentStep(
        phase=phase,
        title=action.need("title"),
        interventions=tuple(each.need("definitionCanonical").removeprefix("#") for each in action.each("action")),
        start_day=START_DAY.read_one(action),
        end_day=END_DAY.read_one(action),
        duration=AT_LEAST.read_one(action),
        note=action.text("description"),
    )
