"""`exposure`: a drug or procedure within a window before as-of, or ever (CONFORMANCE: Exposure)."""

from collections.abc import Callable
from enum import IntEnum, auto

from adapter.criteria.calendar import Duration
from adapter.criteria.terminology import Terminology
from adapter.evaluator.absence import EXPOSURES, absent
from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import Change, Moment, Placed, Span
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.kinds.exposure.statement import Exposure
from adapter.record.facts import ExposureFact, Route


class _Standing(IntEnum):
    """What one exposure comes to, the strongest word first."""

    RECORDED = auto()
    IMPRECISE = auto()
    UNDATED = auto()
    ROUTE_MISSING = auto()
    ORDERED = auto()
    OUTSIDE = auto()
    NOT_SYSTEMIC = auto()


_REASONS = {
    _Standing.RECORDED: Reason.RECORDED,
    _Standing.IMPRECISE: Reason.IMPRECISE_DATE,
    _Standing.UNDATED: Reason.UNDATED,
    _Standing.ROUTE_MISSING: Reason.ROUTE_MISSING,
    _Standing.ORDERED: Reason.ORDERED_ONLY,
    _Standing.OUTSIDE: Reason.OUTSIDE_WINDOW,
    _Standing.NOT_SYSTEMIC: Reason.NO_DATA,
}


def bind_exposure(statement: Exposure, terminology: Terminology) -> Callable[[Chart, Moment], Outcome]:
    """The evaluation of one exposure criterion."""
    concepts = [terminology.catalogue.exposures[name] for name in statement.concepts]
    systemic = frozenset(name for concept in concepts for name in concept.systemic_class)
    absences = frozenset.intersection(*(frozenset(concept.absent) for concept in concepts))

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found: list[tuple[_Standing, ExposureFact]] = []
        changes: tuple[Change, ...] = ()
        for fact in _facts(chart, statement.concepts):
            start = chart.span(fact.start)
            if start is not None and moment.is_future(start):
                changes += (start.start,)
                continue
            standing, more = _standing(fact, statement, systemic, chart, moment)
            changes += more
            found.append((standing, fact))
        found.sort(key=lambda pair: (pair[0], pair[1].source.resource))
        if found and found[0][0] < _Standing.OUTSIDE:
            standing, fact = found[0]
            return outcome(_REASONS[standing], (_evidence(fact),), changes)
        reason = _REASONS[found[0][0]] if found else Reason.NO_DATA
        shown = tuple(_evidence(fact) for standing, fact in found)
        nothing = outcome(reason, shown, changes)
        statements = _facts(chart, absences)
        return absent(statement.concepts, EXPOSURES, statements, nothing, chart, moment, statement.look_back)

    return evaluate


def _facts(chart: Chart, value_sets: tuple[str, ...] | frozenset[str]) -> list[ExposureFact]:
    exposures = chart.record.exposures
    by_source = {fact.source: fact for name in value_sets for fact in exposures.get(name, ())}
    return [by_source[source] for source in sorted(by_source, key=lambda source: source.resource)]


def _standing(
    fact: ExposureFact, statement: Exposure, systemic: frozenset[str], chart: Chart, moment: Moment
) -> tuple[_Standing, tuple[Change, ...]]:
    missing_route = False
    if statement.systemic:
        if fact.route is Route.OTHER:
            return _Standing.NOT_SYSTEMIC, ()
        missing_route = fact.route is Route.UNMATCHED or (fact.route is Route.NONE and not fact.value_sets & systemic)
    standing, changes = _placed(fact, statement, chart, moment)
    if standing is _Standing.RECORDED and missing_route:
        return _Standing.ROUTE_MISSING, changes
    if standing is _Standing.RECORDED and fact.ordered:
        return _Standing.ORDERED, changes
    return standing, changes


def _placed(  # noqa: PLR0911  # one line a case
    fact: ExposureFact, statement: Exposure, chart: Chart, moment: Moment
) -> tuple[_Standing, tuple[Change, ...]]:
    """Whether any day of it lies in the window; an open period runs to as-of."""
    if statement.look_back is None:
        return _Standing.RECORDED, ()
    start, end = chart.span(fact.start), chart.span(fact.end)
    if end is None and start is None:
        return _Standing.UNDATED, ()
    if end is None:
        if fact.open_end:
            return _Standing.RECORDED, ()
        return _begun(start, statement.look_back, moment)
    if moment.is_future(end):
        return _Standing.RECORDED, moment.leaving(end.first, end.last, statement.look_back)
    changes = moment.leaving(end.first, end.last, statement.look_back)
    # It had begun by as-of: whether it has ended by then plays no part.
    match moment.place(min(end.first, moment.day), min(end.last, moment.day), statement.look_back):
        case Placed.INSIDE:
            return _Standing.RECORDED, changes
        case Placed.BEFORE:
            return _Standing.OUTSIDE, ()
        case Placed.STRADDLES:
            return _Standing.IMPRECISE, changes


def _begun(start: Span | None, look_back: Duration, moment: Moment) -> tuple[_Standing, tuple[Change, ...]]:
    """What ended at an unknown time is in the window if it began there, and undated else."""
    if start is None or moment.place(start.first, min(start.last, moment.day), look_back) is not Placed.INSIDE:
        return _Standing.UNDATED, ()
    return _Standing.RECORDED, moment.leaving(start.first, start.last, look_back)


def _evidence(fact: ExposureFact) -> Evidence:
    return Evidence(fact.source.resource, fact.source.version, fact.element, fact.shown, _time(fact))


def _time(fact: ExposureFact) -> str | None:
    if fact.start is None or fact.end is None or fact.start == fact.end:
        when = fact.start or fact.end
        return when.text if when else None
    return fact.end.text
