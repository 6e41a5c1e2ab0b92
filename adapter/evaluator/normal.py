"""Limits of normal of one observation (CONFORMANCE: Values, ULN)."""

from datetime import date
from functools import lru_cache, partial

from adapter.criteria.calendar import Duration, age_of, birthday
from adapter.criteria.catalogue import Analyte, Bounds
from adapter.criteria.quantity import LimitOfNormal, Number
from adapter.evaluator.chart import Chart, Interval, OwnLimits, Reading
from adapter.evaluator.reason import Reason
from adapter.record.facts import Amount, Limits

_MOST_RANGES = 4096
_SEXES = frozenset({"sex-female", "sex-male"})


def limits_of_normal(
    reading: Reading, analyte: Analyte, which: LimitOfNormal, chart: Chart
) -> tuple[Number, ...] | Reason:
    """The limits that may hold for the patient, in the canonical unit: the observation's own, else the policy's.

    One, unless several ranges fit and differ, or the patient's sex isn't known and there is a range for each.
    """
    own = _own(reading, analyte, chart)
    if isinstance(own, Reason):
        return own
    upper = which is LimitOfNormal.UPPER
    known = own.upper if upper else own.lower
    if known:
        return known
    table = None if own.in_words else chart.policy.normal_limits.get(analyte.id)
    limit = None if table is None else table.upper if upper else table.lower
    return Reason.REFERENCE_RANGE_MISSING if limit is None else _alone(limit)


@lru_cache(256)
def _alone(limit: Number) -> tuple[Number]:
    """A policy's limit by itself, always as the same object: what it comes to is known by that."""
    return (limit,)


def contradicts_own_range(reading: Reading, analyte: Analyte, chart: Chart) -> bool:
    """Whether a limit of normal beside the value is impossible in its unit, so that the value's unit is wrong too."""
    if analyte.plausible_upper is None or reading.fact.ranges is None:
        return False
    return limits_of_normal(reading, analyte, LimitOfNormal.UPPER, chart) is Reason.IMPLAUSIBLE


def _own(reading: Reading, analyte: Analyte, chart: Chart) -> OwnLimits | Reason:
    """The limits that the observation brings.

    They are kept, where its ranges name their units, by what of the patient decides which of them fit: the sex, or
    where there are ranges for ages which these are.
    """
    ranges = reading.fact.ranges
    fits: str | tuple[bool | None, ...] | None = chart.sex
    known = chart.own_ranges if is_own(ranges) else chart.ranges
    held = known.get((id(ranges), analyte.id, fits))
    if held is not None and held[0] is ranges:
        return held[1]
    limits = reading.fact.limits
    if limits is None:
        return Reason.REFERENCE_RANGE_MISSING
    if any(each.age_low is not None or each.age_high is not None for each in limits):
        fits = tuple([_fits(each, reading, chart.sex, chart) for each in limits])
        held = known.get((id(ranges), analyte.id, fits))
        if held is not None and held[0] is ranges:
            return held[1]
    found = _worked_out(limits, reading, analyte, chart)
    if all(end is None or end.unit or end.text for each in limits for end in (each.low, each.high)):
        if len(known) >= _MOST_RANGES:
            known.clear()
        # they are kept, so their id stays their own
        known[id(ranges), analyte.id, fits] = ranges, found
    return found


def is_own(ranges: object) -> bool:
    """Whether the ranges of a fact were read for it alone, and keep the bytes of its record.

    After that record nobody asks for them again; those of plain Observations are one object wherever they are equal.
    """
    return isinstance(ranges, partial)


