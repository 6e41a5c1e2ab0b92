"""Pregnancy, and what doesn't apply to men (CONFORMANCE: Conditions with tests; Sex-bound criteria)."""

from collections.abc import Callable
from typing import NamedTuple

from adapter.criteria.calendar import birthday
from adapter.criteria.model import Finding
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.absence import CONDITIONS, absent
from adapter.evaluator.chart import Chart, Reading, evidence_of
from adapter.evaluator.finding import finding
from adapter.evaluator.latest import evidence, latest, nothing_dated
from adapter.evaluator.moment import Change, Moment, Placed, Span
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason, truth_of
from adapter.evaluator.verdict import Evidence
from adapter.kinds.condition.entries import Entry, Standing, diagnosis, entries, facts_of
from adapter.kinds.condition.entries import evidence_of as entry_evidence
from adapter.kinds.condition.statement import PREGNANCY, Condition
from adapter.record.when import When

_WORDS = {
    Standing.RECORDED: Reason.RECORDED,
    Standing.IMPRECISE: Reason.IMPRECISE_DATE,
    Standing.UNCONFIRMED: Reason.UNCONFIRMED,
    Standing.STALE: Reason.STALE,
    Standing.REFUTED: Reason.REFUTED,
    Standing.RESOLVED: Reason.RESOLVED,
    Standing.POSSIBLE: Reason.NEEDS_REVIEW,
}


class _Word(NamedTuple):
    """One source's word on the pregnancy, and when it was said."""

    reason: Reason
    time: Span | None
    evidence: tuple[Evidence, ...]


def bind_pregnancy(statement: Condition, terminology: Terminology) -> Callable[[Chart, Moment], Outcome]:
    """The newest of status, test and condition decides; where none does, why not."""
    asked = diagnosis(statement, terminology)
    analytes = [terminology.catalogue.analytes[test.analyte] for test in statement.tests]

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found, changes = entries(asked, chart, moment)
        words = [word for entry in found if (word := _of_entry(entry, chart)) is not None]
        changes += tuple(change for entry in found for change in entry.changes)
        weak = [_Word(_WORDS[e.standing], None, (entry_evidence(e),)) for e in found if not _decides(e)]
        for analyte in analytes:
            readings = chart.readings(analyte)
            newest = latest(readings, moment)
            if newest is None:
                nothing = nothing_dated(readings, moment)
                changes += nothing.changes
                weak.extend([_Word(nothing.reason, None, nothing.evidence)] * (nothing.reason is not Reason.NO_DATA))
                continue
            window = chart.policy.freshness[analyte.freshness]
            changes += newest.changes + moment.leaving(newest.first, newest.last, window)
            placed = newest.place(moment, window)
            if placed is Placed.INSIDE:
                words.extend(_of_reading(reading, finding(reading, analyte, chart)) for reading in newest.readings)
            else:
                reason = Reason.STALE if placed is Placed.BEFORE else Reason.IMPRECISE_DATE
                weak.append(_Word(reason, None, evidence(newest.readings)))
        answer = _newest(words) or (outcome(weak[0].reason, weak[0].evidence) if weak else None)
        if answer is None:
            statements = facts_of(chart, asked.absent)
            answer = absent(statement.concepts, CONDITIONS, statements, outcome(Reason.NO_DATA), chart, moment)
        return answer.also(changes)

    return evaluate


def _decides(entry: Entry) -> bool:
    return entry.standing in (Standing.RECORDED, Standing.REFUTED, Standing.RESOLVED, Standing.UNCONFIRMED)


def _of_entry(entry: Entry, chart: Chart) -> _Word | None:
    if not _decides(entry):
        return None
    time = chart.span(entry.fact.onset or entry.fact.recorded)
    if entry.standing is Standing.RESOLVED and entry.fact.abatement is not None:
        time = chart.span(entry.fact.abatement)
    return _Word(_WORDS[entry.standing], time, (entry_evidence(entry),))


