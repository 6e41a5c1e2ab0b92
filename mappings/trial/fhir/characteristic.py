"""A leaf criterion -> characteristics of a Group, which hold all together; none where a Group can't say it.

A Group has no windows, no multiples of a limit of normal, no routes and no judgements.
"""

from adapter.criteria.fields import Section
from adapter.criteria.model import Combinator, Finding, Leaf
from adapter.criteria.quantity import QuantityThreshold
from adapter.criteria.terminology import Coding, Terminology
from adapter.evaluator.kind import Trait, TraitValue, kind_of
from adapter.evaluator.wording import titles
from mappings.trial.fhir.data_requirement import few_codes
from mappings.trial.fhir.datatype import CONCEPT, duration, threshold
from mappings.trial.fhir.json_text import Json, present
from mappings.trial.fhir.names import LOINC, code_system, structure
from mappings.trial.fhir.record import Extension

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
