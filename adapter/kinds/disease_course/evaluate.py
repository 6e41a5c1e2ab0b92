"""`disease-course`: relapsed or refractory (CONFORMANCE: Course of a disease)."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple

from adapter.criteria.catalogue import Analyte
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.latest import evidence, latest, nothing_dated
from adapter.evaluator.moment import Change, Moment, Placed, Span
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.kinds.condition.entries import facts_of
from adapter.kinds.disease_course.statement import Course, DiseaseCourse
from adapter.kinds.measurement.evaluate import Compare, against_quantity, agreed
from adapter.record.facts import ConditionFact, Verification

INDUCTION = timedelta(days=28)
"""A remission without a date of its own can't lie closer than this to the day the disease was recorded: induction
takes about four weeks, so blasts counted within it are the first disease, not a relapse."""


class _Word(NamedTuple):
    """What one Condition says of the course, and when."""

    course: str
    time: Span | None
    fact: ConditionFact


def bind_disease_course(statement: DiseaseCourse, terminology: Terminology) -> Callable[[Chart, Moment], Outcome]:
    """The evaluation of one course criterion.

    The latest word on record decides between relapse and remission; blasts above the threshold after a recorded
    remission are a relapse; refractory disease is an explicit code. Otherwise it is a question for a person.
    """
    catalogue = terminology.catalogue
    sets = set(statement.concepts)
    for name in statement.concepts:
        sets.update(catalogue.conditions[name].may_be)
    threshold = statement.blast_threshold
    blasts = [
        (catalogue.analytes[name], against_quantity(threshold, catalogue.analytes[name], terminology))
        for name in statement.blasts
        if threshold is not None
    ]

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        facts, changes = _facts(chart, moment, sets)
        confirmed = [fact for fact in facts if fact.verification is Verification.CONFIRMED]
        if not confirmed:
            return _unproved(facts).also(changes)
        words = [word for fact in confirmed for word in _words(fact, chart, moment)]
        found = _by_words(statement, words)
        if found.reason is not Reason.RECORDED and Course.RELAPSED in statement.courses:
            remission = _latest([word for word in words if word.course == "remission"])
            for analyte, compare in blasts if remission is not None else ():
                counted, more = _by_blasts(analyte, compare, remission, chart, moment)
                changes += more
                if counted is not None and found.reason is not Reason.VALUE_SATISFIES:
                    found = counted
        if statement.after is not None and found.truth is Truth.MET:
            found = outcome(Reason.NEEDS_REVIEW, found.evidence, (), statement.after)
        return found.also(changes)

    return evaluate


def _facts(chart: Chart, moment: Moment, sets: set[str]) -> tuple[list[ConditionFact], tuple[Change, ...]]:
    """The entries that bear on the disease, and when later ones, and ends that lie ahead, will count."""
    facts: list[ConditionFact] = []
    changes: list[Change] = []
    for fact in facts_of(chart, sets):
        time, ended = chart.span(fact.onset or fact.recorded), chart.span(fact.abatement)
        if time is not None and moment.is_future(time):
            changes.append(time.start)
            continue
        facts.append(fact)
        if ended is not None and moment.is_future(ended):
            changes.append(ended.start)
    return facts, tuple(changes)


def _unproved(facts: list[ConditionFact]) -> Outcome:
    """Without a confirmed disease there is no course to tell."""
    for verification, reason in (
        (Verification.UNCONFIRMED, Reason.UNCONFIRMED),
        (Verification.REFUTED, Reason.REFUTED),
    ):
        shown = tuple(_evidence(_Word("", None, fact)) for fact in facts if fact.verification is verification)
        if shown:
            return outcome(reason, shown)
    return outcome(Reason.NO_DATA)


def _words(fact: ConditionFact, chart: Chart, moment: Moment) -> list[_Word]:
    recorded = chart.span(fact.onset or fact.recorded)
    ended = chart.span(fact.abatement)
    found = []
    if fact.clinical in ("relapse", "recurrence") or "course-relapse" in fact.value_sets:
        found.append(_Word("relapse", recorded, fact))
    elif fact.clinical == "remission" or "course-remission" in fact.value_sets:
        dated = ended is not None and not moment.is_future(ended)
        found.append(_Word("remission", ended if dated else chart.span(fact.recorded) or recorded, fact))
    if "course-refractory" in fact.value_sets:
        found.append(_Word("refractory", recorded, fact))
    return found or [_Word("", recorded, fact)]


def _by_words(statement: DiseaseCourse, words: list[_Word]) -> Outcome:
    """RECORDED where a wanted word stands after any remission, RESOLVED where a remission is the latest word."""
    wanted = {Course.RELAPSED: "relapse", Course.REFRACTORY: "refractory"}
    names = [wanted[course] for course in statement.courses]
    last = _latest([word for word in words if word.course == "remission"])
    for word in words:
        if word.course in names and (last is None or _after(word, last)):
            return outcome(Reason.RECORDED, (_evidence(word),))
    if last is not None and all(word.course == "remission" or _after(last, word) for word in words):
        return outcome(Reason.RESOLVED, (_evidence(last),))
    return outcome(Reason.NEEDS_REVIEW, tuple(_evidence(word) for word in words))


def _by_blasts(
    analyte: Analyte, compare: Compare, remission: _Word | None, chart: Chart, moment: Moment
) -> tuple[Outcome | None, tuple[Change, ...]]:
    """What blasts counted since the remission come to: a relapse, a question, or nothing (None)."""
    if remission is None:
        return None, ()
    readings = chart.readings(analyte)
    window = chart.policy.freshness[analyte.freshness]
    newest = latest(readings, moment)
    changes = nothing_dated(readings, moment).changes
    tentative = [r for r in readings if not (r.counts and r.time) and not (r.time and moment.is_future(r.time))]
    doubtful = [
        r for r in tentative if compare(r, chart)[0] is not Reason.VALUE_FAILS and _maybe_since(remission, r.time)
    ]
    if newest is not None:
        changes += newest.changes + moment.leaving(newest.first, newest.last, window)
        reason, _ = agreed(newest, compare, chart)
        shown = (*evidence(newest.readings), _evidence(remission))
        fresh = newest.place(moment, window) is Placed.INSIDE
        if reason is Reason.VALUE_SATISFIES and fresh and _since(remission, newest.first, chart):
            return outcome(Reason.VALUE_SATISFIES, shown), changes
        if reason is not Reason.VALUE_FAILS and any(_maybe_since(remission, r.time) for r in newest.readings):
            return outcome(Reason.NEEDS_REVIEW, shown), changes
    if doubtful:
        return outcome(Reason.NEEDS_REVIEW, (*evidence(doubtful), _evidence(remission))), changes
    return None, changes


def _maybe_since(remission: _Word, measured: Span | None) -> bool:
    """Whether a value may have been measured after the remission."""
    return remission.time is None or measured is None or measured.last >= remission.time.first


def _latest(words: list[_Word]) -> _Word | None:
    dated = [(word.time, word) for word in words if word.time is not None]
    if dated:
        return max(dated, key=lambda pair: (pair[0].end, pair[1].fact.source.resource))[1]
    return words[0] if words else None


def _after(word: _Word, other: _Word) -> bool:
    return word.time is not None and other.time is not None and word.time.start > other.time.end


def _since(remission: _Word, measured: date, chart: Chart) -> bool:
    """Whether blasts were counted after the remission; one that is dated only by its recording needs a margin."""
    if remission.time is None:
        return False
    fact = remission.fact
    own = fact.abatement is not None and chart.span(fact.abatement) == remission.time
    start = remission.time.last if own else remission.time.last + INDUCTION
    return measured > start


def _evidence(word: _Word) -> Evidence:
    fact = word.fact
    element = "clinicalStatus" if fact.clinical and word.course else "code"
    when = fact.abatement if word.course == "remission" and fact.abatement else fact.onset or fact.recorded
    text = f"{fact.shown} ({fact.clinical})" if fact.clinical else fact.shown
    return Evidence(fact.source.resource, fact.source.version, element, text, when.text if when else None)
