"""Is a result positive or negative (CONFORMANCE: Values, qualitative results; CD7 on tumour cells).

Limits of normal of one observation (CONFORMANCE: Values, ULN).
"""

from datetime import date
from decimal import Decimal
from functools import lru_cache

from adapter.criteria.calendar import Duration, age_of, birthday
from adapter.criteria.catalogue import Analyte, Bounds, Positivity
from adapter.criteria.model import Finding
from adapter.criteria.quantity import LimitOfNormal, Number
from adapter.criteria.terminology import kept
from adapter.criteria.written import plain
from adapter.evaluator.chart import Chart, Interval, OwnLimits, Reading
from adapter.evaluator.reason import Reason
from adapter.record.facts import Amount, Limits, ObservationFact

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
    held = chart.ranges.get((id(ranges), analyte.id, fits))
    if held is not None and held[0] is ranges:
        return held[1]
    limits = reading.fact.limits
    if limits is None:
        return Reason.REFERENCE_RANGE_MISSING
    if any(each.age_low is not None or each.age_high is not None for each in limits):
        fits = tuple([_fits(each, reading, chart.sex, chart) for each in limits])
        held = chart.ranges.get((id(ranges), analyte.id, fits))
        if held is not None and held[0] is ranges:
            return held[1]
    found = _worked_out(limits, reading, analyte, chart)
    if all(end is None or end.unit or end.text for each in limits for end in (each.low, each.high)):
        if len(chart.ranges) >= _MOST_RANGES:
            chart.ranges.clear()
        # they are kept, so their id stays their own
        chart.ranges[id(ranges), analyte.id, fits] = ranges, found
    return found


def _worked_out(own: tuple[Limits, ...], reading: Reading, analyte: Analyte, chart: Chart) -> OwnLimits | Reason:
    """The limits in the canonical unit.

    A range that is text only, or whose ends are the wrong way round or both 0, may be the one that fits.
    """
    fits = [(limits, _fits(limits, reading, chart.sex, chart)) for limits in own if limits.normal]
    fitting = [limits for limits, fit in fits if fit] or _either_sex(fits)
    lower: set[Number] = set()
    upper: set[Number] = set()
    for limits in fitting:
        low, high = (_bound(end, reading, analyte, chart) for end in (limits.low, limits.high))
        if low is not None and high is not None and low >= high:
            return Reason.REFERENCE_RANGE_MISSING
        if not _possible(low, analyte.plausible_lower) or not _possible(high, analyte.plausible_upper):
            return Reason.IMPLAUSIBLE
        lower.update([] if low is None else [low])
        upper.update([] if high is None else [high])
    in_words = any(limits.low is None and limits.high is None for limits in fitting)
    return OwnLimits(tuple(sorted(lower)), tuple(sorted(upper)), in_words)


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


_NONE = Decimal(0)
_MOST_TEXTS = 2048
_LONGEST_TEXT = 40


def finding(reading: Reading, analyte: Analyte, chart: Chart) -> Finding | Reason:
    """What a reading finds, or why it can't be said; worked out once for a reading.

    The number decides where the analyte has a cut-off. Else code, interpretation, words and number must agree, as far
    as they say anything; codes and words say the same for everybody.
    """
    fact = reading.fact
    text = fact.string
    if fact.amount is None and not analyte.of_blasts and (text is None or analyte.positivity not in _BY_RANGE):
        held: Said = chart.terminology.memos.setdefault("said", {})
        said = analyte.id, text, fact.boolean, fact.coded, fact.interpretation
        try:
            return held[said]
        except KeyError:
            return kept(held, said, _finding(reading, analyte, chart), text, most=_MOST_TEXTS, longest=_LONGEST_TEXT)
    key = (id(fact), analyte.id)  # the record keeps it, so its id stays its own
    found = chart.findings.get(key)
    if found is None:
        found = chart.findings[key] = _finding(reading, analyte, chart)
    return found


_BY_RANGE = (Positivity.ABOVE_RANGE, Positivity.ABOVE_RANGE_OR_NONE)

Said = dict[tuple[str, str | None, bool | None, frozenset[str] | None, frozenset[str]], Finding | Reason]
"""What is found of an analyte by words, yes or no, value sets of the answer and of the interpretations."""


