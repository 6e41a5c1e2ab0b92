"""Three-valued truth: the complete tables, and HL7's own for CQL."""

import itertools
import operator
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapter.criteria.join import IfThen, truth_of
from adapter.criteria.model import Criterion
from adapter.criteria.truth import (
    Truth,
    at_least,
    conjunction,
    disjunction,
    known_disjunction,
    negation,
)
from adapter.kinds.judgement import Judgement

HERE = Path(__file__).parent
KLEENE: dict[str, Any] = yaml.safe_load((HERE / "kleene.yaml").read_text(encoding="utf-8"))
CQL: dict[str, bool | None] = yaml.safe_load((HERE / "cql_logical_operators.yaml").read_text(encoding="utf-8"))

PART = Criterion(statement=Judgement())
IMPLICATION = IfThen(condition=PART, consequence=PART)
BINARY: dict[str, Callable[[Truth, Truth], Truth]] = {
    "and": lambda a, b: conjunction((a, b)),
    "or": lambda a, b: disjunction((a, b)),
    "implies": lambda a, b: truth_of(IMPLICATION, (a, b)),
    "known-or": lambda a, b: known_disjunction((a, b)),
}
SQUARES = [
    (name, row, column, expected)
    for name in BINARY
    for row, columns in KLEENE[name].items()
    for column, expected in columns.items()
]
FROM_CQL = {True: Truth.MET, False: Truth.NOT_MET, None: Truth.UNKNOWN}
WORDS = {"True": Truth.MET, "False": Truth.NOT_MET, "Null": Truth.UNKNOWN}


def test_the_tables_are_complete() -> None:
    """The data name every combination of the three truths once: 4 tables of 9, and 10 triples."""
    assert len(SQUARES) == 4 * 9
    assert len({square[:3] for square in SQUARES}) == 4 * 9
    assert set(KLEENE["not"]) == set(Truth)
    triples = {tuple(sorted(written.split())) for written in KLEENE["at-least"]}
    assert triples == set(itertools.combinations_with_replacement(sorted(Truth), 3))


@pytest.mark.parametrize(("name", "row", "column", "expected"), SQUARES)
def test_binary_connectives_follow_the_table(name: str, row: str, column: str, expected: str) -> None:
    """Each connective of two truths gives what its table says."""
    assert BINARY[name](Truth(row), Truth(column)) is Truth(expected)


@pytest.mark.parametrize(("truth", "expected"), KLEENE["not"].items())
def test_negation_follows_the_table(truth: str, expected: str) -> None:
    """Only the two definite truths change sides."""
    assert negation(Truth(truth)) is Truth(expected)


@pytest.mark.parametrize(("written", "expected"), KLEENE["at-least"].items())
def test_at_least_follows_the_table_in_any_order(written: str, expected: list[str]) -> None:
    """At least n of three truths gives what the table says, whichever order they stand in."""
    for order in itertools.permutations(Truth(word) for word in written.split()):
        assert [at_least(count, order) for count in range(5)] == [Truth(word) for word in expected]


def test_connectives_of_nothing() -> None:
    """An empty conjunction is met, an empty disjunction is not, and none known is unknown."""
    assert conjunction(()) is Truth(KLEENE["empty"]["and"])
    assert disjunction(()) is Truth(KLEENE["empty"]["or"])
    assert known_disjunction(()) is Truth(KLEENE["empty"]["known-or"])


@pytest.mark.parametrize("length", range(5))
def test_longer_connectives_are_the_binary_ones_repeated(length: int) -> None:
    """∧ and ∨ of many truths are what pairing them one after the other comes to."""
    for truths in itertools.product(Truth, repeat=length):
        both, either = Truth.MET, Truth.NOT_MET
        for truth in truths:
            both, either = BINARY["and"](both, truth), BINARY["or"](either, truth)
        assert conjunction(truths) is both
        assert disjunction(truths) is either
        assert at_least(length, truths) is both
        assert at_least(1, truths) is either


def test_an_iterator_is_read_once() -> None:
    """A connective may be given any iterable, a generator too."""
    truths = [Truth.UNKNOWN, Truth.MET]
    assert conjunction(iter(truths)) is Truth.UNKNOWN
    assert disjunction(iter(truths)) is Truth.MET
    assert known_disjunction(iter(truths)) is Truth.MET
    assert at_least(2, iter(truths)) is Truth.UNKNOWN


@pytest.mark.parametrize(("name", "expected"), CQL.items())
def test_criteria_and_cql_share_their_logic(name: str, expected: bool | None) -> None:  # noqa: FBT001  # CQL's three truths
    """The connectives give what HL7's conformance test of that name expects of CQL."""
    found = re.fullmatch("(True|False|Null)?(And|Or|Implies|Not)(True|False|Null)", name)
    assert found is not None
    left, operation, right = found.groups()
    answer = negation(WORDS[right]) if left is None else BINARY[operation.lower()](WORDS[left], WORDS[right])
    assert answer is FROM_CQL[expected]


def test_every_row_of_hl7s_tests_is_there() -> None:
    """All rows of the four groups that a criterion has a connective for: 9 + 9 + 9 + 3."""
    assert len(CQL) == 30


@pytest.mark.parametrize("truth", Truth)
def test_a_truth_has_no_boolean(truth: Truth) -> None:
    """An unknown can never be taken for a no: asking any truth for its boolean is an error that says what to do."""
    for ask in (bool, operator.not_, lambda value: value and value):
        with pytest.raises(TypeError, match=r"compare it with Truth\.MET"):
            ask(truth)
