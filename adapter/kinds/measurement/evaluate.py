"""`measurement`: an analyte against a quantity, a limit of normal, a finding or a boolean (CONFORMANCE: Values)."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from adapter.criteria.calendar import Duration, birthday
from adapter.criteria.catalogue import Analyte
from adapter.criteria.model import Answers, Done, Finding
from adapter.criteria.quantity import (
    SAME,
    Comparator,
    LimitThreshold,
    Number,
    QuantityRange,
    QuantityThreshold,
    times,
)
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart, Interval, Reading, evidence_of, in_time
from adapter.evaluator.finding import amount_of, finding, supported
from adapter.evaluator.latest import Fresh, Latest, dated, doubted, evidence, fresh, fresh_of, nothing_dated
from adapter.evaluator.limits import contradicts_own_range, limits_of_normal
from adapter.evaluator.moment import Change, Moment, Placed, Span
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason, truth_of
from adapter.kinds.measurement.answers import Asked
from adapter.kinds.measurement.derived import Derived, Deriving, any_of, contradict, is_later
from adapter.kinds.measurement.statement import Measurement, Selection, Test

Compare = Callable[[Reading, Chart], tuple[Reason, str]]
"""A reading's reason under the criterion's test, and a note for the explanation."""


_UPWARDS = (Comparator.AT_LEAST, Comparator.GREATER)


def bind_measurement(statement: Measurement, terminology: Terminology) -> Callable[[Chart, Moment], Outcome]:
    """The evaluation of one measurement criterion."""
    analytes = terminology.catalogue.analytes
    analyte = analytes[statement.analyte]
    alternative = analytes[analyte.alternative] if analyte.alternative else None
    compare = comparison(statement.test, analyte, terminology)
    taken = statement.taken
    formulas = () if taken is not Selection.LATEST else terminology.catalogue.formulas.get(analyte.id, ())
    deriving = () if isinstance(statement.test, Done) else [Deriving(each, analyte, terminology) for each in formulas]

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        own = chart.readings(analyte)
        readings: Sequence[Reading] = own
        changes: tuple[Change, ...] = ()
        if alternative is not None and analyte.alternative_below is not None:
            young, changes = _younger(chart, moment, analyte.alternative_below)
            if young:
                readings = _merged(readings, chart.readings(alternative))
        window = statement.window or chart.policy.freshness[analyte.freshness]
        if taken is Selection.LATEST:
            shared = readings is own
            newest = fresh_of(analyte, chart, moment, window) if shared else fresh(readings, moment, window)
            found = _of_latest(newest, readings, compare, chart, moment)
            if deriving:
                found = _or_derived(found, newest, deriving, compare, chart, moment, statement.window)
        elif statement.times is not None:
            found = _of_times(readings, compare, chart, moment, window, statement)
        else:
            found = _of_several(readings, compare, chart, moment, window, every=taken is Selection.ALL)
        if found.reason is Reason.NO_DATA and analyte.not_comparable:
            found = _not_comparable(analyte, found, chart, moment)
        return found.also(changes)

    return evaluate


def _of_latest(
    newest: Fresh | Outcome, readings: Sequence[Reading], compare: Compare, chart: Chart, moment: Moment
) -> Outcome:
    if isinstance(newest, Outcome):
        return newest
    reason, note = agreed(newest.latest, compare, chart)
    found = outcome(reason, newest.evidence, newest.changes, note)
    if found.truth is Truth.UNKNOWN:
        return found
    return _undisputed(found, readings, newest.latest, compare, chart, moment)


def _or_derived(
    found: Outcome,
    reported: Fresh | Outcome,
    deriving: Sequence[Deriving],
    compare: Compare,
    chart: Chart,
    moment: Moment,
    window: Duration | None,
) -> Outcome:
    """What was reported, if it is fresh and no later reckoned value contradicts it; else what is reckoned."""
    if isinstance(reported, Outcome) and reported.reason not in (Reason.NO_DATA, Reason.STALE):
        return found
    key = (f"derived {deriving[0].gives.id}", id(window), moment.as_of)
    if key not in chart.fresh:
        chart.fresh[key] = any_of(deriving, chart, moment, window)  # the chart keeps it, so that its fact has one id
    derived: Derived | Outcome | None = chart.fresh[key]
    if derived is None or (isinstance(derived, Outcome) and isinstance(reported, Fresh)):
        return found if derived is None else found.also(derived.changes)
    if isinstance(derived, Outcome):
        if found.reason is Reason.STALE:
            derived = Outcome(found.truth, found.reason, found.evidence + derived.evidence, lacks=derived.lacks)
        return derived.also(found.changes)
    reason, note = compare(derived.reading, chart)
    if isinstance(reported, Fresh):
        if is_later(derived, reported) and contradict(reason, found.reason):
            shown = found.evidence + derived.evidence
            return outcome(Reason.CONFLICTING, shown, found.changes + derived.changes, derived.note)
        return found.also(derived.changes)
    notes = f"{derived.note}; {note}" if note else derived.note
    return outcome(reason, derived.evidence, found.changes + derived.changes, notes)


def _undisputed(
    found: Outcome, readings: Sequence[Reading], newest: Latest, compare: Compare, chart: Chart, moment: Moment
) -> Outcome:
    """What the latest value says, unless one that may be newer, and doesn't count, would change it."""
    others, changes = doubted(readings, newest, moment)
    for other in others:
        truth = truth_of(compare(other, chart)[0])
        if truth not in (found.truth, Truth.UNKNOWN):
            reason = Reason.UNDATED if other.time is None else Reason.PRELIMINARY
            return outcome(reason, (evidence_of(other.fact), *found.evidence), found.changes + changes)
    return found.also(changes)