def _finding(reading: Reading, analyte: Analyte, chart: Chart) -> Finding | Reason:
    fact = reading.fact
    if chart.is_of_blasts(fact, analyte):
        return Reason.NEEDS_REVIEW
    if analyte.positivity is Positivity.CUTOFF and fact.amount is not None:
        return _by_cutoff(antigen(reading, analyte, chart), chart)
    number = _counted(reading, analyte, chart)
    words = (
        _coded(fact.coded),
        _coded(fact.interpretation),
        _worded(fact.string, chart),
        _answered(fact, analyte, chart),
    )
    said = {each for each in (*words, number) if each is not None and (each is not number or isinstance(each, Finding))}
    if len(said) > 1 or (said == {Finding.NEGATIVE} and _is_flagged(fact, analyte, chart)):
        return Reason.CONFLICTING
    return said.pop() if said else number or Reason.VALUE_NOT_COMPARABLE


def _is_flagged(fact: ObservationFact, analyte: Analyte, chart: Chart) -> bool:
    """Whether a test for an infection is flagged as abnormal: of others (immunity, a receptor) a negative may be."""
    return "result-abnormal" in fact.interpretation and chart.terminology.catalogue.tests_infection(analyte.id)


def _worded(text: str | None, chart: Chart) -> Finding | None:
    if text is None:
        return None
    held: dict[str, Finding | None] = chart.terminology.memos.setdefault("findings", {})
    try:
        return held[text]
    except KeyError:
        said = chart.terminology.writing.finding(text)
        found = None if said is None else Finding(said)
    return kept(held, text, found, text, most=_MOST_TEXTS, longest=_LONGEST_TEXT)


def _answered(fact: ObservationFact, analyte: Analyte, chart: Chart) -> Finding | None:
    """Yes and no, where the analyte's name is a question that they answer."""
    if analyte.positivity is not Positivity.YES:
        return None
    said = chart.terminology.writing.answers.get(plain(fact.string)) if fact.string else None
    if said is not None:
        return Finding(said)
    sets = fact.coded or frozenset()
    if fact.boolean is True or "answer-yes" in sets:
        return Finding.POSITIVE
    return Finding.NEGATIVE if fact.boolean is False or "answer-no" in sets else None


def _counted(reading: Reading, analyte: Analyte, chart: Chart) -> Finding | Reason | None:
    """What a number alone says, where the analyte lets it say anything."""
    fact = reading.fact
    number = chart.written(fact, analyte) if fact.amount is None else None
    if fact.amount is not None:
        number = Interval(fact.amount.low, fact.amount.high, fact.amount.low_open, fact.amount.high_open)
    match analyte.positivity:
        case Positivity.ABOVE_ZERO if isinstance(number, Interval):
            found = _above_zero(number.low, number.high, low_open=number.low_open)
            normal = found is Reason.VALUE_STRADDLES and "result-normal" in fact.interpretation
            return Finding.NEGATIVE if normal else found
        case Positivity.TITRE if isinstance(number, Interval) and _is_titre(fact, analyte, chart):
            return _above_zero(number.low, number.high, low_open=number.low_open)
        case Positivity.ABOVE_RANGE | Positivity.ABOVE_RANGE_OR_NONE:
            return _above_range(reading, number, analyte, chart)
        case _:
            return number if isinstance(number, Reason) else None


def _is_titre(fact: ObservationFact, analyte: Analyte, chart: Chart) -> bool:
    if fact.amount is not None:
        return fact.element.endswith("valueRatio")
    said = chart.said(fact, analyte)
    return said is not None and said.titre


def _above_range(
    reading: Reading, counted: Interval | Reason | None, analyte: Analyte, chart: Chart
) -> Finding | Reason | None:
    """Not above its own range, or flagged as normal: negative. Above it: a question, since many things raise it.

    `counted`: the number alone. Of what healthy people have none of, one above 0 is not normal by a flag alone; nor is
    one above its own range.
    """
    fact = reading.fact
    if fact.amount is None and fact.string is None:
        return None
    normal, found = "result-normal" in fact.interpretation, isinstance(counted, Interval) and counted.high != 0
    by_flag = normal and not (found and analyte.positivity is Positivity.ABOVE_RANGE_OR_NONE)
    number, limits = chart.number(fact, analyte), limits_of_normal(reading, analyte, LimitOfNormal.UPPER, chart)
    if isinstance(number, Reason) or isinstance(limits, Reason):
        return Finding.NEGATIVE if by_flag else Reason.NEEDS_REVIEW if normal else None
    if number.low is not None and number.low > limits[-1]:
        return Reason.NEEDS_REVIEW
    return Finding.NEGATIVE if by_flag or (number.high is not None and number.high <= limits[0]) else None


