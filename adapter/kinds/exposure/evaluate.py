"""`exposure`: a drug or procedure within a window before as-of, or ever (CONFORMANCE: Exposure)."""

from collections.abc import Callable
from dataclasses import dataclass

from adapter.criteria.catalogue import ExposureConcept
from adapter.criteria.terminology import Terminology
from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import Change, Moment
from adapter.evaluator.negatives import Doubtful, Negative, denied, stated
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import EXPOSURE, VACCINE
from adapter.evaluator.reason import Reason
from adapter.kinds.exposure.absence import statements
from adapter.kinds.exposure.standing import Asked, Standing, evidence_of, standing_of
from adapter.kinds.exposure.statement import Exposure
from adapter.record.facts import ExposureFact

_REASONS = {
    Standing.RECORDED: Reason.RECORDED,
    Standing.IMPRECISE: Reason.IMPRECISE_DATE,
    Standing.UNDATED: Reason.UNDATED,
    Standing.ROUTE_MISSING: Reason.ROUTE_MISSING,
    Standing.QUESTION: Reason.NEEDS_REVIEW,
    Standing.ORDERED: Reason.ORDERED_ONLY,
    Standing.STALE: Reason.STALE,
    Standing.OUTSIDE: Reason.OUTSIDE_WINDOW,
    Standing.NOT_SYSTEMIC: Reason.NO_DATA,
}


@dataclass(frozen=True, slots=True)
class _Found:
    """One exposure with what it comes to, and when that may change."""

    standing: Standing
    fact: ExposureFact
    changes: tuple[Change, ...]


def bind_exposure(statement: Exposure, terminology: Terminology) -> Callable[[Chart, Moment], Outcome]:
    """The evaluation of one exposure criterion."""
    concepts = [terminology.catalogue.exposures[name] for name in statement.concepts]
    asked = Asked(
        look_back=statement.look_back,
        systemic=statement.systemic,
        systemic_class=frozenset(name for concept in concepts for name in concept.systemic_class),
    )

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found, later = _bearing(concepts, asked, chart, moment)
        if found and found[0].standing < Standing.OUTSIDE:
            first = found[0]
            return outcome(_REASONS[first.standing], (evidence_of(first.fact),), _until_another(found) + later)
        changes = later + tuple(change for each in found for change in each.changes)
        reason = _REASONS[found[0].standing] if found else Reason.NO_DATA
        nothing = outcome(reason, tuple(evidence_of(each.fact) for each in found), changes)
        return _denied(statement, concepts, asked, nothing, chart, moment)

    return evaluate


def _bearing(
    concepts: list[ExposureConcept], asked: Asked, chart: Chart, moment: Moment
) -> tuple[list[_Found], tuple[Change, ...]]:
    """What is one of the concepts or may be it, the strongest word first; and when what lies ahead will have begun."""
    facts: dict[str, tuple[ExposureFact, bool]] = {}
    for concept in concepts:
        listed = chart.exposures.get(concept.id)
        if listed is not None:
            facts |= {fact.source.resource: (fact, True) for fact in listed.may_be if fact.source.resource not in facts}
            facts |= {fact.source.resource: (fact, False) for fact in listed.is_}
    found: list[_Found] = []
    later: tuple[Change, ...] = ()
    for fact, coarse in facts.values():
        start = chart.span(fact.start)
        if start is not None and moment.is_future(start):
            later += (start.start,)
        else:
            found.append(_Found(*_with(fact, *standing_of(fact, asked, chart, moment), coarse=coarse)))
    found.sort(key=lambda each: (each.standing, each.fact.source.resource))
    return found, later


def _with(
    fact: ExposureFact, standing: Standing, changes: tuple[Change, ...], *, coarse: bool
) -> tuple[Standing, ExposureFact, tuple[Change, ...]]:
    """What only may be the drug is a question wherever the drug itself would be an answer."""
    asks = coarse and standing in (Standing.RECORDED, Standing.ROUTE_MISSING, Standing.ORDERED)
    return (Standing.QUESTION if asks else standing), fact, changes


def _until_another(found: list[_Found]) -> tuple[Change, ...]:
    """When the first word may be another one: as long as any fact says the same, no other matters.

    Of many days of one drug only the last to leave the window is tried.
    """
    same = [each.changes for each in found if each.standing is found[0].standing]
    if found[0].standing is not Standing.RECORDED:
        return tuple(change for each in found for change in each.changes)
    return () if not all(same) else (max(min(changes) for changes in same),)


def _denied(
    statement: Exposure,
    concepts: list[ExposureConcept],
    asked: Asked,
    nothing: Outcome,
    chart: Chart,
    moment: Moment,
) -> Outcome:
    """What denies the exposure, unless an entry that nobody has classified may be it."""
    said: list[Negative] = []
    passed = outcome(Reason.NO_DATA)
    changes: tuple[Change, ...] = ()
    for covered, offered in statements(concepts, asked, chart, moment):
        negatives, missed, more = stated(offered, covered, chart, moment)
        said += negatives
        changes += more
        passed = passed if missed.reason is Reason.NO_DATA else missed
    doubtful, more = _doubtful(concepts, asked, chart, moment)
    if nothing.reason is Reason.NO_DATA and passed.reason is not Reason.NO_DATA:
        nothing = outcome(passed.reason, passed.evidence + nothing.evidence, nothing.changes)
    types = VACCINE.types if any(concept.vaccine for concept in concepts) else EXPOSURE.types
    return denied(statement.concepts, types, said, doubtful, nothing, chart).also(changes + more)


def _doubtful(
    concepts: list[ExposureConcept], asked: Asked, chart: Chart, moment: Moment
) -> tuple[list[Doubtful], tuple[Change, ...]]:
    """The entries that could be one of the concepts, as far as anybody knows."""
    found: dict[str, tuple[ExposureFact, list[str]]] = {}
    for concept in concepts:
        listed = chart.exposures.get(concept.id)
        for fact in listed.unclassified if listed is not None else ():
            found.setdefault(fact.source.resource, (fact, []))[1].append(concept.id)
    possible: list[Doubtful] = []
    changes: tuple[Change, ...] = ()
    for key in sorted(found):
        fact, names = found[key]
        start = chart.span(fact.start)
        if start is not None and moment.is_future(start):
            changes += (start.start,)
            continue
        standing, more = standing_of(fact, asked, chart, moment)
        changes += more
        if standing < Standing.OUTSIDE:
            possible.append(Doubtful(frozenset(names), evidence_of(fact)))
    return possible, changes
