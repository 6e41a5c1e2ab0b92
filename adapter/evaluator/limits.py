"""Limits of normal of one observation (CONFORMANCE: Values, ULN)."""

from datetime import date

from adapter.criteria.catalogue import Analyte
from adapter.criteria.number import Number
from adapter.criteria.quantity import CalendarUnit, Duration, LimitOfNormal
from adapter.evaluator.chart import Chart, Interval, Reading
from adapter.record.facts import Amount, Limits
from adapter.record.read_observation import limits_of
from adapter.record.when import birthday

_UNITS = {unit.value: unit for unit in CalendarUnit} | {
    "year": CalendarUnit.YEAR,
    "years": CalendarUnit.YEAR,
    "yr": CalendarUnit.YEAR,
    "y": CalendarUnit.YEAR,
    "month": CalendarUnit.MONTH,
    "months": CalendarUnit.MONTH,
    "week": CalendarUnit.WEEK,
    "weeks": CalendarUnit.WEEK,
    "day": CalendarUnit.DAY,
    "days": CalendarUnit.DAY,
}


def limit_of_normal(reading: Reading, analyte: Analyte, which: LimitOfNormal, chart: Chart) -> Number | None:
    """The limit in the canonical unit, worked out once for a reading."""
    key = (reading.fact.source.resource, reading.fact.element, which)
    if key not in chart.limits:
        chart.limits[key] = _limit(reading, analyte, which, chart)
    return chart.limits[key]


def _limit(reading: Reading, analyte: Analyte, which: LimitOfNormal, chart: Chart) -> Number | None:
    """The limit in the canonical unit: of the observation's own range, else of the policy; None if there is none.

    Ranges that fit the patient and differ give none; neither does one that is text only.
    """
    own = limits_of(reading.fact.ranges, chart.terminology)
    if own is None:
        return None
    fitting = [limits for limits in own if limits.normal and _fits(limits, reading, chart)]
    found = {_bound(limits, which, reading, analyte, chart) for limits in fitting} - {None}
    if found:
        return found.pop() if len(found) == 1 else None
    if any(limits.low is None and limits.high is None for limits in fitting):
        return None
    table = chart.policy.normal_limits.get(analyte.id)
    if table is None:
        return None
    return table.upper if which is LimitOfNormal.UPPER else table.lower


def _bound(limits: Limits, which: LimitOfNormal, reading: Reading, analyte: Analyte, chart: Chart) -> Number | None:
    amount = limits.high if which is LimitOfNormal.UPPER else limits.low
    if amount is None:
        return None
    if not amount.unit and not amount.text and reading.fact.amount is not None:
        value = reading.fact.amount
        amount = Amount(amount.low, amount.high, amount.low_open, amount.high_open, value.unit, value.text)
    number = chart.canonical(amount, analyte)
    return number.low if isinstance(number, Interval) and number.low == number.high else None


def _fits(limits: Limits, reading: Reading, chart: Chart) -> bool:
    record = chart.record
    sex = record.clinical_sex or record.gender
    if not all(f"sex-{sex}" in sets for sets in limits.applies_to):
        return False
    if limits.age_low is None and limits.age_high is None:
        return True
    if record.birth is None or reading.time is None:
        return False
    low, high = _age(limits.age_low, 0), _age(limits.age_high, 1)
    if (limits.age_low and low is None) or (limits.age_high and high is None):
        return False
    return _reached(record.birth.last, low, reading.time.first) and (
        high is None or not _reached(record.birth.first, high, reading.time.last)
    )


def _age(amount: Amount | None, more: int) -> Duration | None:
    if amount is None or amount.low is None:
        return None
    unit = _UNITS.get((amount.unit or amount.text or "").strip().casefold())
    whole = amount.low == int(amount.low)
    return Duration(int(amount.low) + more, unit) if unit and whole and 0 <= amount.low <= 200 * 366 else None


def _reached(birth: date, age: Duration | None, on: date) -> bool:
    if age is None:
        return True
    try:
        return birthday(birth, age) <= on
    except OverflowError:
        return False
