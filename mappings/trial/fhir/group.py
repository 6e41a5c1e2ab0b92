"""A definition's criteria -> the Group of patients that the study looks for, as far as a Group can say it.

A Group's characteristics hold all together. So a criterion is said here where it comes apart into such: the parts of an
`all-of` that includes, those of an `any-of` that excludes. The others are left to the plan, and named. The Group is
therefore never narrower than the plan.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from adapter.criteria.catalogue import Catalogue
from adapter.criteria.fields import Section
from adapter.criteria.join import join_of
from adapter.criteria.model import (
    Combinator,
    Criterion,
    CriterionRole,
    Finding,
    Leaf,
    TrialDefinition,
    parts_of,
)
from adapter.criteria.quantity import QuantityThreshold
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding
from adapter.evaluator.kind import Trait, TraitValue, kind_of
from adapter.evaluator.wording import titles
from adapter.fhir.elements import conforms_to
from mappings.trial.fhir.datatype import CONCEPT, STRING, Extension, duration, threshold
from mappings.trial.fhir.element import (
    ELIGIBILITY,
    ENROLLMENT,
    LOINC,
    OWN_GROUP,
    Json,
    canonical,
    code_system,
    element,
    listed,
    narrative,
    part_id,
    present,
    structure,
    text,
)
from mappings.trial.fhir.eligibility import sentence
from mappings.trial.fhir.shared import few_codes

CHARACTERISTIC = code_system("characteristic")
"""What a characteristic is about where no analyte says it: age, sex, a diagnosis."""
CODES: dict[str, list[Json]] = {"age": [{"system": LOINC, "code": "30525-0", "display": "Age"}]}
"""Standard codes beside ours: LOINC's age in general (loinc.org, version 2.78)."""
CONCEPTS = Extension(structure("concept"), CONCEPT)
"""The value sets that a characteristic's codes come from; of several, any one counts."""


def characteristics(statement: Leaf | Combinator, terminology: Terminology, *, exclude: bool) -> list[Json]:
    """The characteristics, without `exclude`. One that excludes must do so by itself: of alternatives, each does."""
    traits = kind_of(statement).traits(statement, terminology.catalogue) if isinstance(statement, Leaf) else ()
    if exclude and len(traits) > 1:
        return []
    apart = [[concept] for concept in traits[0].concepts] if exclude and traits else []
    if apart:
        return [_characteristic(traits[0], concepts, terminology) for concepts in apart]
    return [_characteristic(trait, list(trait.concepts), terminology) for trait in traits]


def _characteristic(trait: Trait, concepts: list[str], terminology: Terminology) -> Json:
    """An analyte is what the characteristic is about; a diagnosis is its value."""
    extension = CONCEPTS.write(*concepts)
    if not trait.about:
        return {"extension": extension, "code": _named(concepts, Section.ANALYTE, terminology), **_value(trait.value)}
    code = {"coding": [{"system": CHARACTERISTIC, "code": trait.about}, *CODES.get(trait.about, [])]}
    if trait.value is not None:
        return {"code": code, **_value(trait.value)}
    diagnosis = _named(concepts, Section.CONDITION, terminology)
    return {"extension": extension, "code": code, "valueCodeableConcept": diagnosis}


def _named(concepts: list[str], section: Section, terminology: Terminology) -> Json:
    codes = few_codes(concepts[0], terminology) if len(concepts) == 1 else []
    return present({"coding": codes, "text": titles(concepts, section.concepts(terminology.catalogue))})


def _value(value: TraitValue) -> Json:
    match value:
        case bool():
            return {"valueBoolean": value}
        case QuantityThreshold():
            return {"valueQuantity": threshold(value)}
        case Coding():
            return {"valueCodeableConcept": {"coding": [{"system": value.system, "code": value.code}]}}
        case Finding():
            return {"valueCodeableConcept": {"text": value.value}}
        case None:
            return {}
        case (comparator, age):
            return {"valueQuantity": {"comparator": comparator.value, **duration(age)}}


CRITERION_ID = Extension(structure("criterion-id"), STRING)
"""The criterion that a characteristic restates."""
LEFT_TO_PLAN = Extension(structure("left-to-plan"), STRING)
"""A criterion that the Group says in part only, or not at all."""
PLAN = structure("plan")
"""The plan that says everything."""


@dataclass(frozen=True, slots=True)
class _GroupForm:
    """A criterion that stands for itself, and its characteristics: none if a Group can't say it."""

    criterion: Criterion
    name: str
    exclude: bool
    characteristics: list[Json]

    def resources(self) -> Iterator[Json]:
        for each in self.characteristics:
            extension = [*CRITERION_ID.write(self.name), *each.get("extension", [])]
            rest = {name: value for name, value in each.items() if name != "extension"}
            yield {"extension": extension, **rest, "exclude": self.exclude}


def build_group(definition: TrialDefinition, terminology: Terminology) -> Json:
    """The Group: people as they are looked for, not listed ones."""
    said: list[_GroupForm] = []
    left: list[str] = []
    for top in definition.criteria:
        found = list(_apart(top.criterion, top.id, terminology, exclude=top.role is CriterionRole.EXCLUSION))
        said += found
        left += [] if all(each.characteristics for each in found) else [top.id]
    plan = canonical("PlanDefinition", part_id(definition.id, ELIGIBILITY))
    return present(
        {
            "resourceType": "Group",
            "id": part_id(definition.id, ENROLLMENT),
            "meta": conforms_to("enrollment-group"),
            "text": _narrative(definition, said, left, terminology.catalogue),
            "extension": [{"url": PLAN, "valueCanonical": f"{plan}|{definition.version}"}, *LEFT_TO_PLAN.write(*left)],
            "identifier": [{"system": OWN_GROUP, "value": part_id(definition.id, ENROLLMENT)}],
            "active": True,
            "type": "person",
            "actual": False,
            "name": f"Looked for: {definition.study.title}",
            "characteristic": [resource for each in said for resource in each.resources()],
        }
    )


def _apart(criterion: Criterion, name: str, terminology: Terminology, *, exclude: bool) -> Iterator[_GroupForm]:
    """What must hold (or, excluding, must not hold) all together for the criterion."""
    statement, name = criterion.statement, criterion.id or name
    parts = () if isinstance(statement, Leaf) else parts_of(statement)
    apart = join_of(statement).apart(len(parts), denied=exclude) if parts else ()
    for place, denied in apart:
        yield from _apart(parts[place], name, terminology, exclude=denied)
    if not apart:
        yield _GroupForm(criterion, name, exclude, characteristics(statement, terminology, exclude=exclude))


def _narrative(definition: TrialDefinition, said: list[_GroupForm], left: list[str], catalogue: Catalogue) -> Json:
    told = [
        element("b", text(each.name))
        + text(f" {'without ' if each.exclude else ''}{sentence(each.criterion, catalogue)}")
        for each in said
        if each.characteristics
    ]
    rest = element("p", text(f"Left to the eligibility plan: {', '.join(left)}")) if left else ""
    return narrative(element("h2", text(definition.study.title)), listed(told), rest)