def agreed(newest: Latest, compare: Compare, chart: Chart) -> tuple[Reason, str]:
    """The reason of the values that may be the latest, if they agree on the truth."""
    if len(newest.readings) == 1:
        return compare(newest.readings[0], chart)
    outcomes = [compare(reading, chart) for reading in newest.readings]
    if len({truth_of(reason) for reason, _ in outcomes}) > 1:
        return (Reason.CONFLICTING if newest.same_time else Reason.IMPRECISE_DATE), ""
    return outcomes[0]


def _of_several(
    readings: Sequence[Reading], compare: Compare, chart: Chart, moment: Moment, window: Duration, *, every: bool
) -> Outcome:
    """∧ or ∨ over the values inside the window."""
    known, changes = dated(readings, moment)
    if not known:
        return nothing_dated(readings, moment)
    found: list[tuple[Reading, Reason, str]] = []
    for reading, time in known:
        placed = moment.place(time.first, time.last, window)
        changes += moment.leaving(time.first, time.last, window)
        if placed is Placed.INSIDE:
            found.append((reading, *compare(reading, chart)))
        elif placed is Placed.STRADDLES:
            found.append((reading, Reason.IMPRECISE_DATE, ""))
    if not found:
        return outcome(Reason.STALE, evidence([known[-1][0]]), changes)
    wanted = (Truth.NOT_MET, Truth.UNKNOWN, Truth.MET) if every else (Truth.MET, Truth.UNKNOWN, Truth.NOT_MET)
    reading, reason, note = next(item for truth in wanted for item in reversed(found) if truth_of(item[1]) is truth)
    decided = outcome(reason, evidence([reading]), changes, note)
    if decided.truth is not wanted[-1]:
        return decided
    for other in uncounted(readings, moment, window):
        if truth_of(compare(other, chart)[0]) is wanted[0]:
            doubt = Reason.UNDATED if other.time is None else Reason.PRELIMINARY
            return outcome(doubt, (evidence_of(other.fact), *decided.evidence), changes)
    return decided


def _of_times(
    readings: Sequence[Reading],
    compare: Compare,
    chart: Chart,
    moment: Moment,
    window: Duration,
    statement: Measurement,
) -> Outcome:
    """Whether so many values inside the window satisfy, far enough apart.

    Not met where so many were measured, and even with those that leave it open too few satisfy.
    """
    times = statement.times or 1
    known, changes = dated(readings, moment)
    by_truth: dict[Truth, list[tuple[Reading, Reason]]] = {truth: [] for truth in Truth}
    for reading, time in known:
        placed = moment.place(time.first, time.last, window)
        changes += moment.leaving(time.first, time.last, window)
        if placed is not Placed.BEFORE:
            reason = compare(reading, chart)[0] if placed is Placed.INSIDE else Reason.IMPRECISE_DATE
            by_truth[truth_of(reason)].append((reading, reason))
    met = [reading for reading, _ in by_truth[Truth.MET]]
    open_ = by_truth[Truth.UNKNOWN] + [
        (reading, Reason.UNDATED if reading.time is None else Reason.PRELIMINARY)
        for reading in uncounted(readings, moment, window)
        if truth_of(compare(reading, chart)[0]) is not Truth.NOT_MET
    ]
    if len(met) >= times and _are_apart(met, statement.apart):
        return outcome(Reason.VALUE_SATISFIES, evidence(met), changes)
    failing = [reading for reading, _ in by_truth[Truth.NOT_MET]]
    if open_ and len(met) + len(open_) >= times:
        return outcome(open_[0][1], evidence([*met, open_[0][0]]), changes)
    if len(met) + len(open_) < times <= sum(map(len, by_truth.values())):
        return outcome(Reason.VALUE_FAILS, evidence([*met, *failing]), changes)
    if not known:
        return nothing_dated(readings, moment)
    return outcome(Reason.NO_DATA, evidence([*met, *failing]), changes, f"too few, or too close, for {times} times")


