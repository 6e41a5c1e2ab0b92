"""What is not understood of a plan is asked of a person, and never skipped."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from adapter.criteria.join import AllOf
from adapter.criteria.model import CriterionRole, EligibilityCriterion
from adapter.criteria.terminology import Terminology
from adapter.kinds.judgement import Judgement
from adapter.kinds.measurement.statement import Measurement
from mappings.trial.fhir import parse

Json = dict[str, Any]
Change = Callable[[Json], None]
Read = Callable[[str, Change], EligibilityCriterion]


@pytest.fixture
def read(built: Mapping[str, list[Json]], terminology: Terminology) -> Read:
    """A criterion of nct07008872 after a change to its action."""

    def parsed(number: str, change: Change) -> EligibilityCriterion:
        resources = copy.deepcopy(built["nct07008872"])
        (plan,) = [each for each in resources if each["id"] == "nct07008872-eligibility"]
        (position,) = [n for n, each in enumerate(plan["action"]) if each["prefix"] == number]
        change(plan["action"][position])
        return parse(resources, terminology).criteria[position]

    return parsed


def fields(action: Json) -> list[Json]:
    """The sub-extensions of an action's statement."""
    held: list[Json] = action["extension"][0]["extension"]
    return held


def field(action: Json, url: str) -> Json:
    """One of them."""
    return next(each for each in fields(action) if each["url"] == url)


def unknown_kind(action: Json) -> None:
    """A kind that a later version may have."""
    field(action, "kind")["valueCode"] = "genotype"


def unknown_field(action: Json) -> None:
    """A field that would change what the statement says."""
    fields(action).append({"url": "negated", "valueBoolean": True})


def unknown_concept(action: Json) -> None:
    """A concept that the catalogue doesn't hold."""
    field(action, "analyte")["valueCanonical"] = "http://example.org/fhir-trial-adapter/ValueSet/troponin"


def foreign_value_set(action: Json) -> None:
    """Somebody else's value set."""
    field(action, "analyte")["valueCanonical"] = "http://example.com/ValueSet/ecog"


def foreign_unit(action: Json) -> None:
    """A unit that the analyte's values don't convert to."""
    field(action, "test")["valueQuantity"].update({"unit": "g/L", "code": "g/L"})


def foreign_unit_system(action: Json) -> None:
    """A unit of no system that we know."""
    field(action, "test")["valueQuantity"]["system"] = "http://example.com/units"


def exchanged_ages(action: Json) -> None:
    """An age that nobody has: its lower bound is above the upper one."""
    years = {"system": "http://unitsofmeasure.org", "unit": "a", "code": "a"}
    ends = [("lower", ">=", 75), ("upper", "<=", 14)]
    action["extension"][0]["extension"] = [
        {"url": "kind", "valueCode": "age"},
        *({"url": url, "valueAge": {"value": value, "comparator": sign, **years}} for url, sign, value in ends),
    ]


def modifier(action: Json) -> None:
    """An extension that FHIR forbids to pass over."""
    action["modifierExtension"] = [{"url": "http://example.com/not", "valueBoolean": True}]


def twice(action: Json) -> None:
    """Two statements."""
    action["extension"] *= 2


def foreign_expression(action: Json) -> None:
    """An expression beside the statement."""
    expression = {"language": "text/cql-expression", "expression": 'exists [Condition: "Asthma"]'}
    action["condition"] = [{"kind": "applicability", "expression": expression}]


def only_foreign_expression(action: Json) -> None:
    """An expression instead of the statement."""
    foreign_expression(action)
    del action["extension"]


def other_library(action: Json) -> None:
    """The name of something else in a library."""
    expression = {"language": "text/cql-identifier", "expression": "Fit", "reference": "http://example.com/Library/l"}
    action["condition"] = [{"kind": "applicability", "expression": expression}]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (unknown_kind, "genotype"),
        (unknown_field, "negated"),
        (unknown_concept, "troponin"),
        (foreign_value_set, "http://example.com/ValueSet/ecog"),
        (foreign_unit, "ecog is a score"),
        (foreign_unit_system, "http://example.com/units"),
        (exchanged_ages, "the lower bound is above the upper one"),
        (modifier, "http://example.com/not"),
        (twice, "stands 2 times"),
        (foreign_expression, 'text/cql-expression exists [Condition: "Asthma"]'),
        (only_foreign_expression, 'text/cql-expression exists [Condition: "Asthma"]'),
        (other_library, "text/cql-identifier Fit of http://example.com/Library/l"),
    ],
)
def test_becomes_a_judgement(read: Read, change: Change, named: str) -> None:
    """The criterion keeps its place and number, asks a person, and its label says what stands there."""
    top = read("I5", change)
    assert (top.id, top.role, top.source) == ("I5", CriterionRole.INCLUSION, "NCT07008872 inclusion 5")
    assert top.criterion.statement == Judgement()
    assert top.criterion.label.startswith("ECOG 0 to 2 (not understood: PlanDefinition/nct07008872-eligibility.action[")
    assert named in top.criterion.label


def test_a_part_alone(read: Read) -> None:
    """Of a criterion with parts, only the part that isn't understood is asked of a person."""
    statement = read("I8", lambda action: unknown_kind(action["action"][1])).criterion.statement
    assert isinstance(statement, AllOf)
    assert [type(part.statement) for part in statement.parts] == [Measurement, Judgement, Measurement, AllOf]
    assert statement.parts[1].id == "I8.2"


def test_parts_that_do_not_fit(read: Read) -> None:
    """A leaf with parts, and a combinator without, are asked of a person."""
    with_parts = read("I5", lambda action: action.update(action=[{"title": "more"}]))
    assert "measurement has no parts" in with_parts.criterion.label
    without = read("I8", lambda action: action.pop("action"))
    assert "all-of needs some parts" in without.criterion.label


def test_name_of_the_criterion_itself(read: Read) -> None:
    """An applicability condition that only names the criterion by its id says nothing new."""
    expression = {"language": "text/cql-identifier", "expression": "I5"}
    condition = {"kind": "applicability", "expression": expression}
    top = read("I5", lambda action: action.update(condition=[condition]))
    assert isinstance(top.criterion.statement, Measurement)
    stop = read("I5", lambda action: action.update(condition=[{**condition, "kind": "stop"}]))
    assert stop.criterion.statement == Judgement()


def test_somebody_elses_action(read: Read) -> None:
    """An action without id, code and source includes, and is called by its place."""
    expression = {"language": "text/fhirpath", "expression": "%patient.active"}

    def replace(action: Json) -> None:
        action.clear()
        action.update(condition=[{"kind": "applicability", "expression": expression}])

    top = read("I5", replace)
    assert (top.id, top.role) == ("X5", CriterionRole.INCLUSION)
    assert "text/fhirpath %patient.active" in top.criterion.label
