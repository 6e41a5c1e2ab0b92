"""Three-valued truth: strong Kleene logic (S. C. Kleene, Introduction to Metamathematics, §64).

`Truth` is an enum of its own. It has no truth value for Python, so that an unknown can never be taken for a no.
What a way to join criteria makes of its parts is a formula over their places (`adapter.criteria.join`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import NoReturn


class Truth(StrEnum):
    """The truth of a criterion's own statement."""

    MET = "met"
    NOT_MET = "not-met"
    UNKNOWN = "unknown"

    def __bool__(self) -> NoReturn:
        """Refuse `if truth:`; compare with a member instead."""
        msg = "a Truth is one of three; compare it with Truth.MET, Truth.NOT_MET or Truth.UNKNOWN"
        raise TypeError(msg)


MET, NOT_MET, UNKNOWN = Truth
"""By name, for what is asked many times a patient: Python 3.11 finds a member through its class ten times as slowly."""


def negation(truth: Truth) -> Truth:
    """¬a."""
    if truth is MET:
        return NOT_MET
    return MET if truth is NOT_MET else UNKNOWN


def conjunction(truths: Iterable[Truth]) -> Truth:
    """a ∧ b ∧ …; of nothing: met."""
    result = MET
    for truth in truths:
        if truth is NOT_MET:
            return NOT_MET
        if truth is UNKNOWN:
            result = UNKNOWN
    return result


def disjunction(truths: Iterable[Truth]) -> Truth:
    """a ∨ b ∨ …; of nothing: not-met."""
    result = NOT_MET
    for truth in truths:
        if truth is MET:
            return MET
        if truth is UNKNOWN:
            result = UNKNOWN
    return result


def at_least(count: int, truths: Iterable[Truth]) -> Truth:
    """At least `count` of the truths are met: met once enough are, not-met once too few still can be."""
    listed = tuple(truths)
    met = listed.count(MET)
    if met >= count:
        return MET
    return NOT_MET if met + listed.count(UNKNOWN) < count else UNKNOWN


def known_disjunction(truths: Iterable[Truth]) -> Truth:
    """∨ over those that are known; unknown only if none is.

    Not Kleene's: for statements where one finding alone suffices to clear (nct07008872 E1.4).
    """
    known = tuple(truth for truth in truths if truth is not UNKNOWN)
    return disjunction(known) if known else UNKNOWN


@dataclass(frozen=True, slots=True)
class Conjunction:
    """∧ of formulas; of all parts, if none is named."""

    of: "tuple[Formula, ...]" = ()


@dataclass(frozen=True, slots=True)
class Disjunction:
    """∨ of formulas; of all parts, if none is named."""

    of: "tuple[Formula, ...]" = ()


@dataclass(frozen=True, slots=True)
class Negation:
    """¬ of a formula."""

    of: "Formula"


Formula = int | Conjunction | Disjunction | Negation
"""A part, by its place, or a formula over parts."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """At least the statement's count of the parts."""


@dataclass(frozen=True, slots=True)
class KnownDisjunction:
    """∨ of those parts that are known."""


@cache
def signs(formula: Formula | Threshold | KnownDisjunction, place: int) -> frozenset[bool]:
    """Whether a part stands in a formula as it is, denied, or both."""
    match formula:
        case int():
            return frozenset({True} if formula == place else ())
        case Negation(of):
            return frozenset(not each for each in signs(of, place))
        case Conjunction(of) | Disjunction(of) if of:
            return frozenset[bool]().union(*(signs(each, place) for each in of))
        case _:
            return frozenset({True})


def apart(formula: Formula | Threshold | KnownDisjunction, count: int, *, denied: bool) -> tuple[tuple[int, bool], ...]:
    """The places of the parts that must all be met, or not (`True`), so that the formula is, or is not (`denied`)."""
    match formula:
        case int():
            return ((formula, denied),)
        case Negation(of):
            return apart(of, count, denied=not denied)
        case Conjunction(of) | Disjunction(of) if isinstance(formula, Disjunction) is denied:
            each = [apart(part, count, denied=denied) for part in of or range(count)]
            return tuple(part for parts in each for part in parts) if all(each) else ()
        case _:
            return ()


def value(formula: Formula, truths: Sequence[Truth]) -> Truth:
    """What a formula makes of its parts' truths."""
    match formula:
        case int():
            return truths[formula]
        case Negation(of):
            return negation(value(of, truths))
        case Conjunction(of):
            return conjunction([value(each, truths) for each in of] if of else truths)
        case Disjunction(of):
            return disjunction([value(each, truths) for each in of] if of else truths)