def _are_apart(readings: Sequence[Reading], apart: Duration | None) -> bool:
    """Whether the first and the last lie surely so far apart."""
    times = [reading.time for reading in readings if reading.time is not None]
    return apart is None or birthday(min(time.last for time in times), apart) <= max(time.first for time in times)


def uncounted(readings: Sequence[Reading], moment: Moment, window: Duration) -> Iterator[Reading]:
    """Values that may be among those inside the window, and don't count: undated, or not final."""
    for reading in readings:
        time = reading.time
        if time is None:
            if reading.counts:
                yield reading
        elif not (reading.counts or moment.is_future(time) or _is_before(time, moment, window)):
            yield reading


def _is_before(time: Span, moment: Moment, window: Duration) -> bool:
    return moment.place(time.first, time.last, window) is Placed.BEFORE


def comparison(test: Test, analyte: Analyte, terminology: Terminology) -> Compare:  # noqa: PLR0911  # one line a case
    """What one value comes to under a test."""
    match test:
        case QuantityThreshold():
            return against_quantity(test, analyte, terminology)
        case LimitThreshold():
            return _against_limit(test, analyte)
        case QuantityRange():
            return _both(comparison(test.low, analyte, terminology), comparison(test.high, analyte, terminology))
        case Finding():
            return _against_finding(test, analyte)
        case Answers():
            return Asked(test, analyte).compare
        case Done():
            return lambda *_: (Reason.RECORDED, "")
        case _:
            return _against_boolean(expected=test)


def _both(one: Compare, other: Compare) -> Compare:
    """∧ of two tests of the same value."""

    def compare(reading: Reading, chart: Chart) -> tuple[Reason, str]:
        found = one(reading, chart), other(reading, chart)
        notes = ", ".join(dict.fromkeys(note for _, note in found if note))
        truths = [truth_of(reason) for reason, _ in found]
        decider = next((truths.index(each) for each in (Truth.NOT_MET, Truth.UNKNOWN) if each in truths), 0)
        return found[decider][0], notes

    return compare


def against_quantity(test: QuantityThreshold, analyte: Analyte, terminology: Terminology) -> Compare:
    """The comparison with a quantity, its bound turned into the analyte's canonical unit once."""
    plain = test.unit == "1" and analyte.unit in (None, "1")
    conversion = SAME if plain else terminology.conversion(analyte, test.unit, None)
    if conversion is None:
        msg = f"{test.unit} does not convert to {analyte.unit}, the unit of {analyte.id}"
        raise ValueError(msg)
    bound = conversion.of(test.value)
    near = _as_good_as(test, analyte)
    high = Reason.VALUE_SATISFIES if test.comparator in _UPWARDS else Reason.VALUE_FAILS
    at_bound = stands(Interval(bound, bound), test.comparator, bound)

    def compare(reading: Reading, chart: Chart) -> tuple[Reason, str]:
        number = amount_of(reading, analyte, chart)
        if isinstance(number, Reason):
            return number, ""
        if contradicts_own_range(reading, analyte, chart):
            return Reason.IMPLAUSIBLE, ""
        reason = stands(number, test.comparator, bound)
        if near is not None and near(reading, number, bound) and reason is not at_bound:
            return Reason.VALUE_STRADDLES, "rounded as it is reported, it lies on the bound"
        if analyte.raised_by and reason is high and (support := supported(reading, analyte, chart)):
            return Reason.NEEDS_REVIEW, support
        return reason, ""

    return compare