def _worked_out(own: tuple[Limits, ...], reading: Reading, analyte: Analyte, chart: Chart) -> OwnLimits | Reason:
    """The limits in the canonical unit.

    A range that is text only, or whose ends are the wrong way round or both 0, may be the one that fits.
    """
    fit = fitting(own, reading, chart)
    lower: set[Number] = set()
    upper: set[Number] = set()
    for limits in fit:
        low, high = (_bound(end, reading, analyte, chart) for end in (limits.low, limits.high))
        if low is not None and high is not None and low >= high:
            return Reason.REFERENCE_RANGE_MISSING
        if not _possible(low, analyte.plausible_lower) or not _possible(high, analyte.plausible_upper):
            return Reason.IMPLAUSIBLE
        lower.update([] if low is None else [low])
        upper.update([] if high is None else [high])
    in_words = any(limits.low is None and limits.high is None for limits in fit)
    return OwnLimits(tuple(sorted(lower)), tuple(sorted(upper)), in_words)


def fitting(own: tuple[Limits, ...], reading: Reading, chart: Chart) -> list[Limits]:
    """The ranges of normal that may hold for the patient."""
    fits = [(limits, _fits(limits, reading, chart.sex, chart)) for limits in own if limits.normal]
    return [limits for limits, fit in fits if fit] or _either_sex(fits)


def _either_sex(fits: list[tuple[Limits, bool | None]]) -> list[Limits]:
    """The ranges that may fit a patient of unknown sex, where there is one for each."""
    open_ = [limits for limits, fit in fits if fit is None]
    sexes = {name for limits in open_ for sets in limits.applies_to for name in sets if name in _SEXES}
    return open_ if sexes == _SEXES else []


def _possible(limit: Number | None, bounds: Bounds | None) -> bool:
    return limit is None or bounds is None or bounds.hold(limit, limit)


def _bound(amount: Amount | None, reading: Reading, analyte: Analyte, chart: Chart) -> Number | None:
    if amount is None:
        return None
    if not amount.unit and not amount.text:
        value, written = reading.fact.amount, chart.said(reading.fact, analyte)
        unit, text = (value.unit, value.text) if value else (None, written.unit if written else None)
        amount = Amount(amount.low, amount.high, amount.low_open, amount.high_open, unit, text)
    number = chart.canonical(amount, analyte)
    return number.low if isinstance(number, Interval) and number.low == number.high else None


def _fits(limits: Limits, reading: Reading, sex: str | None, chart: Chart) -> bool | None:
    """Whether a range is for this patient; None if only their sex would say so."""
    named = [_SEXES & sets for sets in limits.applies_to]
    if not all(named) or not _fits_age(limits, reading, chart):
        return False
    if named and sex not in ("female", "male"):
        return None
    return all(f"sex-{sex}" in sets for sets in named)


def _fits_age(limits: Limits, reading: Reading, chart: Chart) -> bool:
    record = chart.record
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


@lru_cache(1024)  # laboratories have few ranges
def _age(amount: Amount | None, more: int) -> Duration | None:
    """The limit of an age range in whole units, `more` of them later; None for what is none."""
    if amount is None or amount.low is None or amount.low != int(amount.low):
        return None
    return age_of(amount.low, amount.unit or amount.text, more)


def _reached(birth: date, age: Duration | None, on: date) -> bool:
    if age is None:
        return True
    try:
        return birthday(birth, age) <= on
    except OverflowError:
        return False


def contradicts_another(reading: Reading, analyte: Analyte, chart: Chart) -> bool:
    """Whether a value of the same resource that is surely lower, or higher, is not: systolic below diastolic."""
    if analyte.above is None and analyte.below is None:
        return False
    for name, lower in ((analyte.above, True), (analyte.below, False)):
        other = chart.terminology.catalogue.analytes.get(name or "")
        number = None if other is None else _exactly(reading, analyte, chart)
        if other is None or number is None:
            continue
        beside = [each for each in chart.readings(other) if each.fact.source == reading.fact.source]
        found = [each for each in (_exactly(one, other, chart) for one in beside) if each is not None]
        if any(number < each if lower else number > each for each in found):
            return True
    return False


def _exactly(reading: Reading, analyte: Analyte, chart: Chart) -> Number | None:
    """A plain number; None for anything else."""
    number = chart.number(reading.fact, analyte)
    return number.low if isinstance(number, Interval) and number.low == number.high else None
