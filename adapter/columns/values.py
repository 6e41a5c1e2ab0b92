"""What a measured value comes to in columns: the evaluator's own functions, asked once for equal values."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from msgspec import Struct

from adapter.criteria.calendar import CalendarUnit, unit_of
from adapter.criteria.catalogue import Analyte
from adapter.criteria.policy import Policy
from adapter.criteria.quantity import LimitOfNormal, Number
from adapter.criteria.terminology import Terminology, kept
from adapter.evaluator.chart import COUNTED, Chart, Interval, Reading
from adapter.evaluator.finding import amount_of, entries_of, finding, supported
from adapter.evaluator.normal import contradicts_another, contradicts_own_range, is_own, limits_of_normal
from adapter.evaluator.reason import Reason
from adapter.record.facts import ObservationFact
from adapter.record.patient_record import PatientRecord
from adapter.record.when import When

Row = tuple[Any, ...]
"""The cells of one row in the order of the table's columns; those of `schema.Shared` columns are a tuple inside it."""

Cells = list[Any]
"""The cells of some rows of a table, one row after another."""

_MOST = 1 << 14
"""Values that are remembered, and numbers whose doubles are."""

_MOST_NAMES = 1 << 11
"""Names of values of which is remembered whether they tell of a treatment."""

_LONGEST = 200
"""Characters of a value in words that is remembered."""

_Said = tuple[int, int, int, int, int, str | None, bool | None, str, str, int | None]
"""What the cells of a value depend on, where they depend on nothing beside it."""

_Known = dict[_Said, tuple[Row, object]]
"""Cells by what they depend on, each with what the identities are of: whole facts would keep their records' bytes."""

_Sexes = tuple[str | None, str | None, str | None]

_ANY_AGE = -1000
"""Stands for every age, where limits are not told apart by it."""

_NO_NUMBER = (None, None, False, False, True)
_NUMBER_REASON = len(_NO_NUMBER)
_NO_LIMITS = (None, None, True)
_OTHER = (*_NO_NUMBER, None, None, None, None, None, None, None, None, True, None, None, False, False)
"""The cells of a value that belongs to no analyte."""


class _Alike(Struct, frozen=True):
    """Values of one value set, of patients of one sex.

    `beside`: the analytes whose values go into the cells of this one's: treatments that raise it, or tumour cells;
    `during`: the treatments that do by being given. `alone`: cells in records without any of those; `accompanied`: in
    the others.
    """

    value_set: str
    analyte: Analyte | None
    beside: tuple[str, ...]
    during: tuple[str, ...]
    alone: _Known
    accompanied: _Known