def _of_reading(reading: Reading, found: Finding | Reason) -> _Word:
    reason = found if isinstance(found, Reason) else Reason.TEST_NEGATIVE
    if found is Finding.POSITIVE:
        reason = Reason.TEST_POSITIVE
    return _Word(reason, reading.time, (evidence_of(reading.fact),))


def _newest(words: list[_Word]) -> Outcome | None:
    """What the newest words say; undated ones stand beside them, and words that differ leave it open."""
    if not words:
        return None
    dated = [(word, word.time) for word in words if word.time is not None]
    newest_start = max((time.start for _, time in dated), default=None)
    last = [word for word, time in dated if newest_start is not None and time.end >= newest_start]
    undated = [word for word in words if word.time is None]
    considered = last + undated
    shown = tuple(item for word in considered for item in word.evidence)
    if len({truth_of(word.reason) for word in considered}) == 1:
        return outcome(considered[0].reason, considered[0].evidence)
    if undated:
        return outcome(Reason.UNDATED, shown)
    same = len({word.time[:2] for word in last if word.time is not None}) == 1
    return outcome(Reason.CONFLICTING if same else Reason.IMPRECISE_DATE, shown)


def unless_not_applicable(
    evaluation: Callable[[Chart, Moment], Outcome], terminology: Terminology
) -> Callable[[Chart, Moment], Outcome]:
    """NOT_APPLICABLE for a man, and where the policy rules pregnancy out, but never against evidence of pregnancy."""
    pregnancy = bind_pregnancy(PREGNANCY, terminology)

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        exempt = _exemption(chart, moment)
        if exempt is None:
            return evaluation(chart, moment).also(_exemption_changes(chart, moment))
        pregnant = pregnancy(chart, moment)
        found = evaluation(chart, moment) if pregnant.truth is Truth.MET else exempt
        return found.also(pregnant.changes)

    return evaluate


def _exemption(chart: Chart, moment: Moment) -> Outcome | None:
    record, policy = chart.record, chart.policy
    sex = record.clinical_sex or record.gender
    if sex == "male":
        element = "extension(sexParameterForClinicalUse)" if record.clinical_sex else "gender"
        return outcome(Reason.NOT_APPLICABLE, (Evidence(record.subject, None, element, sex, None),))
    if policy.pregnancy_ruled_out_from is not None and record.birth is not None:
        reached = birthday(record.birth.last, policy.pregnancy_ruled_out_from)
        if reached <= moment.day:
            shown = Evidence(record.subject, None, "birthDate", record.birth.text, record.birth.text)
            return outcome(Reason.NOT_APPLICABLE, (shown,))
    for concept in policy.pregnancy_ruled_out_by:
        for fact in record.exposures.get(concept, ()):
            time = chart.span(fact.start)
            if not fact.ordered and time is not None and not moment.is_future(time):
                shown = Evidence(fact.source.resource, fact.source.version, fact.element, fact.shown, _text(fact.start))
                return outcome(Reason.NOT_APPLICABLE, (shown,))
    return None


def _text(when: When | None) -> str | None:
    return when.text if when else None


def _exemption_changes(chart: Chart, moment: Moment) -> tuple[Change, ...]:
    """When the policy will rule pregnancy out, by age or by a procedure that lies ahead."""
    record, policy = chart.record, chart.policy
    changes: list[Change] = []
    for concept in policy.pregnancy_ruled_out_by:
        times = (chart.span(fact.start) for fact in record.exposures.get(concept, ()) if not fact.ordered)
        changes.extend(time.start for time in times if time is not None and moment.is_future(time))
    if policy.pregnancy_ruled_out_from is not None and record.birth is not None:
        reached = birthday(record.birth.last, policy.pregnancy_ruled_out_from)
        changes.extend([reached] if reached > moment.day else [])
    return tuple(changes)
