"""Three-valued truth: strong Kleene logic (S. C. Kleene, Introduction to Metamathematics, §64).

`Truth` is an enum of its own. It has no truth value for Python, so that an unknown can never be taken for a no.
"""

from collections.abc import Iterable
from enum import StrEnum
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


def negation(truth: Truth) -> Truth:
    """¬a."""
    if truth is Truth.MET:
        return Truth.NOT_MET
    return Truth.MET if truth is Truth.NOT_MET else Truth.UNKNOWN


def conjunction(truths: Iterable[Truth]) -> Truth:
    """a ∧ b ∧ …; of nothing: met."""
    result = Truth.MET
    for truth in truths:
        if truth is Truth.NOT_MET:
            return Truth.NOT_MET
        if truth is Truth.UNKNOWN:
            result = Truth.UNKNOWN
    return result


def disjunction(truths: Iterable[Truth]) -> Truth:
    """a ∨ b ∨ …; of nothing: not-met."""
    result = Truth.NOT_MET
    for truth in truths:
        if truth is Truth.MET:
            return Truth.MET
        if truth is Truth.UNKNOWN:
            result = Truth.UNKNOWN
    return result


def at_least(count: int, truths: Iterable[Truth]) -> Truth:
    """At least `count` of the truths are met: met once enough are, not-met once too few still can be."""
    listed = tuple(truths)
    met = listed.count(Truth.MET)
    if met >= count:
        return Truth.MET
    return Truth.NOT_MET if met + listed.count(Truth.UNKNOWN) < count else Truth.UNKNOWN


def known_disjunction(truths: Iterable[Truth]) -> Truth:
    """∨ over those that are known; unknown only if none is.

    Not Kleene's: for statements where one finding alone suffices to clear (nct07008872 E1.4).
    """
    known = tuple(truth for truth in truths if truth is not Truth.UNKNOWN)
    return disjunction(known) if known else Truth.UNKNOWN
