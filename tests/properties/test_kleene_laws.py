"""The laws of strong Kleene logic hold for the connectives, for any number of truths."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.criteria.join import IfThen, IfThenElse, truth_of
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

TRUTH = st.sampled_from(list(Truth))
TRUTHS = st.lists(TRUTH, max_size=6)
PART = Criterion(statement=Judgement())


def implication(antecedent: Truth, consequent: Truth) -> Truth:
    """Of an if-then."""
    return truth_of(IfThen(condition=PART, consequence=PART), (antecedent, consequent))


def choice(*truths: Truth) -> Truth:
    """Of an if-then with an else."""
    return truth_of(IfThenElse(condition=PART, consequence=PART, alternative=PART), truths)


@given(TRUTHS, st.randoms(use_true_random=False), st.integers(0, 7))
def test_order_says_nothing(truths: list[Truth], rng: object, count: int) -> None:
    """Commutative: the truths may stand in any order."""
    shuffled = list(truths)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    assert conjunction(shuffled) is conjunction(truths)
    assert disjunction(shuffled) is disjunction(truths)
    assert known_disjunction(shuffled) is known_disjunction(truths)
    assert at_least(count, shuffled) is at_least(count, truths)


@given(TRUTHS, TRUTHS, TRUTHS)
def test_grouping_says_nothing(one: list[Truth], two: list[Truth], three: list[Truth]) -> None:
    """Associative: a group in parentheses comes to the same as its members."""
    assert conjunction([*one, conjunction(two), *three]) is conjunction(one + two + three)
    assert disjunction([*one, disjunction(two), *three]) is disjunction(one + two + three)


@given(TRUTHS)
def test_de_morgan(truths: list[Truth]) -> None:
    """¬(a ∧ b) = ¬a ∨ ¬b, and the other way round."""
    denied = [negation(truth) for truth in truths]
    assert negation(conjunction(truths)) is disjunction(denied)
    assert negation(disjunction(truths)) is conjunction(denied)


@given(TRUTH, TRUTH, TRUTH)
def test_small_laws(a: Truth, b: Truth, c: Truth) -> None:
    """Double negation, idempotence, absorption, distribution, contraposition, exportation."""
    assert negation(negation(a)) is a
    assert conjunction([a, a]) is disjunction([a, a]) is a
    assert conjunction([a, disjunction([a, b])]) is disjunction([a, conjunction([a, b])]) is a
    assert conjunction([a, disjunction([b, c])]) is disjunction([conjunction([a, b]), conjunction([a, c])])
    assert implication(a, b) is implication(negation(b), negation(a))
    assert implication(conjunction([a, b]), c) is implication(a, implication(b, c))


@given(TRUTHS, st.integers(0, 7))
def test_at_least_counts_from_the_other_side_too(truths: list[Truth], count: int) -> None:
    """At least n hold exactly if not more than the rest don't: ¬(at least len-n+1 of the denials)."""
    denied = [negation(truth) for truth in truths]
    assert at_least(count, truths) is negation(at_least(len(truths) - count + 1, denied))


MONOTONE: dict[str, Callable[[list[Truth]], Truth]] = {
    "and": conjunction,
    "or": disjunction,
    "not": lambda truths: negation(truths[0]),
    "implies": lambda truths: implication(truths[0], truths[-1]),
    "if-else": lambda truths: choice(*(truths * 3)[:3]),
    **{f"at least {count}": lambda truths, count=count: at_least(count, truths) for count in range(5)},  # type: ignore[misc]
}


@pytest.mark.parametrize("name", MONOTONE)
@given(truths=st.lists(TRUTH, min_size=1, max_size=5), data=st.data())
def test_what_becomes_known_flips_nothing(name: str, truths: list[Truth], data: st.DataObject) -> None:
    """Monotone: putting a definite truth for an unknown one never changes a definite answer."""
    connective = MONOTONE[name]
    definite = st.sampled_from([Truth.MET, Truth.NOT_MET])
    known = [data.draw(definite) if truth is Truth.UNKNOWN and data.draw(st.booleans()) else truth for truth in truths]
    if connective(truths) is not Truth.UNKNOWN:
        assert connective(known) is connective(truths)


@pytest.mark.parametrize("name", MONOTONE)
@given(truths=st.lists(TRUTH, min_size=1, max_size=4))
def test_an_answer_is_unknown_only_if_it_could_go_either_way(name: str, truths: list[Truth]) -> None:
    """Sharp for single connectives: unknown exactly if some completion is met and another is not."""
    connective = MONOTONE[name]
    completions = {connective(done) for done in _completed(truths)}
    expected = Truth.UNKNOWN if len(completions) > 1 else completions.pop()
    distinct = {"implies": 2, "if-else": 3}.get(name, 1)
    if len(truths) >= distinct:  # a → a with a unknown stays unknown in Kleene's logic
        assert connective(truths) is expected


def _completed(truths: list[Truth]) -> list[list[Truth]]:
    if not truths:
        return [[]]
    heads = [Truth.MET, Truth.NOT_MET] if truths[0] is Truth.UNKNOWN else [truths[0]]
    return [[head, *rest] for head in heads for rest in _completed(truths[1:])]
