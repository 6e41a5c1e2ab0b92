"""`disease-course`: relapsed or refractory (CONFORMANCE: Course of a disease)."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import NamedTuple

from adapter.criteria.catalogue import Analyte
from adapter.criteria.model import Course, DiseaseCourse, Measurement
from adapter.criteria.terminology import Terminology
from adapter.evaluator.chart import Chart
from adapter.evaluator.kinds.diagnosis import facts_of
from adapter.evaluator.kinds.measurement import bind_measurement
from adapter.evaluator.latest import latest
from adapter.evaluator.moment import Change, Moment, Span
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
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
        sets.update(catalogue.conditions[name].possible)
    blasts = [
        (catalogue.analytes[name], bind_measurement(Measurement(analyte=name, test=threshold), terminology))
        for name in statement.blasts
        if (threshold := statement.blast_threshold) is not None
    ]

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        words, later = _words(chart, moment, sets)
        if not words:
            return outcome(Reason.NO_DATA, (), later)
        found, changes = _decide(statement, words, blasts, chart, moment)
        if statement.after is not None and found.reason in (Reason.RECORDED, Reason.VALUE_SATISFIES):
            found = outcome(Reason.NEEDS_REVIEW, found.evidence, found.changes, statement.after)
        return found.also(later + changes)

    return evaluate


def _words(chart: Chart, moment: Moment, sets: set[str]) -> tuple[list[_Word], tuple[Change, ...]]:
    words: list[_Word] = []
    changes: list[Change] = []
    for fact in facts_of(chart, sets):
        time = chart.span(fact.onset or fact.recorded)
        if time is not None and moment.is_future(time):
            changes.append(time.start)
        elif fact.verification is Verification.CONFIRMED:
            words.extend(_word(fact, chart, moment))
            ended = chart.span(fact.abatement)
            if ended is not None and moment.is_future(ended):
                changes.append(ended.start)
    return words, tuple(changes)


def _word(fact: ConditionFact, chart: Chart, moment: Moment) -> list[_Word]:
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


def _decide(
    statement: DiseaseCourse,
    words: list[_Word],
    blasts: list[tuple[Analyte, Callable[[Chart, Moment], Outcome]]],
    chart: Chart,
    moment: Moment,
) -> tuple[Outcome, tuple[Change, ...]]:
    changes: tuple[Change, ...] = ()
    remissions = [word for word in words if word.course == "remission"]
    last = _latest(remissions)
    wanted = ["relapse"] if Course.RELAPSED in statement.courses else []
    wanted += ["refractory"] if Course.REFRACTORY in statement.courses else []
    for word in words:
        if word.course in wanted and (last is None or _after(word, last)):
            return outcome(Reason.RECORDED, (_evidence(word),)), changes
    if last is not None and Course.RELAPSED in statement.courses:
        for analyte, above in blasts:
            found = above(chart, moment)
            changes += found.changes
            newest = latest(chart.readings(analyte), moment)
            if found.reason is Reason.VALUE_SATISFIES and newest is not None and _since(last, newest.first, chart):
                return outcome(Reason.VALUE_SATISFIES, (*found.evidence, _evidence(last))), changes
    if last is not None and not any(word.course in wanted and word.time == last.time for word in words):
        return outcome(Reason.RESOLVED, (_evidence(last),)), changes
    return outcome(Reason.NEEDS_REVIEW, tuple(_evidence(word) for word in words)), changes


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
