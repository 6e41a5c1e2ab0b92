"""The laboratory tests that settle a condition (CONFORMANCE: Conditions with tests)."""

from collections.abc import Callable

from msgspec import Struct

from adapter.criteria.catalogue import Analyte
from adapter.criteria.model import Finding
from adapter.criteria.terminology import Terminology
from adapter.evaluator.chart import Chart, Reading
from adapter.evaluator.finding import finding
from adapter.evaluator.latest import Latest, evidence, latest, nothing_dated
from adapter.evaluator.moment import Change, Moment, Placed
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.kinds.condition.statement import SettlingTest


class Tests(Struct, frozen=True, gc=False):
    """What the tests say together: a decision, or a question, or why they leave the answer open."""

    decided: Outcome | None
    question: Outcome | None
    open: Outcome


def bind_tests(tests: tuple[SettlingTest, ...], terminology: Terminology) -> Callable[[Chart, Moment], Tests]:
    """The latest fresh result of each test; a positive one that confirms decides before a negative one."""
    asked = [(test, terminology.catalogue.analytes[test.analyte]) for test in tests]

    def evaluate(chart: Chart, moment: Moment) -> Tests:
        outcomes = [(test, _result(test, analyte, chart, moment)) for test, analyte in asked]
        changes = tuple(change for _, found in outcomes for change in found.changes)
        return _together(outcomes, changes)

    return evaluate


def _together(outcomes: list[tuple[SettlingTest, Outcome]], changes: tuple[Change, ...]) -> Tests:
    def first(reason: Reason, *, confirms: bool) -> Outcome | None:
        for test, found in outcomes:
            if found.reason is reason and test.confirms is confirms:
                return Outcome(found.truth, found.reason, found.evidence, changes)
        return None

    conflicting = [found for test, found in outcomes if found.reason is Reason.CONFLICTING and test.confirms]
    decided = first(Reason.TEST_POSITIVE, confirms=True)
    if decided is None and not conflicting:
        decided = first(Reason.TEST_NEGATIVE, confirms=True)
    positive = first(Reason.TEST_POSITIVE, confirms=False)
    question = None
    if decided is None and positive is not None:
        question = outcome(Reason.NEEDS_REVIEW, positive.evidence, changes)
    elif decided is None and not conflicting:
        decided = first(Reason.TEST_NEGATIVE, confirms=False)
    ranked = [found for _, found in outcomes if found.reason is not Reason.NO_DATA]
    unsettled = conflicting or ranked or [outcomes[0][1]]
    return Tests(decided, question, Outcome(unsettled[0].truth, unsettled[0].reason, unsettled[0].evidence, changes))


def _result(test: SettlingTest, analyte: Analyte, chart: Chart, moment: Moment) -> Outcome:
    readings = chart.readings(analyte)
    newest = latest(readings, moment)
    if newest is None:
        return nothing_dated(readings, moment)
    window = chart.policy.freshness[analyte.freshness]
    changes = newest.changes + moment.leaving(newest.first, newest.last, window)
    found = _agreed(newest, analyte, chart)
    placed = newest.place(moment, window)
    if placed is Placed.INSIDE or (test.lifelong and found is Reason.TEST_POSITIVE):
        return outcome(found, evidence(newest.readings), changes)
    if test.lifelong and (earlier := _earlier_positive(readings, analyte, chart, moment)) is not None:
        return outcome(Reason.TEST_POSITIVE, evidence([earlier]), changes)
    return outcome(
        Reason.STALE if placed is Placed.BEFORE else Reason.IMPRECISE_DATE, evidence(newest.readings), changes
    )


def _earlier_positive(readings: tuple[Reading, ...], analyte: Analyte, chart: Chart, moment: Moment) -> Reading | None:
    """With no fresh result, the newest positive one of a lifelong infection stands, whatever came after it."""
    for reading in reversed(readings):
        dated = reading.time is not None and not moment.is_future(reading.time)
        if reading.counts and dated and finding(reading, analyte, chart) is Finding.POSITIVE:
            return reading
    return None


def _agreed(newest: Latest, analyte: Analyte, chart: Chart) -> Reason:
    reasons = {_reason(reading, analyte, chart) for reading in newest.readings}
    if len(reasons) == 1:
        return reasons.pop()
    return Reason.CONFLICTING if newest.same_time else Reason.IMPRECISE_DATE


def _reason(reading: Reading, analyte: Analyte, chart: Chart) -> Reason:
    found = finding(reading, analyte, chart)
    if isinstance(found, Reason):
        return found
    return Reason.TEST_POSITIVE if found is Finding.POSITIVE else Reason.TEST_NEGATIVE
