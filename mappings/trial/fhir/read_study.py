"""ResearchStudy -> a study's identity and metadata."""

from collections.abc import Mapping
from typing import Any

from adapter.criteria import study
from mappings.trial.fhir.datatype import enum_of
from mappings.trial.fhir.element import Element
from mappings.trial.fhir.names import OWN_STUDY
from mappings.trial.fhir.research_study import (
    ARM_INTERVENTION,
    ARM_TYPE,
    COMPLETENESS,
    ENROLLED,
    INDEX,
    OBJECTIVE,
    OUTCOME_MEASURE,
    PHASE,
    SPONSOR,
    STATUS,
    VERSION,
)


def read_head(found: Element) -> Mapping[str, Any]:
    """The definition's fields beside its criteria and its study."""
    name = found.need("id")  # also where an identifier says it: an error must say which resource is meant
    index = INDEX.read(found)
    if not index:
        found.refuse(f"the extension {INDEX.url} is missing; name the disease that makes a patient worth screening")
    return {
        "id": _own_id(found) or name,
        "version": VERSION.need(found),
        "identifiers": tuple(
            study.Identifier(system=each.need("system"), value=each.need("value"))
            for each in found.each("identifier")
            if each.text("system") != OWN_STUDY
        ),
        "completeness": COMPLETENESS.need(found),
        "index": index,
    }


def _own_id(found: Element) -> str | None:
    """The study's id as its identifier of ours says it, wherever a server put the resource."""
    own = (each for each in found.each("identifier") if each.text("system") == OWN_STUDY)
    return next((each.need("value") for each in own), None)


def read_metadata(
    found: Element, interventions: tuple[study.Intervention, ...], treatment: tuple[study.TreatmentStep, ...]
) -> study.Study:
    """The study, with what its treatment plan says. Raises DefinitionError with the path of what can't be read."""
    phase = found.code("phase", PHASE)
    period, purpose = found.below("period"), found.below("primaryPurposeType")
    return study.Study(
        title=found.need("title"),
        status=STATUS.need(found),
        phase=None if phase is None else enum_of(study.Phase, phase, found, "phase"),
        purpose=purpose.text("text") if purpose else None,
        summary=found.text("description"),
        enrollment=ENROLLED.read_one(found),
        start=period.text("start") if period else None,
        end=period.text("end") if period else None,
        sponsors=SPONSOR.read(found),
        conditions=tuple(each.need("text") for each in found.each("condition")),
        keywords=tuple(each.need("text") for each in found.each("keyword")),
        sites=tuple(each.need("display") for each in found.each("site")),
        contacts=tuple(each.need("name") for each in found.each("contact")),
        arms=tuple(_arm(each) for each in found.each("arm")),
        interventions=interventions,
        objectives=tuple(_objective(each) for each in found.each("objective")),
        outcome_measures=OUTCOME_MEASURE.read(found),
        treatment=treatment,
    )


def _needed_code(element: Element, name: str, system: str) -> str:
    code = element.code(name, system)
    if code is None:
        element.refuse(f"a code of {system} is missing; add it", name)
    return code


def _arm(arm: Element) -> study.Arm:
    return study.Arm(
        name=arm.need("name"),
        type=enum_of(study.ArmType, _needed_code(arm, "type", ARM_TYPE), arm, "type"),
        interventions=ARM_INTERVENTION.read(arm),
        description=arm.text("description"),
    )


def _objective(objective: Element) -> study.Objective:
    return study.Objective(
        type=enum_of(study.ObjectiveType, _needed_code(objective, "type", OBJECTIVE), objective, "type"),
        text=objective.need("name"),
    )
