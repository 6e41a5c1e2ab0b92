"""What is said not to be taken (CONFORMANCE: Exposure; Negatives)."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

from adapter.criteria.calendar import Duration, Length
from adapter.criteria.catalogue import Breadth, ExposureConcept
from adapter.criteria.value_set import CONCEPTS
from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import Change, Moment, Span
from adapter.evaluator.negatives import Statement
from adapter.kinds.exposure.standing import Asked, evidence_of
from adapter.record.facts import ExposureFact

_DAY, _LEAST = timedelta(days=1), timedelta(microseconds=1)


def statements(
    concepts: list[ExposureConcept], asked: Asked, chart: Chart, moment: Moment
) -> Iterator[tuple[frozenset[str], list[Statement], tuple[Change, ...]]]:
    """For each set of concepts that are denied together: who denies them for the whole window, and when others will.

    "No known medications", and drugs or classes that are said not to be taken; each covers its own period, so that it
    answers no question about a window that reaches outside it, and none about "ever".
    """
    if asked.look_back is None or asked.half_lives is not None:
        return
    for concept in concepts:
        silent = [fact for name in concept.absent for fact in chart.record.exposures.get(name, ())]
        denying = silent + [fact for fact in chart.record.not_taken if _is_whole(fact, concept, chart)]
        offered = [_statement(fact, chart) for fact in denying if _covers(fact, asked.look_back, chart, moment)]
        turns = tuple(change for fact in denying for change in _turns(fact, asked.look_back, chart, moment))
        if denying:
            yield frozenset({concept.id}), offered, turns


def _is_whole(fact: ExposureFact, concept: ExposureConcept, chart: Chart) -> bool:
    """Whether a drug that is not taken is the whole concept: the one drug that it is, or the class itself."""
    if concept.id not in fact.value_sets:
        return False
    held = chart.terminology.value_sets[concept.id]
    heads = {(coding.system, coding.code) for coding in held.prefixes} | {(CONCEPTS, concept.id)}
    return concept.breadth is Breadth.ENTITY or any((each.system, each.code) in heads for each in fact.codes)


def _covers(fact: ExposureFact, window: Length, chart: Chart, moment: Moment) -> bool:
    """Whether its period reaches from the window's beginning until now; one without an end does.

    Of a window in days today is the last one, whatever the hour; one in hours ends at the instant itself.
    """
    start, end = chart.span(fact.start), chart.span(fact.end)
    if fact.element != "effectivePeriod" or start is None or not _reaches_back(start, window, moment):
        return False
    if end is None:
        return True
    return end.first >= moment.day and (isinstance(window, Duration) or end.end >= moment.as_of)


def _turns(fact: ExposureFact, window: Length, chart: Chart, moment: Moment) -> Iterator[Change]:
    """When its period will begin to cover the window, and when it will no longer reach until now."""
    start, end = chart.span(fact.start), chart.span(fact.end)
    if fact.element != "effectivePeriod" or start is None:
        return
    with suppress(OverflowError):  # beyond the calendar nothing changes
        if isinstance(window, Duration):
            eve = start.last - _DAY
            yield from moment.leaving(eve, eve, window)
        else:
            yield start.end + window.back
    if end is not None:
        with suppress(OverflowError):
            yield end.first + _DAY
            yield end.end + _LEAST


def _reaches_back(start: Span, window: Length, moment: Moment) -> bool:
    if isinstance(window, Duration):
        return start.last <= moment.window_start(window)
    return start.end <= moment.as_of - window.back


def _statement(fact: ExposureFact, chart: Chart) -> Statement:
    return Statement(chart.span(fact.asserted or fact.start), not fact.open, evidence_of(fact))
