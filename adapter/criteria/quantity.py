"""Thresholds and age bounds: the numbers a criterion is written with."""

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from adapter.criteria.calendar import Duration

Number = Decimal | Fraction
"""A number that is exactly what was sent, times exact factors. Decimals and fractions compare with each other."""

_WIDE = Context(prec=400)
_ENDING = Context(prec=60, traps=[Inexact])

ONE = Decimal(1)


def times(number: Number, factor: Number) -> Number:
    """The exact product."""
    if factor is ONE:
        return number
    if isinstance(number, Decimal) and isinstance(factor, Decimal):
        return _WIDE.multiply(number, factor)  # both have far fewer digits than 200
    return Fraction(number) * Fraction(factor)


def plus(number: Number, other: Number) -> Number:
    """The exact sum."""
    if isinstance(number, Decimal) and isinstance(other, Decimal):
        return _WIDE.add(number, other)
    return Fraction(number) + Fraction(other)


def shortest(fraction: Fraction) -> Number:
    """The fraction as a decimal if one ends, which is quicker to reckon with; the constant ONE for one."""
    if fraction == 1:
        return ONE
    try:
        return _ENDING.divide(Decimal(fraction.numerator), Decimal(fraction.denominator))
    except Inexact:
        return fraction


class Linear(NamedTuple):
    """How a number turns from one unit into another: times `factor`, and then plus `offset` where there is one."""

    factor: Number
    offset: Number | None = None

    def of(self, number: Number) -> Number:
        """The number in the other unit, exactly."""
        scaled = times(number, self.factor)
        return scaled if self.offset is None else plus(scaled, self.offset)


SAME = Linear(ONE)
"""What turns a number into itself."""


class Comparator(StrEnum):
    """How a value stands to a bound; the codes of FHIR's QuantityComparator."""

    LESS = "<"
    AT_MOST = "<="
    AT_LEAST = ">="
    GREATER = ">"

    @property
    def is_upper(self) -> bool:
        """Whether the bound is the highest value, or above it."""
        return self in (Comparator.LESS, Comparator.AT_MOST)

    @property
    def is_strict(self) -> bool:
        """Whether the bound itself doesn't satisfy it."""
        return self in (Comparator.LESS, Comparator.GREATER)


@dataclass(frozen=True, slots=True)
class AgeBound:
    """One end of an age range, in completed calendar units (CONFORMANCE: Time).

    A strict lower bound (`inclusive=False`) is strict on the date: the patient is older than it from the day after
    birth + duration. A strict upper bound ends on the day on which the age is reached; an inclusive one on the day
    before the next unit is completed.
    """

    age: Duration
    inclusive: bool = True


@dataclass(frozen=True, slots=True)
class QuantityThreshold:
    """`comparator value unit`; `unit` is UCUM, and `1` for a score."""

    comparator: Comparator
    value: Decimal
    unit: str


class LimitOfNormal(StrEnum):
    """Which end of the reference range a multiple is of."""

    UPPER = "ULN"
    LOWER = "LLN"


@dataclass(frozen=True, slots=True)
class LimitThreshold:
    """`comparator factor x ULN` (or LLN) of the observation's own reference range."""

    comparator: Comparator
    factor: Decimal
    limit: LimitOfNormal


@dataclass(frozen=True, slots=True)
class QuantityRange:
    """A lower and an upper bound that one and the same value has to satisfy."""

    low: QuantityThreshold | LimitThreshold
    high: QuantityThreshold | LimitThreshold
