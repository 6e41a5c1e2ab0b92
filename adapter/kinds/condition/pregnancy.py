"""Pregnancy: the newest word on it (CONFORMANCE: Conditions with tests)."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import NamedTuple

from adapter.criteria.model import Finding
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart, Reading, evidence_of
from adapter.evaluator.finding import finding
from adapter.evaluator.latest import evidence, latest, nothing_dated
from adapter.evaluator.moment import Change, Moment, Placed, Span
from adapter.evaluator.negatives import SHOWN, denied
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import CONDITION
from adapter.evaluator.reason import Reason, truth_of
from adapter.evaluator.verdict import Evidence
from adapter.kinds.condition.entries import Entry, doubtful, entries, facts_of, named_elsewhere
from adapter.kinds.condition.entries import evidence_of as entry_evidence
from adapter.kinds.condition.standing import OPEN, REASONS, Standing, diagnosis, time_of
from adapter.kinds.condition.statement import Condition
from adapter.record.facts import Verification
from adapter.record.when import When


class _Word(NamedTuple):
    """One source's word on the pregnancy, and when it was said."""

    reason: Reason
    time: Span | None
    evidence: tuple[Evidence, ...]


def bind_pregnancy(statement: Condition, terminology: Terminology) -> Callable[[Chart, Moment], Outcome]:
    """The newest of status, test, end and condition decides; where none does, why not.

    Only a status, a test or the end of a pregnancy denies one, and an end closes what began before it. A negative that
    is newer than an open entry contradicts it.
    """
    asked = diagnosis(statement, terminology)
    analytes = [terminology.catalogue.analytes[test.analyte] for test in statement.tests]
    ended_by = tuple(dict.fromkeys(name for concept in asked.concepts for name in concept.ended_by))

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found, changes = entries(asked, chart, moment)
        changes += tuple(change for entry in found for change in entry.changes)
        words, weak, more = _ends(ended_by, chart, moment)
        changes += more
        found = [entry for entry in found if not _is_over(entry, (*words, *weak), chart)]
        open_entries = [_of_entry(entry, chart) for entry in found if entry.standing in _DECIDES]
        words += open_entries
        weak += [_of_entry(entry, chart) for entry in found if entry.standing in OPEN - _DECIDES]
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
                weak.append(_Word(reason, None, evidence(newest.readings, named=True)))
        answer = _newest(words) or (outcome(weak[0].reason, weak[0].evidence) if weak else None)
        if answer is None:
            over = outcome(Reason.NO_DATA, tuple(entry_evidence(entry) for entry in found))
            answer = denied(asked.names, CONDITION.types, [], doubtful(found, asked, chart, moment)[0], over, chart)
        elif answer.truth is Truth.NOT_MET:
            on_record = [item for word in open_entries if word.reason is Reason.RECORDED for item in word.evidence]
            if on_record:
                answer = outcome(Reason.CONFLICTING, (*on_record, *answer.evidence))
            else:
                named, more = named_elsewhere(asked, chart, moment)
                changes += more
                since = [each.evidence for each in named if not _was_over(each.ended, (*words, *weak))]
                if since:
                    answer = outcome(Reason.NEEDS_REVIEW, (*since[:SHOWN], *answer.evidence))
        return answer.also(changes)

    return evaluate


_DECIDES = frozenset({Standing.RECORDED, Standing.UNCONFIRMED})


def _of_entry(entry: Entry, chart: Chart) -> _Word:
    return _Word(REASONS[entry.standing], time_of(entry.fact, chart), (entry_evidence(entry),))


def _ends(
    value_sets: tuple[str, ...], chart: Chart, moment: Moment
) -> tuple[list[_Word], list[_Word], tuple[Change, ...]]:
    """The ends of pregnancies on record, each a negative status of its day: fresh ones, and others."""
    window = chart.policy.freshness[ENDS]
    fresh: list[_Word] = []
    stale: list[_Word] = []
    changes: tuple[Change, ...] = ()
    for when, shown in _ended(value_sets, chart):
        time = chart.span(when)
        if time is None:
            continue
        if moment.is_future(time):
            changes += (time.start,)
            continue
        changes += moment.leaving(time.first, time.last, window)
        if moment.place(time.first, time.last, window) is Placed.INSIDE:
            fresh.append(_Word(Reason.RESOLVED, time, (shown,)))
        else:
            stale.append(_Word(Reason.STALE, time, (shown,)))
    return fresh, stale[-1:], changes


ENDS = "pregnancy"
"""The policy's class of data that says how long an end of pregnancy stands for no pregnancy."""


def _ended(value_sets: tuple[str, ...], chart: Chart) -> Iterator[tuple[When | None, Evidence]]:
    """When each end was, oldest first: of a diagnosis its onset or recording, of a procedure its time."""
    conditions = [
        (fact.onset or fact.recorded, entry_evidence(Entry(fact, Standing.RECORDED, frozenset(), ())))
        for fact in facts_of(chart, value_sets)
        if fact.verification is Verification.CONFIRMED
    ]
    procedures = [
        (when, Evidence(fact.source.resource, fact.source.version, fact.element, fact.shown, _text(when)))
        for name in value_sets
        for fact in chart.record.exposures.get(name, ())
        if not fact.ordered
        for when in [fact.end or fact.start]
    ]
    known = dict.fromkeys(conditions + procedures)
    return iter(sorted(known, key=lambda pair: (pair[0].last if pair[0] else date.min, pair[1].resource)))


def _is_over(entry: Entry, ends: Iterable[_Word], chart: Chart) -> bool:
    """Whether a pregnancy that began before it has ended since."""
    return _was_over(time_of(entry.fact, chart), ends)


def _was_over(begun: Span | None, ends: Iterable[_Word]) -> bool:
    """Whether an end of pregnancy came after that time."""
    return begun is not None and any(
        word.time is not None and word.reason in (Reason.RESOLVED, Reason.STALE) and begun.start <= word.time.end
        for word in ends
    )


def _of_reading(reading: Reading, found: Finding | Reason) -> _Word:
    reason = found if isinstance(found, Reason) else Reason.TEST_NEGATIVE
    if found is Finding.POSITIVE:
        reason = Reason.TEST_POSITIVE
    return _Word(reason, reading.time, (evidence_of(reading.fact, named=True),))


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
    same = len({(word.time.start, word.time.end) for word in last if word.time is not None}) == 1
    return outcome(Reason.CONFLICTING if same else Reason.IMPRECISE_DATE, shown)


def _text(when: When | None) -> str | None:
    return when.text if when else None
