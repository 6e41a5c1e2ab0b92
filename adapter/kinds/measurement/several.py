"""Several values inside a window: any, all, so many of them, or a share (CONFORMANCE: The criterion algebra)."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from adapter.criteria.calendar import Hours, Length, birthday
from adapter.criteria.quantity import QuantityThreshold
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart, Interval, Reading
from adapter.evaluator.latest import dated, evidence, evidence_of, nothing_dated
from adapter.evaluator.moment import Change, Moment, Placed, Span
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason, truth_of
from adapter.kinds.measurement.compare import Compare, may_be_anything, stands
from adapter.kinds.measurement.statement import Measurement


def of_several(
    readings: Sequence[Reading],
    compare: Compare,
    chart: Chart,
    moment: Moment,
    window: Length,
    *,
    every: bool,
) -> Outcome:
    """∧ or ∨ over the values inside the window."""
    known, changes = dated(readings, moment)
    if not known:
        return nothing_dated(readings, moment)
    changes += turns_of_uncounted(readings, moment, window)
    found: list[tuple[Reading, Reason, str]] = []
    for reading, time in known:
        placed = moment.place_time(time, window)
        changes += moment.leaving_time(time, window)
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
        said = compare(other, chart)[0]
        if truth_of(said) is wanted[0] or may_be_anything(other, said, chart):
            return outcome(_doubt(other), (evidence_of(other.fact), *decided.evidence), changes)
    return decided


def once(readings: Sequence[Reading]) -> Sequence[Reading]:
    """Without what is the same value of the same time again, as a report repeats it; rather what counts."""
    known: dict[object, int] = {}
    found: list[Reading] = []
    for reading in readings:
        fact, time = reading.fact, reading.time
        said = (fact.amount, fact.answer, fact.coded, fact.string, fact.boolean, fact.interpretation)
        place = None if time is None else known.setdefault((time.start, time.end, said), len(found))
        if place is None or place == len(found):
            found.append(reading)
        elif reading.counts and not found[place].counts:
            found[place] = reading
    return found


def of_times(
    readings: Sequence[Reading],
    compare: Compare,
    chart: Chart,
    moment: Moment,
    window: Length,
    asked: Measurement,
) -> Outcome:
    """Whether so many values inside the window satisfy, far enough apart.

    Not met where so many were measured, and even with those that leave it open too few satisfy.
    """
    times = asked.times or 1
    by_truth, changes = _by_truth(readings, compare, chart, moment, window)
    met = [reading for reading, _ in by_truth[Truth.MET]]
    may_be = by_truth[Truth.UNKNOWN] + [(each, _doubt(each)) for each in uncounted(readings, moment, window)]
    open_ = [(each, reason) for each, reason in may_be if truth_of(compare(each, chart)[0]) is not Truth.NOT_MET]
    inside = [each for found in by_truth.values() for each in found if each[1] is not Reason.IMPRECISE_DATE]
    if len(met) >= times and _are_apart(met, asked.apart):
        return outcome(Reason.VALUE_SATISFIES, evidence(met), changes)
    failing = [reading for reading, _ in by_truth[Truth.NOT_MET]]
    if open_ and len(met) + len(open_) >= times:
        return outcome(open_[0][1], evidence([*met, open_[0][0]]), changes)
    if len(met) + len(open_) < times <= len(inside):
        return outcome(Reason.VALUE_FAILS, evidence([*met, *failing]), changes)
    if not dated(readings, moment)[0]:
        return nothing_dated(readings, moment)
    return outcome(Reason.NO_DATA, evidence([*met, *failing]), changes, f"too few, or too close, for {times} times")


def of_share(
    readings: Sequence[Reading],
    compare: Compare,
    chart: Chart,
    moment: Moment,
    window: Length,
    share: QuantityThreshold,
) -> Outcome:
    """Whether such a share of the values inside the window satisfies; what is open may satisfy, or not."""
    by_truth, changes = _by_truth(readings, compare, chart, moment, window)
    met, failing = ([reading for reading, _ in by_truth[truth]] for truth in (Truth.MET, Truth.NOT_MET))
    open_ = by_truth[Truth.UNKNOWN] + [(each, _doubt(each)) for each in uncounted(readings, moment, window)]
    known = dated(readings, moment)[0]
    if not known:
        return nothing_dated(readings, moment)
    if not met and not failing:
        reason, shown = (open_[0][1], open_[0][0]) if open_ else (Reason.STALE, known[-1][0])
        return outcome(reason, evidence([shown]), changes)
    total = len(met) + len(failing) + len(open_)
    least, most = (Fraction(100 * count, total) for count in (len(met), len(met) + len(open_)))
    reason = stands(Interval(least, most), share.comparator, share.value)
    note = f"{len(met)} of {total}" + (f", {len(open_)} open" if open_ else "")
    if truth_of(reason) is Truth.UNKNOWN:
        return outcome(open_[0][1], evidence([open_[0][0], *met, *failing]), changes, note)
    return outcome(reason, evidence([*met, *failing]), changes, note)


def _by_truth(
    readings: Sequence[Reading], compare: Compare, chart: Chart, moment: Moment, window: Length
) -> tuple[dict[Truth, list[tuple[Reading, Reason]]], tuple[Change, ...]]:
    """The values that lie or may lie inside the window, by what they come to; those that may not are open."""
    known, changes = dated(readings, moment)
    changes += turns_of_uncounted(readings, moment, window)
    found: dict[Truth, list[tuple[Reading, Reason]]] = {truth: [] for truth in Truth}
    for reading, time in known:
        placed = moment.place_time(time, window)
        changes += moment.leaving_time(time, window)
        if placed is not Placed.BEFORE:
            reason = compare(reading, chart)[0] if placed is Placed.INSIDE else Reason.IMPRECISE_DATE
            found[truth_of(reason)].append((reading, reason))
    return found, changes


def _doubt(reading: Reading) -> Reason:
    return Reason.UNDATED if reading.time is None else Reason.PRELIMINARY


def _are_apart(readings: Sequence[Reading], apart: Length | None) -> bool:
    """Whether the first and the last lie surely so far apart: by their days, or, of hours, by their instants."""
    times = [reading.time for reading in readings if reading.time is not None]
    if isinstance(apart, Hours):
        return max(time.start for time in times) - min(time.end for time in times) >= apart.back
    return apart is None or birthday(min(time.last for time in times), apart) <= max(time.first for time in times)


def uncounted(readings: Sequence[Reading], moment: Moment, window: Length) -> Iterator[Reading]:
    """Values that may be among those inside the window, and don't count: undated, or not final."""
    for reading in readings:
        time = reading.time
        if time is None:
            if reading.counts:
                yield reading
        elif not (reading.counts or moment.is_future(time) or _is_before(time, moment, window)):
            yield reading


def turns_of_uncounted(readings: Sequence[Reading], moment: Moment, window: Length) -> tuple[Change, ...]:
    """When values that are not final, and lie ahead, will be there, and when others will have left the window."""
    changes: tuple[Change, ...] = ()
    for reading in readings:
        if not reading.counts and reading.time is not None:
            ahead = moment.is_future(reading.time)
            changes += (reading.time.start,) if ahead else moment.leaving_time(reading.time, window)
    return changes


def _is_before(time: Span, moment: Moment, window: Length) -> bool:
    return moment.place_time(time, window) is Placed.BEFORE
