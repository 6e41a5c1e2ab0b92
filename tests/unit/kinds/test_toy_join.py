"""A way to join criteria is one record: a toy one, defined here and nowhere else, goes the whole way."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from typing import Any

import duckdb
import pytest

from adapter.columns.sql.cells import UNDECIDED, UNIT
from adapter.columns.sql.tree import Node, _ends, _told
from adapter.criteria.expression import Operation
from adapter.criteria.join import JOINS, Decider, Join, Key, truth_of
from adapter.criteria.model import Combinator, Criterion, TrialDefinition
from adapter.criteria.truth import Conjunction, Disjunction, Negation, Truth
from adapter.errors import DefinitionError
from adapter.evaluator import CriterionResult, bind, evaluate
from adapter.evaluator.columns import TRUTHS
from adapter.kinds import KINDS
from adapter.kinds.judgement import Judgement
from adapter.record import read_record
from mappings.policy import load_policy
from mappings.terminology import load_terminology
from mappings.trial.cql.library import study_library
from mappings.trial.fhir import parse, resources_of
from mappings.trial.json_schema import json_schema

TERMINOLOGY = load_terminology()
STRICT = load_policy("strict", terminology=TERMINOLOGY)
MET, NOT_MET, UNKNOWN = Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class EitherOr(Combinator):
    """One of both, and not the other."""

    one: Criterion
    other: Criterion


TOY = Join(
    name="either-or",
    statement=EitherOr,
    keys=(Key("either", "one"), Key("otherwise", "other", says="Where the first is not met.")),
    truth=Disjunction((Conjunction((0, Negation(1))), Conjunction((Negation(0), 1)))),
    deciders=(
        Decider(1, first=NOT_MET, beside=(0,)),
        Decider(0, first=UNKNOWN),
        Decider(1, beside=(0,)),
    ),
    words="either {0}, or {1}",
    rule=lambda _, parts: Operation("xor", parts),
)
TOYS = (*KINDS, TOY)

TRIAL = """\
id: toy
version: 1.0.0
completeness: full
index: [aml]
study: {title: A toy trial, status: recruiting}
criteria:
  - id: I1
    kind: inclusion
    label: One of both
    source: this test
    either: {id: I1.1, label: A woman, sex: female}
    otherwise: {id: I1.2, label: Of age, age: {at-least: 18 a}}
"""
Written = Callable[..., TrialDefinition]


def test_it_is_read_from_yaml(written: Written) -> None:
    """The keys are its fields."""
    (top,) = written().criteria
    assert isinstance(top.criterion.statement, EitherOr)
    assert (top.criterion.statement.one.id, top.criterion.statement.other.id) == ("I1.1", "I1.2")


def test_what_must_hold_of_its_parts() -> None:
    """A formula is taken apart where each of its parts must hold by itself; this one can't be."""
    assert TOY.apart(2, denied=False) == TOY.apart(2, denied=True) == ()
    joins = {each.statement.__name__: each for each in JOINS}
    assert joins["AllOf"].apart(2, denied=False) == ((0, False), (1, False))
    assert joins["AllOf"].apart(2, denied=True) == ()
    assert joins["AnyOf"].apart(2, denied=True) == ((0, True), (1, True))
    assert joins["Not"].apart(1, denied=False) == ((0, True),)
    assert joins["IfThen"].apart(2, denied=True) == ((0, False), (1, True))
    assert joins["AtLeast"].apart(3, denied=False) == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("    either: ", "    sex: female\n    # ", "`either` and `otherwise` go together"),
        ("    otherwise:", "    # ", "`either` and `otherwise` go together"),
        ("    either:", "    sex: female\n    either:", "needs exactly one statement, has sex and either"),
        ("{id: I1.2, label: Of age, ", "{", "a part that reads data or asks a person needs an id"),
    ],
)
def test_what_is_wrong_is_named(written: Written, old: str, new: str, said: str) -> None:
    """What goes together is known from its keys."""
    with pytest.raises(DefinitionError, match=said):
        written(old, new)


def test_it_stands_in_the_json_schema() -> None:
    """The schema has its keys, and the one of our own joins does not."""
    held = json_schema(TOYS)["$defs"]["PartForm"]
    assert {"required": ["either"]} in held["oneOf"]
    assert {"required": ["otherwise"]} not in held["oneOf"]
    assert held["dependentRequired"]["either"] == ["otherwise"]
    assert held["dependentRequired"]["otherwise"] == ["either"]
    assert held["properties"]["otherwise"]["description"] == "Where the first is not met."
    assert "otherwise" not in json.dumps(json_schema())


