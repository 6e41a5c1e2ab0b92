"""What a leaf of a definition reads, said a second time, so that the evaluator can be held against it."""

from collections.abc import Iterator
from typing import Any

from adapter.criteria.catalogue import Analyte
from adapter.criteria.model import Leaf
from adapter.kinds.age import Age
from adapter.kinds.allergy import Allergy
from adapter.kinds.condition.statement import Condition
from adapter.kinds.consent import ResearchConsent
from adapter.kinds.disease_course.diseases import DiseaseCourse
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.judgement import Judgement
from adapter.kinds.measurement.statement import Measurement
from adapter.kinds.person import Sex
from tests.properties.core import TERMINOLOGY, Json

CATALOGUE = TERMINOLOGY.catalogue
GIVEN = {
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "Procedure",
}
PREGNANCY = {
    "pregnancy",
    "pregnancy-status",
    "pregnancy-test",
    "hysterectomy",
    *CATALOGUE.conditions["pregnancy"].ended_by,
}


def value_sets(leaf: Leaf) -> set[str]:  # noqa: PLR0911  # one line a kind
    """The value sets of the resources that a leaf reads, the words for absence among them."""
    match leaf:
        case Measurement():
            return _analyte(CATALOGUE.analytes[leaf.analyte])
        case Condition():
            named = _conditions(leaf.concepts) | {*leaf.shown} | (PREGNANCY if leaf.sex_bound else set())
            named = named.union(*(_contradicting(name) for name in leaf.concepts))
            return named.union(*(_analyte(CATALOGUE.analytes[test.analyte]) for test in leaf.tests))
        case DiseaseCourse():
            return _conditions(leaf.concepts) | {*leaf.blasts}
        case Exposure():
            return {*leaf.concepts}.union(*(CATALOGUE.exposures[name].absent for name in leaf.concepts))
        case Allergy():
            held = [CATALOGUE.substances[name] for name in leaf.concepts]
            return {*leaf.concepts}.union(*((*each.may_be, *each.absent) for each in held))
        case Judgement():
            return _conditions(leaf.gate) | (PREGNANCY if leaf.sex_bound else set())
        case _:
            return set()


def _contradicting(concept: str) -> set[str]:
    """What else says something of a condition: its other tests, what ends it, what makes a negative unsafe."""
    held = CATALOGUE.conditions[concept]
    table = CATALOGUE.infections.get(concept)
    analytes = [test.analyte for test in table.tests.values()] if table else []
    analytes += [doubt.analyte for doubt in held.doubts if doubt.analyte]
    given = {doubt.exposure for doubt in held.doubts if doubt.exposure}
    return given.union(held.ended_by, *(_analyte(CATALOGUE.analytes[name]) for name in analytes))


def _analyte(analyte: Analyte) -> set[str]:
    beside = {*analyte.tumour_cells, *(each.analyte for each in analyte.raised_by)}
    return {analyte.id, *analyte.not_comparable, *beside} | ({analyte.alternative} if analyte.alternative else set())


def _conditions(concepts: tuple[str, ...]) -> set[str]:
    found = {*concepts}
    for name in concepts:
        found.update(CATALOGUE.conditions[name].may_be, CATALOGUE.conditions[name].absent)
    return found


def person_elements(leaf: Leaf) -> set[str]:
    """The elements of Patient that a leaf reads: the birth date also for Lansky and for age-bound ranges."""
    match leaf:
        case Age():
            return {"birthDate"}
        case Sex():
            return {"gender", "extension"}
        case Measurement():
            return {"birthDate", "gender", "extension"}
        case Condition() | Judgement() if leaf.sex_bound:
            return {"birthDate", "gender", "extension"}
        case Condition() if any(name in CATALOGUE.infections for name in leaf.concepts):
            return {"birthDate"}  # an infant's antibodies are its mother's
        case _:
            return set()


def is_read(resource: Json, leaf: Leaf) -> bool:
    """Whether a leaf reads a resource of the patient."""
    match resource["resourceType"]:
        case "Consent":
            return isinstance(leaf, ResearchConsent)
        # whole lists: an entry of unknown meaning blocks a negative
        case "Condition" if _reads_conditions(leaf):
            return True
        case "AllergyIntolerance" if isinstance(leaf, Allergy):
            return True
        case kind if kind in GIVEN and isinstance(leaf, Exposure):
            return True
    return any(_sets(coding) & value_sets(leaf) for coding in _codings(resource))


def _reads_conditions(leaf: Leaf) -> bool:
    match leaf:
        case Condition() | DiseaseCourse():
            return True
        case Judgement():
            return bool(leaf.gate) or leaf.sex_bound
        case _:
            return False


def _sets(coding: Json) -> frozenset[str]:
    return TERMINOLOGY.value_sets_of(coding["system"], coding["code"]) or frozenset()


def _codings(resource: Json) -> Iterator[Any]:
    for element in ("code", "medicationCodeableConcept"):
        yield from resource.get(element, {}).get("coding", [])