def _as_good_as(test: QuantityThreshold, analyte: Analyte) -> Callable[[Reading, Interval, Number], bool] | None:
    """Whether a number in one unit and a bound in another are the same as people report them; None if units say no.

    Only where the analyte converts by a formula of its own: 48 mmol/mol and 6.5 % of HbA1c are one and the same.
    """
    if not analyte.conversions:
        return None

    def near(reading: Reading, number: Interval, bound: Number) -> bool:
        amount = reading.fact.amount
        units = {test.unit, (amount.unit or amount.text or "") if amount else ""}
        held = next((analyte.conversions[unit] for unit in units if unit in analyte.conversions), None)
        if held is None or len(units) == 1 or number.low is None or number.low != number.high:
            return False
        own, canonical = held.steps
        step = times(own, held.linear.factor) if test.unit in analyte.conversions else canonical
        return abs(Fraction(number.low) - Fraction(bound)) * 2 < step

    return near


def _against_limit(test: LimitThreshold, analyte: Analyte) -> Compare:
    def compare(reading: Reading, chart: Chart) -> tuple[Reason, str]:
        number = chart.number(reading.fact, analyte)
        if isinstance(number, Reason):
            return number, ""
        limits = limits_of_normal(reading, analyte, test.limit, chart)
        if isinstance(limits, Reason):
            return limits, ""
        note = f"{test.limit.value} {' or '.join(f'{float(limit):.4g}' for limit in limits)} {analyte.unit}"
        reasons = {stands(number, test.comparator, times(limit, test.factor)) for limit in limits}
        return (reasons.pop() if len(reasons) == 1 else Reason.REFERENCE_RANGE_MISSING), note

    return compare


def _against_finding(test: Finding, analyte: Analyte) -> Compare:
    def compare(reading: Reading, chart: Chart) -> tuple[Reason, str]:
        found = finding(reading, analyte, chart)
        if isinstance(found, Reason):
            return found, ""
        return (Reason.VALUE_SATISFIES if found is test else Reason.VALUE_FAILS), ""

    return compare


def _against_boolean(*, expected: bool) -> Compare:
    def compare(reading: Reading, chart: Chart) -> tuple[Reason, str]:
        del chart
        if reading.fact.boolean is None:
            return Reason.VALUE_NOT_COMPARABLE, ""
        return (Reason.VALUE_SATISFIES if reading.fact.boolean is expected else Reason.VALUE_FAILS), ""

    return compare


def stands(number: Interval, comparator: Comparator, bound: Number) -> Reason:
    """Whether every number of the interval satisfies, none does, or it straddles the bound."""
    if comparator in _UPWARDS:
        strict = comparator is Comparator.GREATER
        # >= holds from the bound on, > beyond it; all do if the low end does, none does if the high end doesn't.
        holds = number.low is not None and (
            number.low > bound or (number.low == bound and (not strict or number.low_open))
        )
        fails = number.high is not None and (
            number.high < bound or (number.high == bound and (strict or number.high_open))
        )
    else:
        strict = comparator is Comparator.LESS
        holds = number.high is not None and (
            number.high < bound or (number.high == bound and (not strict or number.high_open))
        )
        fails = number.low is not None and (number.low > bound or (number.low == bound and (strict or number.low_open)))
    if holds:
        return Reason.VALUE_SATISFIES
    return Reason.VALUE_FAILS if fails else Reason.VALUE_STRADDLES


def _younger(chart: Chart, moment: Moment, age: Duration) -> tuple[bool, tuple[Change, ...]]:
    """Whether the patient is surely younger, and when that ends."""
    birth = chart.record.birth
    if birth is None:
        return False, ()
    reached = birthday(birth.first, age)
    return moment.day < reached, ((reached,) if moment.day < reached else ())


def _merged(one: Sequence[Reading], other: Sequence[Reading]) -> Sequence[Reading]:
    if not other:
        return one
    return sorted([*one, *other], key=in_time)


def _not_comparable(analyte: Analyte, otherwise: Outcome, chart: Chart, moment: Moment) -> Outcome:
    """Values that look alike and must not be compared are shown, and leave the answer open."""
    facts = [fact for name in analyte.not_comparable for fact in chart.record.observations.get(name, ())]
    readings = sorted((Reading(fact, chart.span(fact.when)) for fact in facts), key=in_time)
    later = [r.time.start for r in readings if r.counts and r.time is not None and moment.is_future(r.time)]
    known = [r for r in readings if r.counts and (r.time is None or not moment.is_future(r.time))]
    if not known:
        return otherwise.also(tuple(later))
    return outcome(Reason.VALUE_NOT_COMPARABLE, (evidence_of(known[-1].fact),), otherwise.changes)
