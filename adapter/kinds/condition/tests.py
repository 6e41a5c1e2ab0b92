"""What one laboratory test says of an infection: its latest result, and what earlier ones add."""

from datetime import datetime

from msgspec import Struct

from adapter.criteria.calendar import birthday
from adapter.criteria.catalogue import Analyte, InfectionTest, Seen
from adapter.criteria.model import Finding
from adapter.evaluator.chart import Chart, Reading
from adapter.evaluator.finding import finding
from adapter.evaluator.latest import Latest, evidence, latest, nothing_dated
from adapter.evaluator.moment import Change, Moment, Placed
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence


class Result(Struct, frozen=True, gc=False):
    """A test at a moment.

    `seen`: every word of the tables that fits. `open`: why its latest result says nothing, None if it says something.
    `tentative`: a later result that is not final, and not negative. `at`: when the latest result was measured, its
    earliest and latest instant. `denied`: the evidence of a fresh negative result.
    """

    seen: frozenset[Seen]
    open: Outcome | None
    tentative: tuple[Evidence, ...]
    at: tuple[datetime, datetime] | None
    evidence: tuple[Evidence, ...]
    changes: tuple[Change, ...]


_NOTHING = Result(frozenset({Seen.NONE, Seen.NEVER_POSITIVE}), outcome(Reason.NO_DATA), (), None, (), ())
"""A test that the record doesn't know."""


def result(test: InfectionTest, analyte: Analyte, chart: Chart, moment: Moment) -> Result:
    """What is seen of a test."""
    known = chart.readings(analyte)
    if not known:
        return _NOTHING
    readings = _of_age(test, known, chart)
    positives = [
        each for each in readings if _counts(each, moment) and finding(each, analyte, chart) is Finding.POSITIVE
    ]
    newest = latest(readings, moment)
    if newest is None:
        nothing = nothing_dated(readings, moment)
        seen = {Seen.NONE, Seen.WAS_POSITIVE if positives else Seen.NEVER_POSITIVE}
        seen |= {Seen.UNANSWERED} if positives else set()
        return Result(frozenset(seen), nothing, (), None, evidence(positives, named=True), nothing.changes)
    window = chart.policy.freshness[analyte.freshness]
    found = _agreed(newest, analyte, chart)
    placed = newest.place(moment, window)
    seen = {Seen.WAS_POSITIVE if positives else Seen.NEVER_POSITIVE}
    if positives and found is not Finding.NEGATIVE:
        seen.add(Seen.UNANSWERED)
    if found is Finding.POSITIVE:
        seen |= {Seen.POSITIVE, *([Seen.FRESH_POSITIVE] if placed is Placed.INSIDE else [])}
    elif found is Finding.NEGATIVE:
        seen |= {Seen.NEGATIVE, *([Seen.FRESH_NEGATIVE] if placed is Placed.INSIDE else [])}
    undecided = found if isinstance(found, Reason) else _REASONS.get(placed)
    shown = evidence(newest.readings, named=True)
    if found is Finding.NEGATIVE and positives:
        shown = (*evidence(positives[-1:], named=True), *shown)
    return Result(
        frozenset(seen),
        None if undecided is None else outcome(undecided, evidence(newest.readings, named=True)),
        _tentative(readings, newest, analyte, chart, moment),
        _span(newest),
        shown,
        newest.changes + moment.leaving(newest.first, newest.last, window),
    )


_REASONS = {Placed.BEFORE: Reason.STALE, Placed.STRADDLES: Reason.IMPRECISE_DATE}


def _of_age(test: InfectionTest, readings: tuple[Reading, ...], chart: Chart) -> tuple[Reading, ...]:
    """Without the results of an infant, where they say nothing of it."""
    born = chart.record.birth
    if test.from_age is None or born is None:
        return readings
    reached = birthday(born.first, test.from_age)
    return tuple(each for each in readings if each.time is None or each.time.last >= reached)


def _counts(reading: Reading, moment: Moment) -> bool:
    return reading.counts and (reading.time is None or not moment.is_future(reading.time))


def _agreed(newest: Latest, analyte: Analyte, chart: Chart) -> Finding | Reason:
    found = {finding(reading, analyte, chart) for reading in newest.readings}
    if len(found) == 1:
        return found.pop()
    return Reason.CONFLICTING if newest.same_time else Reason.IMPRECISE_DATE


def _span(newest: Latest) -> tuple[datetime, datetime] | None:
    times = [reading.time for reading in newest.readings if reading.time is not None]
    return (max(time.start for time in times), max(time.end for time in times)) if times else None


def _tentative(
    readings: tuple[Reading, ...], newest: Latest, analyte: Analyte, chart: Chart, moment: Moment
) -> tuple[Evidence, ...]:
    """Results after the latest one that are not final, and may turn it round."""
    later = [
        each
        for each in readings
        if not each.counts
        and (each.time is None or (each.time.last >= newest.last and not moment.is_future(each.time)))
        and finding(each, analyte, chart) is not Finding.NEGATIVE
    ]
    return evidence(later[-1:], named=True)
