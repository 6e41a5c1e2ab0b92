"""The Group says what a Group can say, and names the rest."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from adapter.criteria import model
from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.quantity import AgeBound, Comparator, LimitOfNormal, LimitThreshold
from adapter.criteria.terminology import Terminology
from adapter.kinds.age import Age
from adapter.kinds.allergy import Allergy
from adapter.kinds.condition.statement import Condition, Qualifier
from adapter.kinds.consent import ResearchConsent
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.judgement import Judgement
from adapter.kinds.measurement.statement import Measurement, Selection
from mappings.trial.fhir.group import characteristics

Json = dict[str, Any]
Find = Callable[[str, str], Json]
YEARS = {"unit": "a", "system": "http://unitsofmeasure.org", "code": "a"}


@pytest.fixture
def said(resource: Find) -> Callable[[str, str], list[Json]]:
    """What a study's Group says of a criterion."""

    def find(study: str, number: str) -> list[Json]:
        held = resource(study, "enrollment")["characteristic"]
        return [each for each in held if each["extension"][0]["valueString"] == number]

    return find


def left(group: Json) -> list[str]:
    """The criteria that the Group leaves to the plan."""
    return [each["valueString"] for each in group["extension"] if each["url"].endswith("/left-to-plan")]


def test_ages(said: Callable[[str, str], list[Json]]) -> None:
    """At most 75 completed years is below 76; from 14 on is at least 14."""
    assert [each["valueQuantity"] for each in said("nct07008872", "I6")] == [
        {"comparator": ">=", "value": 14, **YEARS},
        {"comparator": "<", "value": 76, **YEARS},
    ]


def test_strict_ages(terminology: Terminology) -> None:
    """A strict bound stays where it is."""
    bound = AgeBound(Duration(6, CalendarUnit.MONTH), inclusive=False)
    for age, comparator in ((Age(lower=bound), ">"), (Age(upper=bound), "<")):
        (found,) = characteristics(age, terminology, exclude=False)
        assert (found["valueQuantity"]["comparator"], found["valueQuantity"]["value"]) == (comparator, 6)


def test_parts_hold_together(said: Callable[[str, str], list[Json]], resource: Find) -> None:
    """Parts that all must hold are characteristics of their own; what can't be said of them is left to the plan."""
    assert [each["valueQuantity"]["value"] for each in said("4scar7u", "I4.1")] == [50]
    assert said("4scar7u", "I4.3") == []
    assert "I4" in left(resource("4scar7u", "enrollment"))
    assert "I5" not in left(resource("4scar7u", "enrollment"))


def test_exclusions(said: Callable[[str, str], list[Json]]) -> None:
    """Any of several diagnoses excludes by itself."""
    (fibrillation,) = said("nct07008872", "E1.1")
    assert fibrillation["exclude"] is True
    assert fibrillation["valueCodeableConcept"]["text"] == "Atrial fibrillation"


def test_alternatives(said: Callable[[str, str], list[Json]]) -> None:
    """Of alternative diagnoses that are asked for, one characteristic says any; none is said to be needed alone."""
    (either,) = said("cd7-cart01", "I2.1")
    titles = "T-cell acute lymphoblastic leukaemia or T-cell lymphoblastic lymphoma"
    assert either["valueCodeableConcept"] == {"text": titles}
    assert [each["valueCanonical"].rpartition("/")[2] for each in either["extension"][1:]] == ["t-all", "t-lbl"]


def test_never_narrower(said: Callable[[str, str], list[Json]]) -> None:
    """Parts of which one suffices to include, or which exclude only together, are not said one by one."""
    for number in ("I1.1.1", "I2.1", "I3.3", "E7.1.1", "E7.2.1", "E1.4.1"):
        assert said("nct07008872", number) == []


def test_negation(said: Callable[[str, str], list[Json]]) -> None:
    """What excludes when it does not hold is asked for."""
    (found,) = said("sixth", "E1")
    assert (found["exclude"], found["valueQuantity"]["comparator"]) == (False, "<=")


@pytest.mark.parametrize(
    "statement",
    [
        Condition(concepts=("infection",), qualifier=Qualifier.SEVERE),
        Condition(concepts=("myocardial-infarction",), look_back=Duration(12, CalendarUnit.MONTH)),
        Condition(concepts=("malignancy",), other_than=("t-all",)),
        Measurement(analyte="alt", test=LimitThreshold(Comparator.AT_MOST, Decimal(3), LimitOfNormal.UPPER)),
        Measurement(analyte="ecog", test=True, window=Duration(1, CalendarUnit.WEEK)),
        Measurement(analyte="ecog", test=True, selection=Selection.HIGHEST),
        Exposure(concepts=("gene-therapy",)),
        Allergy(concepts=("antibiotic",)),
        ResearchConsent(),
        Judgement(),
    ],
)
def test_left_to_the_plan(statement: model.Leaf, terminology: Terminology) -> None:
    """A Group has no qualifiers, windows, limits of normal, selections, routes, consents and judgements."""
    assert characteristics(statement, terminology, exclude=False) == []
    assert characteristics(statement, terminology, exclude=True) == []


def test_age_range_that_excludes(terminology: Terminology) -> None:
    """A range that excludes has no characteristic: each end by itself would exclude too many."""
    bound = AgeBound(Duration(10, CalendarUnit.YEAR))
    assert characteristics(Age(lower=bound, upper=bound), terminology, exclude=True) == []
