"""What a query says of one leaf and patient: truth and reason in one number, as strong Kleene logic reckons with it.

A cell is `64 x truth + reason`: not met 0, unknown 1, met 2, and the reason's place in the closed list of reasons.
255 is undecided: what the query can't say exactly, and leaves to the evaluation. It has every bit, so that of several
cells of one leaf an undecided one stands when they are joined bit by bit; others are never beside one another, and 0,
a truth that its reason is not of, is none.
"""

from collections.abc import Sequence
from typing import Final

from adapter.criteria.truth import Truth
from adapter.evaluator.columns import TRUTHS
from adapter.evaluator.reason import Reason, truth_of

UNDECIDED: Final = 255
UNIT: Final = 64
"""Reasons a truth; more than there are."""

TOGETHER: Final = 8
"""Leaves whose cells share a number of 64 bits, a byte each; no cell is 0."""

_EACH: Final = sum(1 << (8 * place) for place in range(TOGETHER))
"""The lowest bit of each of the bytes."""

_REASONS = tuple(Reason)


def cell(reason: Reason, truth: Truth | None = None) -> int:
    """The number of a reason; `truth` only of an attestation, whose reason doesn't say it."""
    known = truth_of(reason) if truth is None else truth
    return TRUTHS.index(known) * UNIT + _REASONS.index(reason)


def told(number: int) -> tuple[Truth, Reason] | None:
    """Truth and reason; None of an undecided cell."""
    return None if number == UNDECIDED else (TRUTHS[number // UNIT], _REASONS[number % UNIT])


def by_reason(column: str) -> str:
    """The cell of a column that holds a reason in words, as facts do."""
    known = " ".join(f"WHEN '{each.value}' THEN {cell(each)}" for each in _REASONS if each is not Reason.ATTESTED)
    return f"CASE {column} {known} ELSE {UNDECIDED} END"


def filled(packed: str, defaults: Sequence[int]) -> str:
    """Cells that share a number, each that is 0 replaced by the default of its leaf, all at once.

    A byte's sum with 127 has its highest bit if any of its lower bits is set; where neither that nor the byte itself
    has it, the byte is 0. What is 1 in such a byte alone, times 255, is the whole byte.
    """
    default = sum(each << (8 * place) for place, each in enumerate(defaults))
    low, first, filling = (f"CAST({number} AS UBIGINT)" for number in (_EACH * 127, _EACH, default))
    some = f"((({packed} & {low}) + {low} | {packed}) >> 7) & {first}"
    return f"({packed} | (({first} - ({some})) * 255 & {filling}))"
