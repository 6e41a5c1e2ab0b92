"""Thresholds, durations and age bounds: the numbers a criterion is written with."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Comparator(StrEnum):
    """How a value stands to a bound; the codes of FHIR's QuantityComparator."""

    LESS = "<"
    AT_MOST = "<="
    AT_LEAST = ">="
    GREATER = ">"


class CalendarUnit(StrEnum):
    """UCUM codes of the units in which windows and ages are counted."""

    DAY = "d"
    WEEK = "wk"
    MONTH = "mo"
    YEAR = "a"


@dataclass(frozen=True, slots=True)
class Duration:
    """A whole number of calendar units."""

    count: int
    unit: CalendarUnit

    def __str__(self) -> str:
        """ISO 8601, as in P30D, P12M, P1W."""
        letter = {CalendarUnit.DAY: "D", CalendarUnit.WEEK: "W", CalendarUnit.MONTH: "M", CalendarUnit.YEAR: "Y"}
        return f"P{self.count}{letter[self.unit]}"

    @property
    def days(self) -> Decimal:
        """About how many days; good enough to see which of two lengths is the longer."""
        return self.count * _DAYS[self.unit]


_DAYS = {
    CalendarUnit.DAY: Decimal(1),
    CalendarUnit.WEEK: Decimal(7),
    CalendarUnit.MONTH: Decimal("30.4375"),
    CalendarUnit.YEAR: Decimal("365.25"),
}


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