class Values:
    """The cells of values that don't say whose and when; what was worked out for one is kept for the next."""

    def __init__(self, terminology: Terminology, policy: Policy) -> None:
        """Nothing is worked out yet."""
        self._terminology = terminology
        self._policy = policy
        self._alike: dict[_Sexes, dict[str, _Alike]] = {}
        self._kept = 0
        self._charted: tuple[PatientRecord, Chart] | None = None
        self._doubles: dict[Number, tuple[float, bool]] = {}
        self._told_apart: dict[int, tuple[frozenset[CalendarUnit | None], object]] = {}
        self._telling: dict[tuple[str, str], bool] = {}

    def cells(self, patient: int, record: PatientRecord, times: Mapping[When | None, Row]) -> Cells:
        """The rows of `observations` of a record; `times`: the cells of every time.

        Equal values of patients of one sex, with equal limits, have one tuple. The reader gives equal elements of many
        records as one object, so they are known by their identity.
        """
        found: Cells = []
        observations, birth, told_apart = record.observations, record.birth, self._told_apart
        sexes = (record.clinical_sex, record.gender, record.birth_sex)
        held = self._alike.setdefault(sexes, {})
        for value_set in sorted(observations):  # a record's own order is that of a set, another one in each process
            facts = observations[value_set]
            alike = held.get(value_set) or self._begun(value_set, held)
            known = alike.alone
            if (alike.beside or alike.during) and self._is_accompanied(facts, alike, record):
                known = alike.accompanied
            spans = [times[fact.when] for fact in facts]
            for number, (fact, time, reign) in enumerate(zip(facts, spans, _reigns(facts, spans), strict=True)):
                source, ranges = fact.source, fact.ranges
                if ranges is None:
                    age: int | None = _ANY_AGE
                else:
                    apart = told_apart.get(id(ranges))
                    age = _ANY_AGE if apart is not None and not apart[0] else self._age(fact, time, birth)
                said = (
                    id(fact.amount),
                    id(ranges),
                    id(fact.coded),
                    id(fact.interpretation),
                    id(fact.answer),
                    fact.string,
                    fact.boolean,
                    fact.element,
                    fact.status,
                    age,
                )
                cells = known.get(said)
                told = cells[0] if cells is not None else self._made(said, fact, alike, known, record)
                found += (patient, number, source.resource, source.version, time, *reign, told)
        return found

    def _is_accompanied(self, facts: Sequence[ObservationFact], alike: _Alike, record: PatientRecord) -> bool:
        """Whether a record may hold what goes into the cells of values beside them."""
        if alike.beside and not record.observations.keys().isdisjoint(alike.beside):
            return True
        if not alike.during:
            return False
        if any(fact.note or self._tells(fact.called, alike) for fact in facts):
            return True
        chart = self._chart(record)
        return any(True for name in alike.during for _ in entries_of(name, chart))

    def _tells(self, said: str, alike: _Alike) -> bool:
        """Whether what a value is called says of a treatment that raises it; of a name found once."""
        analyte, named = alike.analyte, (said, alike.value_set)
        found = self._telling.get(named)
        if found is None:
            writing, raising = self._terminology.writing, () if analyte is None else analyte.raised_by
            found = any(writing.tells_of(each.analyte, said, alike.value_set) for each in raising)
            kept(self._telling, named, found, said, most=_MOST_NAMES)
        return found

    def _begun(self, value_set: str, held: dict[str, _Alike]) -> _Alike:
        analyte = self._terminology.catalogue.analytes.get(value_set)
        beside, during = (_beside(analyte), analyte.raised_during) if analyte else ((), ())
        found = held[value_set] = _Alike(value_set, analyte, beside, during, {}, {})
        return found

    def _made(self, said: _Said, fact: ObservationFact, alike: _Alike, known: _Known, record: PatientRecord) -> Row:
        analyte = alike.analyte
        if analyte is None:
            told: Row = _OTHER
        else:
            chart = self._chart(record)
            told = self._worked_out(chart.reading(fact), analyte, chart)
        cells = (
            alike.value_set,
            fact.element,
            fact.status in COUNTED,
            *told,
            None if fact.coded is None else tuple(sorted(fact.coded)),
            tuple(sorted(fact.interpretation)),
            fact.boolean,
            fact.string,
            fact.status,
        )
        depends = known is alike.accompanied and (analyte is None or _depends(analyte, told))
        if not depends and said[-1] is not None and len(fact.string or "") <= _LONGEST:
            if self._kept >= _MOST:
                self._alike.clear()
                self._kept = 0
            self._kept += 1
            known[said] = cells, (fact.amount, fact.ranges, fact.coded, fact.interpretation, fact.answer)
        return cells

    def _chart(self, record: PatientRecord) -> Chart:
        """A chart of what of a record the values of its Observations are read beside; one for all of the record's.

        The diagnoses by value sets alone: what they say of tumour cells is asked in another place.
        """
        if self._charted is not None and self._charted[0] is record:
            return self._charted[1]
        measured = PatientRecord(
            subject=record.subject,
            terminology=record.terminology,
            gender=record.gender,
            clinical_sex=record.clinical_sex,
            birth_sex=record.birth_sex,
            birth=record.birth,
            observations=record.observations,
            conditions=record.conditions,
            all_exposures=record.all_exposures if self._is_treated(record) else (),
            mentions=record.mentions,
        )
        chart = Chart(measured, self._terminology, self._policy)
        self._charted = record, chart
        return chart

    def _is_treated(self, record: PatientRecord) -> bool:
        """Whether a treatment raises any of its values by being given."""
        known = self._terminology.catalogue.analytes
        return any(name in known and known[name].raised_during for name in record.observations)

    def _age(self, fact: ObservationFact, time: Row, birth: When | None) -> int | None:
        """The completed years at which limits are told apart; one for all where they aren't, None where by else.

        None too of ranges that are this record's own, which no other has: what is kept of them is never found again.
        """
        ranges = fact.ranges
        if is_own(ranges):
            return None
        known = self._told_apart.get(id(ranges))
        if known is None:
            if len(self._told_apart) >= _MOST:
                self._told_apart.clear()
            known = self._told_apart[id(ranges)] = _units(fact), ranges  # which keeps the identity
        units = known[0]
        if not units:
            return _ANY_AGE
        _, _, day, last = time
        if units != {CalendarUnit.YEAR} or birth is None or birth.first != birth.last or day is None or day != last:
            return None
        born = birth.first
        return int(day.year - born.year - ((day.month, day.day) < (born.month, born.day)))

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
            contradicts_own_range(reading, analyte, chart) or contradicts_another(reading, analyte, chart),
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
            if len(self._doubles) >= _MOST:
                self._doubles.clear()
            known = self._doubles[number] = nearest(number)
        return known


