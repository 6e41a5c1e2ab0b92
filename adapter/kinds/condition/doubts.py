"""What makes a negative unsafe: fresh results and running treatments that contradict it (CONFORMANCE: Negatives)."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.catalogue import Analyte, ConditionConcept, Doubt
from adapter.criteria.model import Finding
from adapter.criteria.terminology import Terminology
from adapter.evaluator.chart import Chart, Reading, evidence_of
from adapter.evaluator.finding import finding
from adapter.evaluator.moment import Change, Moment, Placed, Span
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.record.facts import ExposureFact

RUNNING = Duration(7, CalendarUnit.DAY)
"""A treatment that was given within so many days counts as running."""

_NEVER = datetime.min.replace(tzinfo=UTC)

Doubted = Callable[[Outcome, Chart, Moment], Outcome]


def bind_doubts(concepts: Sequence[ConditionConcept], terminology: Terminology) -> Doubted:
    """Turns a negative into a question where one of the concepts' doubts holds; the negative stays shown beside it."""
    analytes = terminology.catalogue.analytes
    doubts = tuple(dict.fromkeys(doubt for concept in concepts for doubt in concept.doubts))

    def doubted(answer: Outcome, chart: Chart, moment: Moment) -> Outcome:
        for doubt in doubts:
            if doubt.analyte is not None:
                shown, changes = _measured(doubt, analytes[doubt.analyte], chart, moment)
            else:
                shown, changes = _treated(doubt.exposure or "", chart, moment)
            answer = answer.also(changes)
            if shown is not None:
                return outcome(Reason.NEEDS_REVIEW, (shown, *answer.evidence), answer.changes)
        return answer

    return doubted


def _measured(
    doubt: Doubt, analyte: Analyte, chart: Chart, moment: Moment
) -> tuple[Evidence | None, tuple[Change, ...]]:
    """The newest fresh result that contradicts, preliminary ones too."""
    window = chart.policy.freshness[analyte.freshness]
    changes: tuple[Change, ...] = ()
    for reading in reversed(chart.readings(analyte)):
        time = reading.time
        if time is None:
            continue
        if moment.is_future(time):
            changes += (time.start,)
            continue
        changes += moment.leaving(time.first, time.last, window)
        if moment.place(time.first, time.last, window) is not Placed.BEFORE and _contradicts(
            doubt, reading, analyte, chart
        ):
            return evidence_of(reading.fact, named=True), changes
    return None, changes


def _contradicts(doubt: Doubt, reading: Reading, analyte: Analyte, chart: Chart) -> bool:
    """Above the doubt's limit; without one, whatever is not negative."""
    if doubt.above is None:
        return finding(reading, analyte, chart) is not Finding.NEGATIVE
    number = chart.number(reading.fact, analyte)
    return isinstance(number, Reason) or number.high is None or number.high > doubt.above


def _treated(concept: str, chart: Chart, moment: Moment) -> tuple[Evidence | None, tuple[Change, ...]]:
    """A treatment of the concept that runs now, the one begun last; what is given to prevent says nothing.

    A drug that is given day by day is one treatment, from its first day on.
    """
    changes: tuple[Change, ...] = ()
    given: list[tuple[Span, ExposureFact]] = []
    running: list[ExposureFact] = []
    for fact in chart.record.exposures.get(concept, ()):
        if fact.preventive or fact.denied:
            continue
        start, end = chart.span(fact.start), chart.span(fact.end)
        if start is not None and moment.is_future(start):
            changes += (start.start,)
            continue
        if start is not None:
            given.append((start, fact))
        last = end or start
        if last is None or fact.open_end:
            running.append(fact)
            continue
        changes += moment.leaving(last.first, last.last, RUNNING)
        if moment.is_future(last) or moment.place(last.first, last.last, RUNNING) is not Placed.BEFORE:
            running.append(fact)
    if not running:
        return None, changes
    begun = _begun(given, chart)
    return _given(max((begun.get(id(fact), fact) for fact in running), key=lambda fact: _order(fact, chart))), changes


def _begun(given: list[tuple[Span, ExposureFact]], chart: Chart) -> dict[int, ExposureFact]:
    """For each giving, by its `id`, the first one of the same drug from which no gap is longer than what still runs.

    An entry without an end says nothing of the time until another one begins.
    """
    drugs: dict[object, list[tuple[Span, ExposureFact]]] = {}
    for start, fact in given:
        drugs.setdefault(fact.codes, []).append((start, fact))
    found: dict[int, ExposureFact] = {}
    for courses in drugs.values():
        first, reached = courses[0][1], date.min
        for start, fact in sorted(courses, key=lambda pair: pair[0].start):
            if (start.first - reached).days > RUNNING.count:
                first = fact
            reached = max(reached, (chart.span(fact.end) or start).last)
            found[id(fact)] = first
    return found


def _order(fact: ExposureFact, chart: Chart) -> tuple[datetime, str]:
    time = chart.span(fact.start or fact.end)
    return (time.start if time else _NEVER, fact.source.resource)


def _given(fact: ExposureFact) -> Evidence:
    when = fact.start or fact.end
    return Evidence(fact.source.resource, fact.source.version, fact.element, fact.shown, when.text if when else None)