def result_of(definition: TrialDefinition, **patient: str) -> CriterionResult:
    """The result of a patient of whom this is known."""
    record = read_record(json.dumps([{"resourceType": "Patient", "id": "p1", **patient}]).encode(), TERMINOLOGY)
    found = evaluate(bind(definition, TERMINOLOGY), record, datetime(2026, 3, 1, 12, tzinfo=UTC), STRICT)
    (result,) = found.criteria
    return result


@pytest.mark.parametrize(
    ("patient", "truth", "reason"),
    [
        ({"gender": "female", "birthDate": "1990-01-01"}, NOT_MET, "age-within"),
        ({"gender": "female", "birthDate": "2020-01-01"}, MET, "age-outside"),
        ({"gender": "male", "birthDate": "1990-01-01"}, MET, "age-within"),
        ({"gender": "male"}, UNKNOWN, "no-data"),
        ({"birthDate": "1990-01-01"}, UNKNOWN, "no-data"),
    ],
)
def test_it_is_evaluated(written: Written, patient: dict[str, str], truth: Truth, reason: str) -> None:
    """Its formula gives the truth, its deciders the reason."""
    found = result_of(written(), **patient)
    assert (found.result, found.reason) == (truth, reason)


def test_it_survives_fhir_and_back(written: Written) -> None:
    """Its name is the kind of the plan's action; a reader who doesn't know it asks a person."""
    definition = written()
    resources = resources_of(definition, TERMINOLOGY)
    assert parse(resources, TERMINOLOGY, TOYS) == definition
    (unknown,) = parse(resources, TERMINOLOGY).criteria
    assert isinstance(unknown.criterion.statement, Judgement)
    assert "the kind either-or is not understood" in unknown.criterion.label


def test_the_plan_says_it_in_words(written: Written) -> None:
    """With the ids of its parts."""
    (plan,) = [each for each in resources_of(written(), TERMINOLOGY) if each["id"] == "toy-eligibility"]
    assert plan["action"][0]["textEquivalent"] == "either I1.1, or I1.2"


def test_it_is_written_in_cql(written: Written) -> None:
    """By CQL's own operator, between its parts' expressions."""
    assert '"I1.1" xor "I1.2"' in study_library(written(), TERMINOLOGY, STRICT, "Toy")


def test_a_query_says_the_same() -> None:
    """Of any cells: the formula's truth, never a narrower one where a part is undecided, and the decider's reason."""
    part = Criterion(statement=Judgement())
    whole: Any = type("Bound", (), {"statement": EitherOr(one=part, other=part)})
    leaves: Any = tuple(Node(f"p{place}", whole, 0, ()) for place in range(2))
    node = Node("n", whole, 1, leaves)
    reasons = (7, 9)
    for cells in product((0, 1, 2, UNDECIDED), repeat=2):
        held = [cell if cell == UNDECIDED else cell * UNIT + reasons[place] for place, cell in enumerate(cells)]
        columns = ", ".join(f"{cell} AS p{place}" for place, cell in enumerate(held))
        query = f"SELECT na, nb, {_told(node)} FROM (SELECT *, {', '.join(_ends(node))} FROM (SELECT {columns}))"  # noqa: S608
        (low, high, told), *_ = duckdb.connect().execute(query).fetchall()
        possible = {
            TRUTHS.index(truth_of(whole.statement, [TRUTHS[one], TRUTHS[other]]))
            for one in (range(3) if cells[0] == UNDECIDED else [cells[0]])
            for other in (range(3) if cells[1] == UNDECIDED else [cells[1]])
        }
        assert low <= min(possible), cells
        assert high >= max(possible), cells
        if UNDECIDED not in cells:
            assert low == high == min(possible)
            assert told == low * UNIT + (7 if cells[0] == 1 else 9), cells


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"deciders": ()}, "its last decider must be the one for all other truths"),
        ({"deciders": TOY.deciders[:2]}, "its last decider must be the one for all other truths"),
        ({"keys": TOY.keys[:1]}, "EitherOr has other fields than one"),
    ],
)
def test_a_record_that_leaves_something_open_is_named(change: dict[str, Any], said: str) -> None:
    """Before anything is evaluated."""
    with pytest.raises(TypeError, match=said):
        replace(TOY, **change)