def amount_of(reading: Reading, analyte: Analyte, chart: Chart) -> Interval | Reason:
    """The number to compare: of an antigen by `antigen`; where any amount is a finding, a negative one is none."""
    if analyte.positivity is Positivity.CUTOFF:
        return antigen(reading, analyte, chart)
    number = chart.number(reading.fact, analyte)
    if number is not Reason.VALUE_NOT_COMPARABLE or analyte.positivity is not Positivity.ABOVE_ZERO:
        return number
    match finding(reading, analyte, chart):
        case Finding.NEGATIVE:
            return Interval(_NONE, _NONE)
        case Finding.POSITIVE:
            return Interval(_NONE, None, low_open=True)
        case _:
            return number


def supported(reading: Reading, analyte: Analyte, chart: Chart) -> str:
    """The treatment on record for the time or day of a reading that raises the analyte, in words; else no words.

    Also one that a note beside the value names.
    """
    analytes, note = chart.terminology.catalogue.analytes, reading.fact.note
    for support in analyte.raised_by:
        if note and chart.terminology.writing.tells_of(support.analyte, note, analyte.id):
            return "the note names a treatment"
        for other in _beside(reading, analytes[support.analyte], chart):
            number = chart.number(other.fact, analytes[support.analyte])
            if isinstance(number, Reason) or number.high is None or number.high > support.above:
                return f"with {analytes[support.analyte].title.lower()} {other.fact.shown}"
    return ""


def _beside(reading: Reading, other: Analyte, chart: Chart) -> list[Reading]:
    """The values of another analyte that count, of the same resource or the same day."""
    time = reading.time
    return [
        each
        for each in chart.readings(other)
        if each.counts
        and (
            each.fact.source == reading.fact.source
            or (time and each.time and each.time.first <= time.last and each.time.last >= time.first)
        )
    ]


_CLEAR = Decimal(5)
"""In per cent: the bound of complete remission."""


def antigen(reading: Reading, analyte: Analyte, chart: Chart) -> Interval | Reason:
    """The number of an antigen; NEEDS_REVIEW where it is 0 and the sample held no more blasts than a healthy one.

    That there are no blasts says nothing of the cells of a tumour that has none.
    """
    number = chart.number(reading.fact, analyte)
    if isinstance(number, Reason) or number.high != 0 or chart.has_no_blasts():
        return number
    analytes = chart.terminology.catalogue.analytes
    counts = [
        count
        for named in analyte.tumour_cells
        for other in _beside(reading, analytes[named], chart)
        if isinstance(count := chart.number(other.fact, analytes[named]), Interval)
    ]
    return Reason.NEEDS_REVIEW if counts and all(_is_clear(count) for count in counts) else number


def _is_clear(count: Interval) -> bool:
    """No more blasts than a healthy marrow has: those need not be the tumour's."""
    return count.high is not None and count.high <= _CLEAR


def _coded(sets: frozenset[str] | None) -> Finding | Reason | None:
    if not sets:
        return None
    positive, negative = "result-positive" in sets, "result-negative" in sets
    if positive and negative:
        return Reason.CONFLICTING
    if positive:
        return Finding.POSITIVE
    return Finding.NEGATIVE if negative else None


def _by_cutoff(number: Interval | Reason, chart: Chart) -> Finding | Reason:
    if isinstance(number, Reason):
        return number
    cutoff = chart.policy.antigen_cutoff
    if number.low is not None and number.low >= cutoff:
        return Finding.POSITIVE
    if number.high is not None and number.high <= 0:
        return Finding.NEGATIVE
    below = number.high is not None and (number.high < cutoff or (number.high_open and number.high == cutoff))
    return Reason.NEEDS_REVIEW if below else Reason.VALUE_STRADDLES


def _above_zero(low: Number | None, high: Number | None, *, low_open: bool) -> Finding | Reason:
    if low is not None and (low > 0 or (low_open and low == 0)):
        return Finding.POSITIVE
    if high is not None and high <= 0:
        return Finding.NEGATIVE
    return Reason.VALUE_STRADDLES
