"""Combinators take truth and reason of the part that decided (CONFORMANCE: Reasons)."""

import pytest

from adapter.criteria.join import AllOf, AnyKnown, AnyOf, As, AtLeast, IfThen, IfThenElse, Not
from adapter.criteria.model import Combinator
from adapter.criteria.truth import Truth
from adapter.evaluator import CriterionResult, Reason
from adapter.kinds.judgement import Judgement
from tests.unit.evaluator.small import (
    IS_ADULT,
    IS_CHILD,
    IS_FEMALE,
    IS_MALE,
    OPEN,
    UNQUANTIFIED,
    part,
    parts,
    trial,
    verdict,
)

MET, NOT_MET, UNKNOWN = Truth
ADULT, FEMALE, CHILD, MALE = Reason.AGE_WITHIN, Reason.SEX_MATCHES, Reason.AGE_OUTSIDE, Reason.SEX_DIFFERS
JUDGE, QUANTIFY = Reason.NEEDS_JUDGEMENT, Reason.NOT_QUANTIFIED


def result(statement: Combinator) -> CriterionResult:
    """What the statement comes to for a woman of 35 years."""
    (found,) = verdict(trial([statement])).criteria
    return found


@pytest.mark.parametrize(
    ("statement", "truth", "reason"),
    [
        (AllOf(parts=parts(IS_ADULT, IS_FEMALE)), MET, ADULT),
        (AllOf(parts=parts(IS_FEMALE, IS_ADULT)), MET, FEMALE),
        (AllOf(parts=parts(OPEN, IS_FEMALE, UNQUANTIFIED)), UNKNOWN, JUDGE),
        (AllOf(parts=parts(OPEN, IS_FEMALE, IS_CHILD, IS_MALE)), NOT_MET, CHILD),
        (AnyOf(parts=parts(OPEN, IS_CHILD, IS_FEMALE, IS_ADULT)), MET, FEMALE),
        (AnyOf(parts=parts(IS_CHILD, UNQUANTIFIED, OPEN)), UNKNOWN, QUANTIFY),
        (AnyOf(parts=parts(IS_MALE, IS_CHILD)), NOT_MET, MALE),
        (AnyKnown(parts=parts(OPEN, IS_CHILD)), NOT_MET, CHILD),
        (AnyKnown(parts=parts(OPEN, IS_CHILD, IS_FEMALE)), MET, FEMALE),
        (AnyKnown(parts=parts(UNQUANTIFIED, OPEN)), UNKNOWN, QUANTIFY),
        (AtLeast(count=2, parts=parts(IS_CHILD, IS_ADULT, IS_FEMALE)), MET, ADULT),
        (AtLeast(count=2, parts=parts(IS_CHILD, IS_FEMALE, OPEN)), UNKNOWN, JUDGE),
        (AtLeast(count=2, parts=parts(IS_CHILD, IS_MALE, OPEN)), NOT_MET, CHILD),
        (Not(part=part(IS_FEMALE)), NOT_MET, FEMALE),
        (Not(part=part(IS_CHILD)), MET, CHILD),
        (Not(part=part(OPEN)), UNKNOWN, JUDGE),
        (IfThen(condition=part(IS_FEMALE), consequence=part(IS_ADULT)), MET, ADULT),
        (IfThen(condition=part(IS_FEMALE), consequence=part(IS_CHILD)), NOT_MET, CHILD),
        (IfThen(condition=part(IS_FEMALE), consequence=part(OPEN)), UNKNOWN, JUDGE),
        (IfThen(condition=part(IS_MALE), consequence=part(OPEN)), MET, MALE),
        (IfThen(condition=part(IS_MALE), consequence=part(IS_CHILD)), MET, MALE),
        (IfThen(condition=part(UNQUANTIFIED), consequence=part(IS_ADULT)), MET, ADULT),
        (IfThen(condition=part(UNQUANTIFIED), consequence=part(OPEN)), UNKNOWN, QUANTIFY),
        (IfThen(condition=part(UNQUANTIFIED), consequence=part(IS_CHILD)), UNKNOWN, QUANTIFY),
        (IfThenElse(condition=part(IS_FEMALE), consequence=part(IS_ADULT), alternative=part(OPEN)), MET, ADULT),
        (IfThenElse(condition=part(IS_MALE), consequence=part(OPEN), alternative=part(IS_CHILD)), NOT_MET, CHILD),
        (IfThenElse(condition=part(IS_MALE), consequence=part(IS_ADULT), alternative=part(OPEN)), UNKNOWN, JUDGE),
        (IfThenElse(condition=part(OPEN), consequence=part(IS_ADULT), alternative=part(IS_FEMALE)), MET, ADULT),
        (IfThenElse(condition=part(OPEN), consequence=part(IS_CHILD), alternative=part(IS_MALE)), NOT_MET, CHILD),
        (IfThenElse(condition=part(OPEN), consequence=part(IS_ADULT), alternative=part(IS_MALE)), UNKNOWN, JUDGE),
        (As(part=part(IS_FEMALE), qualifier=part(IS_ADULT)), MET, FEMALE),
        (As(part=part(IS_FEMALE), qualifier=part(OPEN)), UNKNOWN, JUDGE),
        (As(part=part(OPEN), qualifier=part(IS_CHILD)), NOT_MET, CHILD),
    ],
)
def test_the_part_that_decides_gives_the_reason(statement: Combinator, truth: Truth, reason: Reason) -> None:
    """The first part that has the answer's truth, or of an implication the side that decided."""
    found = result(statement)
    assert (found.result, found.reason) == (truth, reason)


def test_parts_without_an_id_lend_theirs() -> None:
    """A part that only joins others is not shown; its parts stand below the criterion above it."""
    inner = part(AnyOf(parts=(part(OPEN, "X.1"), part(IS_FEMALE, "X.2"))))
    found = result(AllOf(parts=(inner, part(IS_ADULT, "X.3"))))
    assert [each.id for each in found.parts] == ["X.1", "X.2", "X.3"]
    assert found.result is MET


def test_a_leaf_without_an_id_lends_its_evidence() -> None:
    """What an unnamed part stands on is the evidence of the criterion above it."""
    found = result(Not(part=part(IS_CHILD)))
    assert [(each.resource, each.element) for each in found.evidence] == [("Patient/p1", "birthDate")]
    assert found.parts == ()


CLOSED = part(AllOf(parts=(part(OPEN, "X.1"), part(IS_MALE, "X.2"))), "X")


@pytest.mark.parametrize(
    ("statement", "open_parts"),
    [
        (AllOf(parts=parts(OPEN, UNQUANTIFIED)), {"X.1", "X.2"}),
        (AllOf(parts=parts(OPEN, IS_FEMALE)), {"X.1"}),
        (AllOf(parts=parts(OPEN, IS_MALE)), set()),
        (AnyOf(parts=parts(OPEN, IS_FEMALE)), set()),
        (AnyOf(parts=(CLOSED, part(UNQUANTIFIED, "Y"))), {"Y"}),
    ],
)
def test_only_what_could_still_change_the_answer_is_asked_for(statement: Combinator, open_parts: set[str]) -> None:
    """A part under a definite answer needs nothing any more, whatever it is itself."""
    found = verdict(trial([statement])).missing
    assert {name for need in found for name in need.criteria} == open_parts


def test_a_judgement_alone_asks_for_an_attestation() -> None:
    """What only a person can say is settled by the attestation of the study and criterion."""
    (need,) = verdict(trial([Judgement()])).missing
    assert [coding.code for coding in need.codes] == ["small.I1"]
    assert (need.type, need.within, need.criteria) == ("Observation", "P30D", ("I1",))
