"""What a measured value comes to in columns: the evaluator's own functions, asked once for equal values."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from adapter.criteria.calendar import CalendarUnit, unit_of
from adapter.criteria.catalogue import Analyte
from adapter.criteria.quantity import LimitOfNormal, Number
from adapter.evaluator.chart import Chart, Interval, Reading
from adapter.evaluator.finding import amount_of, finding, supported
from adapter.evaluator.limits import contradicts_own_range, limits_of_normal
from adapter.evaluator.reason import Reason
from adapter.record.facts import ObservationFact
from adapter.record.when import When

Row = tuple[Any, ...]
"""The cells of one row, in the order of the table's columns."""

_MOST_NUMBERS = 1 << 16
"""Numbers whose doubles are remembered."""

_Measured = tuple[str, int, int, int, int, Decimal | None, str | None, bool | None, tuple[str | None, ...], int | None]
"""What the cells of a value depend on, where they depend on nothing beside it."""

_ANY_AGE = -1000
"""Stands for every age, where limits are not told apart by it."""

_NO_NUMBER = (None, None, False, False, True)
_NO_LIMITS = (None, None, True)
OTHER = (*_NO_NUMBER, None, None, None, None, None, None, None, None, True, None, None, False, False)
"""The cells of a value that belongs to no analyte."""


class Values:
    """The cells of values, from `low` to `supported`; what was worked out for one is kept for the next."""

    def __init__(self) -> None:
        """Nothing is worked out yet."""
        self._doubles: dict[Number, tuple[float, bool]] = {}
        self._measured: dict[_Measured, tuple[Row, ObservationFact]] = {}
        self._told_apart: dict[int, tuple[frozenset[CalendarUnit | None], object]] = {}

    def cells(self, reading: Reading, analyte: Analyte, chart: Chart) -> Row:
        """The cells of a value; the same for equal values, limits and sexes where nothing else goes into them.

        The reader gives equal elements of many records as one object, so they are known by their identity.
        """
        fact, record = reading.fact, chart.record
        age = self._age(reading, record.birth) if fact.ranges is not None else _ANY_AGE
        key = (
            analyte.id,
            id(fact.amount),
            id(fact.ranges),
            id(fact.coded),
            id(fact.interpretation),
            fact.answer,
            fact.string,
            fact.boolean,
            (record.clinical_sex, record.gender, record.birth_sex),
            age,
        )
        known = self._measured.get(key)
        if known is not None:
            return known[0]
        found = self._worked_out(reading, analyte, chart)
        if age is not None and _is_alone(analyte, found):
            if len(self._measured) >= _MOST_NUMBERS:
                self._measured.clear()
            self._measured[key] = found, fact  # the fact keeps what the identities are of
        return found

    def _age(self, reading: Reading, birth: When | None) -> int | None:
        """The completed years at which limits are told apart; one for all where they aren't, None where by else."""
        ranges = reading.fact.ranges
        known = self._told_apart.get(id(ranges))
        if known is None:
            if len(self._told_apart) >= _MOST_NUMBERS:
                self._told_apart.clear()
            known = self._told_apart[id(ranges)] = _units(reading.fact), ranges  # which keeps the identity
        units, time = known[0], reading.time
        if not units:
            return _ANY_AGE
        if units != {CalendarUnit.YEAR} or birth is None or birth.first != birth.last:
            return None
        if time is None or time.first != time.last:
            return None
        born, day = birth.first, time.first
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))

    def _worked_out(self, reading: Reading, analyte: Analyte, chart: Chart) -> Row:
        fact = reading.fact
        number = amount_of(reading, analyte, chart)
        found = finding(reading, analyte, chart)
        upper = limits_of_normal(reading, analyte, LimitOfNormal.UPPER, chart)
        lower = limits_of_normal(reading, analyte, LimitOfNormal.LOWER, chart)
        upper_low, upper_high, upper_exact = self._limits(upper)
        lower_low, lower_high, lower_exact = self._limits(lower)
        amount = fact.amount
        return (
            *(_NO_NUMBER if isinstance(number, Reason) else self._number(number)),
            number if isinstance(number, Reason) else None,
            (amount.unit or amount.text) if amount else None,
            None if isinstance(found, Reason) else found,
            found if isinstance(found, Reason) else None,
            upper_low,
            upper_high,
            lower_low,
            lower_high,
            upper_exact and lower_exact,
            upper if isinstance(upper, Reason) else None,
            lower if isinstance(lower, Reason) else None,
            contradicts_own_range(reading, analyte, chart),
            bool(analyte.raised_by) and bool(supported(reading, analyte, chart)),
        )

    def _number(self, number: Interval) -> Row:
        low, low_exact = self._double(number.low)
        high, high_exact = self._double(number.high)
        return low, high, number.low_open, number.high_open, low_exact and high_exact

    def _limits(self, found: tuple[Number, ...] | Reason) -> tuple[float | None, float | None, bool]:
        if isinstance(found, Reason):
            return _NO_LIMITS
        (low, low_exact), (high, high_exact) = self._double(found[0]), self._double(found[-1])
        return low, high, low_exact and high_exact

    def _double(self, number: Number | None) -> tuple[float | None, bool]:
        """The nearest double, and whether the number is the shortest one that has it."""
        if number is None:
            return None, True
        known = self._doubles.get(number)
        if known is None:
            if len(self._doubles) >= _MOST_NUMBERS:
                self._doubles.clear()
            known = self._doubles[number] = nearest(number)
        return known


def _units(fact: ObservationFact) -> frozenset[CalendarUnit | None]:
    """The units of the ages by which the limits of a value are told apart."""
    ages = (end for each in fact.limits or () for end in (each.age_low, each.age_high) if end is not None)
    return frozenset(unit_of(end.unit or end.text) for end in ages)


def _is_alone(analyte: Analyte, cells: Row) -> bool:
    """Whether nothing beside a value went into its cells: treatments that raise it, or tumour cells beside a 0."""
    return not analyte.raised_by and (not analyte.tumour_cells or cells[1] not in (None, 0.0))


def nearest(number: Number) -> tuple[float, bool]:
    """The nearest double, and whether the number is the shortest one that has it."""
    try:
        double = float(number)
    except OverflowError:
        return (float("inf") if number > 0 else float("-inf")), False
    shortest = Fraction(repr(double)) if isinstance(number, Fraction) else Decimal(repr(double))
    return double, shortest == number
