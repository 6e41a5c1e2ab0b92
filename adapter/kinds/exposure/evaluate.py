"""`exposure`: a drug or procedure within a window before as-of, or ever (CONFORMANCE: Exposure).

What is said not to be taken (CONFORMANCE: Exposure; Negatives).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from adapter.criteria.calendar import Duration, Length
from adapter.criteria.catalogue import Breadth, ExposureConcept
from adapter.criteria.terminology import Membership, Terminology
from adapter.criteria.truth import Truth
from adapter.criteria.value_set import CONCEPTS
from adapter.evaluator.chart import Chart
from adapter.evaluator.extent import Reply
from adapter.evaluator.lists import said_of
from adapter.evaluator.moment import TICK, Change, Moment, Placed, Span
from adapter.evaluator.negatives import Doubtful, Negative, Statement, denied, stated
from adapter.evaluator.negatives import doubtful as doubtful_of
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import EXPOSURE, VACCINE
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.kinds.exposure.course import Answers, bind_course
from adapter.kinds.exposure.statement import (
    Asked,
    Exposure,
    Standing,
    evidence_of,
    placed_as_asked,
    standing_of,
    windows_of,
)
from adapter.record.facts import ConditionFact, ExposureFact, Verification
from adapter.record.links import coded

_DAY = timedelta(days=1)


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
            yield end.end + TICK


def _reaches_back(start: Span, window: Length, moment: Moment) -> bool:
    if isinstance(window, Duration):
        return start.last <= moment.window_start(window)
    return start.end <= moment.as_of - window.back


def _statement(fact: ExposureFact, chart: Chart) -> Statement:
    return Statement(chart.span(fact.asserted or fact.start), not fact.open, evidence_of(fact))


REASONS = {
    Standing.RECORDED: Reason.RECORDED,
    Standing.IMPRECISE: Reason.IMPRECISE_DATE,
    Standing.UNDATED: Reason.UNDATED,
    Standing.ROUTE_MISSING: Reason.ROUTE_MISSING,
    Standing.QUESTION: Reason.NEEDS_REVIEW,
    Standing.ORDERED: Reason.ORDERED_ONLY,
    Standing.CHANGED: Reason.VALUE_FAILS,
    Standing.SHORT: Reason.OUTSIDE_WINDOW,
    Standing.STALE: Reason.STALE,
    Standing.OUTSIDE: Reason.OUTSIDE_WINDOW,
    Standing.OTHER_ROUTE: Reason.NO_DATA,
    Standing.OTHERWISE: Reason.NO_DATA,
}


@dataclass(frozen=True, slots=True)
class Found:
    """One exposure with what it comes to, and when that may change."""

    standing: Standing
    fact: ExposureFact
    changes: tuple[Change, ...]


def bind_exposure(statement: Exposure, terminology: Terminology) -> Callable[[Chart, Moment], Outcome]:
    """The evaluation of one exposure criterion."""
    concepts = [terminology.catalogue.exposures[name] for name in statement.concepts]
    asked = asked_of(statement, terminology)
    answers = bind_course(statement, concepts, terminology) if statement.asks_more else None

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found, later = bearing(concepts, asked, chart, moment)
        if answers is not None:
            found = _as_asked(found, answers, chart, moment)
        if found and _is_open(found):
            first = found[0]
            first_shown = (evidence_of(first.fact, dosed=answers is not None),)
            until = _until_another(found) if answers is None else tuple(one for each in found for one in each.changes)
            return outcome(REASONS[first.standing], first_shown, until + later)
        changes = later + tuple(change for each in found for change in each.changes)
        reason = REASONS[found[0].standing] if found else Reason.NO_DATA
        shown = tuple(evidence_of(each.fact, dosed=answers is not None) for each in found)
        nothing = outcome(reason, shown, changes)
        return _denied(statement, concepts, asked, nothing, chart, moment)

    return evaluate


def _is_open(found: list[Found]) -> bool:
    """Whether what is on record leaves no room for a negative.

    A course that is too short may have begun elsewhere: what says that nothing is missing says that it didn't.
    """
    return any(each.standing < Standing.OUTSIDE and each.standing is not Standing.SHORT for each in found)


def asked_of(statement: Exposure, terminology: Terminology) -> Asked:
    """What is asked of one entry's window and route."""
    concepts = [terminology.catalogue.exposures[name] for name in statement.concepts]
    return Asked(
        look_back=statement.look_back,
        systemic=statement.systemic,
        systemic_class=frozenset(name for concept in concepts for name in concept.systemic_class),
        half_lives=_half_lives(statement.half_lives, terminology),
        as_needed=statement.as_needed,
        sites=statement.body_site,
        routes=statement.route,
    )


def _half_lives(many: int | None, terminology: Terminology) -> Mapping[str, Length] | None:
    """So many half-lives of each drug of which the catalogue knows it."""
    if many is None:
        return None
    return {
        name: each.half_life.times(many)
        for name, each in terminology.catalogue.exposures.items()
        if each.half_life is not None
    }


def _as_asked(found: list[Found], answers: Answers, chart: Chart, moment: Moment) -> list[Found]:
    """What counts, as far as it is taken as is asked: what is sure not to be is none that counts.

    A course that is on record for too short a time may have begun with an entry that is not: it is never absent.
    """
    counted = [each for each in found if each.standing is Standing.RECORDED]
    said = answers([each.fact for each in counted], chart, moment)
    judged = {
        id(each): Found(_standing(answer), each.fact, each.changes + answer.changes)
        for each, answer in zip(counted, said, strict=True)
    }
    settled = [judged.get(id(each), each) for each in found]
    settled.sort(key=lambda each: (each.standing, each.fact.source.resource))
    return settled


