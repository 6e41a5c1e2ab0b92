"""`condition`: a diagnosis on record, or what settles it (CONFORMANCE: Conditions; Conditions with tests).

What makes a negative unsafe: fresh results and running treatments that contradict it (CONFORMANCE: Negatives).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

from adapter.criteria.calendar import Duration
from adapter.criteria.catalogue import Analyte, ConditionConcept, Doubt
from adapter.criteria.model import Finding
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import MET, NOT_MET
from adapter.evaluator.chart import Chart, Reading
from adapter.evaluator.finding import finding
from adapter.evaluator.latest import evidence, evidence_of, latest
from adapter.evaluator.moment import Change, Moment, Placed, Span
from adapter.evaluator.negatives import contradicting, denied, mentioned, stated
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import CONDITION
from adapter.evaluator.reason import NO_DATA, Reason
from adapter.evaluator.verdict import Evidence
from adapter.kinds.condition.entries import Entry, doubtful, entries, negatives, nothing, of_entry, recorded, statements
from adapter.kinds.condition.infection import bind_infection
from adapter.kinds.condition.pregnancy import bind_pregnancy, unless_not_applicable
from adapter.kinds.condition.standing import OPEN, Diagnosis, Standing, diagnosis
from adapter.kinds.condition.statement import Condition
from adapter.record.facts import ExposureFact
from adapter.record.read_words import DRUG

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
                shown, changes = _treated(doubt.exposure or "", doubt.within, chart, moment)
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
    """Above the doubt's limit; without one, neither negative nor, with no note beside it, too little to measure."""
    if doubt.above is None:
        found = finding(reading, analyte, chart)
        return found is not Finding.NEGATIVE and (found is not Reason.VALUE_STRADDLES or bool(reading.fact.note))
    number = chart.number(reading.fact, analyte)
    return isinstance(number, Reason) or number.high is None or number.high > doubt.above


def _treated(
    concept: str, within: Duration, chart: Chart, moment: Moment
) -> tuple[Evidence | None, tuple[Change, ...]]:
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
        changes += moment.leaving(last.first, last.last, within)
        if moment.is_future(last) or moment.place(last.first, last.last, within) is not Placed.BEFORE:
            running.append(fact)
    if not running:
        return _named_treatment(concept, within, chart, moment, changes)
    begun = _begun(given, within, chart)
    return _given(max((begun.get(id(fact), fact) for fact in running), key=lambda fact: _order(fact, chart))), changes


def _named_treatment(
    concept: str, within: Duration, chart: Chart, moment: Moment, changes: tuple[Change, ...]
) -> tuple[Evidence | None, tuple[Change, ...]]:
    """The same in words: a drug or a procedure that no list knows by its code, and that is called so."""
    named, more = mentioned([concept], lambda _: within, chart, moment)
    return next((each.evidence for each in named if _is_given(each.evidence)), None), changes + more


def _is_given(shown: Evidence) -> bool:
    return shown.element == DRUG or (shown.element == "code" and shown.resource.startswith("Procedure/"))


def _begun(given: list[tuple[Span, ExposureFact]], within: Duration, chart: Chart) -> dict[int, ExposureFact]:
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
            if (start.first - reached).days > within.count:
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


Evaluation = Callable[[Chart, Moment], Outcome]


def bind_condition(statement: Condition, terminology: Terminology) -> Evaluation:
    """The evaluation of one condition criterion."""
    catalogue = terminology.catalogue
    if any(catalogue.conditions[name].pregnancy for name in statement.concepts) and not statement.asks_of_entry:
        plain = bind_pregnancy(statement, terminology)
    elif statement.tests:
        plain = _unless_doubted(bind_infection(statement, terminology), statement, terminology)
    else:
        plain = _bind_plain(statement, terminology)
    if statement.sex_bound:
        plain = unless_not_applicable(plain, replace(statement, sex_bound=False), terminology)
    shown = [catalogue.analytes[name] for name in statement.shown]
    if not shown:
        return plain

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found = plain(chart, moment)
        for analyte in shown:
            newest = latest(chart.readings(analyte), moment)
            if newest is not None:
                beside = evidence(newest.readings, named=True)
                found = found.also((), tuple([each for each in beside if each not in found.evidence]))
        return found

    return evaluate


def _unless_doubted(tested: Evaluation, statement: Condition, terminology: Terminology) -> Evaluation:
    """What tests say, unless a treatment of the disease itself speaks against their no, or is all that there is."""
    concepts = [terminology.catalogue.conditions[name] for name in statement.concepts]
    if not any(concept.doubts for concept in concepts):
        return tested
    doubts = bind_doubts(concepts, terminology)

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        answer = tested(chart, moment)
        return doubts(answer, chart, moment) if _is_open_to_doubt(answer) else answer

    return evaluate


def _is_open_to_doubt(answer: Outcome) -> bool:
    return answer.truth is NOT_MET or answer.reason is NO_DATA


def _bind_plain(statement: Condition, terminology: Terminology) -> Evaluation:
    """What is on record, else what may be, else what denies it and is not doubted.

    Where nothing denies it either, what would be a doubt is what there is to ask about.
    """
    asked = diagnosis(statement, terminology)
    doubts = bind_doubts(asked.concepts, terminology)

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found, later = entries(asked, chart, moment)
        changes = later + tuple([change for entry in found for change in entry.changes])
        if found and found[0].standing is Standing.RECORDED:
            return _unless_contradicted(recorded(found, statement), found, asked, chart, moment).also(changes)
        if found and found[0].standing in OPEN:
            return of_entry(found[0]).also(changes)
        answer = _denied(found, asked, chart, moment)
        if _is_open_to_doubt(answer):
            answer = doubts(answer, chart, moment)
        return answer.also(changes)

    return evaluate


def _unless_contradicted(known: Outcome, found: list[Entry], asked: Diagnosis, chart: Chart, moment: Moment) -> Outcome:
    """CONFLICTING where "no known problems" was said after all that is on record of it."""
    if known.truth is not MET or not asked.present:
        return known
    said, _, changes = stated(statements(asked, chart), asked.names, chart, moment)
    entries_of_it = [entry.fact for entry in found if entry.standing is Standing.RECORDED]
    against = contradicting(said, [chart.span(fact.recorded or fact.onset) for fact in entries_of_it])
    if not against:
        return known.also(changes)
    return outcome(Reason.CONFLICTING, (*known.evidence, *against), known.changes).also(changes)


def _denied(found: list[Entry], asked: Diagnosis, chart: Chart, moment: Moment) -> Outcome:
    """What the lists deny; where they don't, what they show."""
    said, passed, changes = stated(statements(asked, chart), asked.names, chart, moment)
    possible, more = doubtful(found, asked, chart, moment)
    otherwise = nothing(found, passed)
    offered, until = negatives(found, asked, chart, moment)
    answer = denied(asked.names, CONDITION.types, [*offered, *said], possible, otherwise, chart)
    return answer.also(changes + more + until)
