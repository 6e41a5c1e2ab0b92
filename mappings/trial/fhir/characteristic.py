"""A leaf criterion -> characteristics of a Group, which hold all together; none where a Group can't say it.

A Group has no windows, no multiples of a limit of normal, no routes and no judgements.
"""

from collections.abc import Iterator

from adapter.criteria.calendar import Duration
from adapter.criteria.catalogue import Catalogue
from adapter.criteria.model import Combinator, Finding, Leaf
from adapter.criteria.quantity import Comparator, LimitThreshold
from adapter.criteria.terminology import Terminology
from adapter.kinds.age import Age
from adapter.kinds.condition.statement import Condition, Occurrence
from adapter.kinds.measurement.statement import Measurement, Selection
from adapter.kinds.sex import Sex
from mappings.trial.fhir.data_requirement import few_codes
from mappings.trial.fhir.datatype import CONCEPT, duration, threshold
from mappings.trial.fhir.json_text import Json, present
from mappings.trial.fhir.names import LOINC, code_system, structure
from mappings.trial.fhir.record import Extension

CHARACTERISTIC = code_system("characteristic")
"""What a characteristic is about where no analyte says it: age, sex, a diagnosis."""
GENDER = "http://hl7.org/fhir/administrative-gender"
AGE = {"system": LOINC, "code": "30525-0", "display": "Age"}
"""LOINC's age in general (loinc.org, version 2.78)."""
CONCEPTS = Extension(structure("concept"), CONCEPT)
"""The value sets that a characteristic's codes come from; of several, any one counts."""


def characteristics(statement: Leaf | Combinator, terminology: Terminology, *, exclude: bool) -> list[Json]:
    """The characteristics, without `exclude`. One that excludes must do so by itself."""
    match statement:
        case Age():
            ends = list(_ages(statement))
            return [] if exclude and len(ends) > 1 else ends
        case Sex():
            coding = [{"system": GENDER, "code": statement.sex.value}]
            return [{"code": _about("sex"), "valueCodeableConcept": {"coding": coding}}]
        case Condition(qualifier=None, look_back=None, other_than=()):
            alternatives = [(concept,) for concept in statement.concepts] if exclude else [statement.concepts]
            return [_diagnosis(concepts, statement.occurrence, terminology) for concepts in alternatives]
        case Measurement(selection=Selection.LATEST, window=None):
            return [] if isinstance(statement.test, LimitThreshold) else [_value(statement, terminology)]
        case _:
            return []


def _ages(statement: Age) -> Iterator[Json]:
    """The ends of a range. `At most 75 years` holds until the 76th birthday, so it is below 76 as a Quantity."""
    ends: list[tuple[Comparator, Duration]] = []
    lower, upper = statement.lower, statement.upper
    if lower is not None:
        ends.append((Comparator.AT_LEAST if lower.inclusive else Comparator.GREATER, lower.age))
    if upper is not None:
        ends.append((Comparator.LESS, Duration(upper.age.count + upper.inclusive, upper.age.unit)))
    for comparator, age in ends:
        yield {"code": _about("age", AGE), "valueQuantity": {"comparator": comparator.value, **duration(age)}}


def _diagnosis(concepts: tuple[str, ...], occurrence: Occurrence, terminology: Terminology) -> Json:
    titles = " or ".join(terminology.catalogue.conditions[concept].title for concept in concepts)
    codes = few_codes(concepts[0], terminology) if len(concepts) == 1 else []
    about = "diagnosis" if occurrence is Occurrence.ACTIVE else "past-or-present-diagnosis"
    return {
        "extension": CONCEPTS.write(*concepts),
        "code": _about(about),
        "valueCodeableConcept": present({"coding": codes, "text": titles}),
    }


def _value(statement: Measurement, terminology: Terminology) -> Json:
    return {
        "extension": CONCEPTS.write(statement.analyte),
        "code": _analyte(statement.analyte, terminology.catalogue, few_codes(statement.analyte, terminology)),
        **_test(statement),
    }


def _analyte(analyte: str, catalogue: Catalogue, codes: list[Json]) -> Json:
    return present({"coding": codes, "text": catalogue.analytes[analyte].title})


def _test(statement: Measurement) -> Json:
    test = statement.test
    if isinstance(test, Finding):
        return {"valueCodeableConcept": {"text": test.value}}
    return {"valueBoolean": test} if isinstance(test, bool) else {"valueQuantity": threshold(test)}


def _about(what: str, *others: Json) -> Json:
    return {"coding": [{"system": CHARACTERISTIC, "code": what}, *others]}