_NO_REIGN = (None, False)
_ALONE: list[tuple[int | None, bool]] = [_NO_REIGN]


def _reigns(facts: Sequence[ObservationFact], times: Sequence[Row]) -> list[tuple[int | None, bool]]:
    """Until when each value of a value set is among the latest ones, and whether it is beside another at any time."""
    if len(facts) == 1:
        return _ALONE
    found: list[tuple[int | None, bool]] = [_NO_REIGN] * len(facts)
    counted = [
        (time[0], time[1], n)
        for n, (fact, time) in enumerate(zip(facts, times, strict=True))
        if time[0] is not None and fact.status in COUNTED
    ]
    counted.sort()
    for one, other in pairwise(counted):
        if one[1] >= other[0]:
            break
        found[one[2]] = other[0], False
    else:  # as most do: one after another
        return found
    starts = [start for start, _, _ in counted]
    reach: int | None = starts[0] if starts else 0  # until when some earlier value stands; None: for ever
    for start, end, n in counted:
        next_ = bisect_right(starts, end)
        until = starts[next_] if next_ < len(starts) else None
        before = bisect_left(starts, start)
        earlier = before > 0 and (reach is None or reach > start)
        found[n] = until, earlier or next_ - before > 1
        reach = None if reach is None or until is None else max(reach, until)
    return found


def _units(fact: ObservationFact) -> frozenset[CalendarUnit | None]:
    """The units of the ages by which the limits of a value are told apart."""
    ages = (end for each in fact.limits or () for end in (each.age_low, each.age_high) if end is not None)
    return frozenset(unit_of(end.unit or end.text) for end in ages)


def _beside(analyte: Analyte) -> tuple[str, ...]:
    """The analytes whose values go into the cells of another one's: what raises it or contradicts it, tumour cells."""
    contradicting = (each for each in (analyte.above, analyte.below) if each)
    return (*analyte.tumour_cells, *(each.analyte for each in analyte.raised_by), *contradicting)


def _depends(analyte: Analyte, cells: Row) -> bool:
    """Whether the values beside one went into its cells: of tumour cells, those that call a 0 in doubt."""
    unsure = cells[_NUMBER_REASON] is Reason.NEEDS_REVIEW
    return bool(analyte.raised_by or analyte.above or analyte.below) or unsure or cells[1] == 0


def nearest(number: Number) -> tuple[float, bool]:
    """The nearest double, and whether the number is the shortest one that has it."""
    try:
        double = float(number)
    except OverflowError:
        return (float("inf") if number > 0 else float("-inf")), False
    shortest = Fraction(repr(double)) if isinstance(number, Fraction) else Decimal(repr(double))
    return double, shortest == number
