"""Thresholds and age bounds: the numbers a criterion is written with."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from adapter.criteria.calendar import Duration


class Comparator(StrEnum):
    """How a value stands to a bound; the codes of FHIR's QuantityComparator."""

    LESS = "<"
    AT_MOST = "<="
    AT_LEAST = ">="
    GREATER = ">"


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