def _standing(answer: Reply) -> Standing:
    return _STANDINGS[answer.truth].get(answer.reason, _ELSE[answer.truth])


_ELSE = {Truth.MET: Standing.RECORDED, Truth.UNKNOWN: Standing.QUESTION, Truth.NOT_MET: Standing.OTHERWISE}
_STANDINGS: Mapping[Truth, Mapping[Reason, Standing]] = {
    Truth.MET: {},
    Truth.UNKNOWN: {
        Reason.IMPRECISE_DATE: Standing.IMPRECISE,
        Reason.UNDATED: Standing.UNDATED,
        Reason.OUTSIDE_WINDOW: Standing.SHORT,
    },
    Truth.NOT_MET: {Reason.OUTSIDE_WINDOW: Standing.SHORT, Reason.VALUE_FAILS: Standing.CHANGED},
}


def bearing(
    concepts: list[ExposureConcept], asked: Asked, chart: Chart, moment: Moment
) -> tuple[list[Found], tuple[Change, ...]]:
    """What is one of the concepts or may be it, the strongest word first; and when what lies ahead will have begun."""
    facts: dict[str, tuple[ExposureFact, bool]] = {}
    for concept in concepts:
        listed = chart.exposures.get(concept.id)
        if listed is not None:
            facts |= {fact.source.resource: (fact, True) for fact in listed.may_be if fact.source.resource not in facts}
            facts |= {fact.source.resource: (fact, False) for fact in listed.is_}
    found: list[Found] = []
    later: tuple[Change, ...] = ()
    for fact, may_be in facts.values():
        where = said_of(asked.sites, coded(fact.sites), chart.terminology) if asked.sites else Membership.IS
        if where is Membership.NOT:
            continue
        start = chart.span(fact.start)
        if start is not None and moment.is_future(start):
            later += (start.start,)
        else:
            coarse = may_be or where is not Membership.IS
            found.append(Found(*_with(fact, *standing_of(fact, asked, chart, moment), coarse=coarse)))
    found.sort(key=lambda each: (each.standing, each.fact.source.resource))
    return found, later


def _with(
    fact: ExposureFact, standing: Standing, changes: tuple[Change, ...], *, coarse: bool
) -> tuple[Standing, ExposureFact, tuple[Change, ...]]:
    """What only may be the drug is a question wherever the drug itself would be an answer."""
    asks = coarse and standing in (Standing.RECORDED, Standing.ROUTE_MISSING, Standing.ORDERED)
    return (Standing.QUESTION if asks else standing), fact, changes


def _until_another(found: list[Found]) -> tuple[Change, ...]:
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
    for covered, offered, turns in statements(concepts, asked, chart, moment):
        negatives, missed, more = stated(offered, covered, chart, moment)
        said += negatives
        changes += more + turns
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
    named, more = _named_elsewhere(concepts, asked, chart, moment)
    return possible + named, changes + more


def _named_elsewhere(
    concepts: list[ExposureConcept], asked: Asked, chart: Chart, moment: Moment
) -> tuple[list[Doubtful], tuple[Change, ...]]:
    """What was ordered and may have been done, what is suspected of an event, what a diagnosis says was done."""
    found: list[Doubtful] = []
    changes: tuple[Change, ...] = ()
    names = frozenset(concept.id for concept in concepts)
    windows = windows_of(names, asked)
    for concept in concepts:
        for mention in chart.record.mentions.get(concept.id, ()):
            begun = chart.span(mention.start)
            if begun is not None and moment.is_future(begun):
                changes += (begun.start,)
                continue
            standing, more = placed_as_asked(mention, names, asked, chart, moment)
            changes += more
            if standing < Standing.OUTSIDE:
                if mention.ordered:
                    found.append(doubtful_of(mention, (concept.id,), Reason.ORDERED_ONLY, chart))
                else:  # what was done in the window is not undone by what is said later
                    named = doubtful_of(mention, (concept.id,), Reason.NEEDS_REVIEW, chart)
                    found.append(msgspec.structs.replace(named, ended=None))
        told = {f.source: f for name in (concept.id, *concept.told_by) for f in chart.record.conditions.get(name, ())}
        for fact in told.values():
            time = chart.span(fact.onset or fact.recorded)
            if time is not None and moment.is_future(time):
                changes += (time.start,)
            elif fact.verification is not Verification.REFUTED and _reaches(time, windows, moment):
                changes += tuple(at for each in windows if time is not None for at in moment.leaving_time(time, each))
                shown = evidence_of_entry(fact)
                found.append(Doubtful(frozenset({concept.id}), shown, known=True, mention=Reason.NEEDS_REVIEW))
    return found, changes


def _reaches(time: Span | None, windows: tuple[Length, ...], moment: Moment) -> bool:
    """Whether what stands among the diagnoses since a time may have been done in the window."""
    if time is None or not windows:
        return True
    return any(moment.place_time(time, window) is not Placed.BEFORE for window in windows)


def evidence_of_entry(fact: ConditionFact) -> Evidence:
    """The evidence that a diagnosis is of what was done."""
    when = fact.onset or fact.recorded
    return Evidence(fact.source.resource, fact.source.version, "code", fact.shown, when.text if when else None)
