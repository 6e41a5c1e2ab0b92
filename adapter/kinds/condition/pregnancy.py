"""Pregnancy: the newest word on it (CONFORMANCE: Conditions with tests).

Who can't be pregnant or breast-feed (CONFORMANCE: Sex-bound criteria).
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import NamedTuple

from adapter.criteria.calendar import Duration, birthday
from adapter.criteria.catalogue import ConditionConcept
from adapter.criteria.model import Finding, Leaf
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart, Reading
from adapter.evaluator.finding import finding
from adapter.evaluator.kind import known_without_data, reads_of
from adapter.evaluator.latest import evidence, evidence_of, latest, nothing_dated
from adapter.evaluator.moment import Change, Moment, Placed, Span
from adapter.evaluator.negatives import SHOWN, denied
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import CONDITION, only_coded
from adapter.evaluator.reason import Reason, truth_of
from adapter.evaluator.verdict import Evidence
from adapter.kinds.condition.entries import Entry, doubtful, entries, facts_of, named_elsewhere
from adapter.kinds.condition.entries import evidence_of as entry_evidence
from adapter.kinds.condition.infection import tentative, unsure
from adapter.kinds.condition.standing import OPEN, REASONS, Standing, diagnosis, time_of
from adapter.kinds.condition.statement import PREGNANCY, Condition
from adapter.record.facts import Verification
from adapter.record.patient_record import PatientRecord
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
        waiting: list[Reading] = []
        found, changes = entries(asked, chart, moment)
        changes += tuple([change for entry in found for change in entry.changes])
        words, weak, more = _ends(ended_by, chart, moment)
        changes += more
        ends = (*words, *weak)
        found = [entry for entry in found if not _is_over(entry, ends, chart)]
        open_entries = [_of_entry(entry, chart) for entry in found if entry.standing in DECIDES]
        words += open_entries
        weak += [_of_entry(entry, chart) for entry in found if entry.standing in OPEN - DECIDES]
        for analyte in analytes:
            readings = chart.readings(analyte)
            newest = latest(readings, moment)
            window = chart.policy.freshness[analyte.freshness]
            waiting += [
                each for each in tentative(readings, newest, analyte, chart, moment) if _is_new(each, moment, window)
            ]
            if newest is None:
                nothing = nothing_dated(readings, moment)
                changes += nothing.changes
                weak.extend([_Word(nothing.reason, None, nothing.evidence)] * (nothing.reason is not Reason.NO_DATA))
                continue
            placed, left = moment.stands(newest.time, window)
            changes += newest.changes + left
            if placed is Placed.INSIDE:
                said = (_of_reading(reading, finding(reading, analyte, chart)) for reading in newest.readings)
                words.extend(_unless_just_ended(word, ends) for word in said)
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
            elif waiting:
                answer = unsure(waiting, answer.evidence)
            else:
                named, more = named_elsewhere(asked, chart, moment)
                changes += more
                since = [each.evidence for each in named if not _was_over(each.ended, (*words, *weak))]
                if since:
                    answer = outcome(Reason.NEEDS_REVIEW, (*since[:SHOWN], *answer.evidence))
        return answer.also(changes)

    return evaluate


def _is_new(reading: Reading, moment: Moment, window: Duration) -> bool:
    time = reading.time
    return time is None or moment.place(time.first, time.last, window) is not Placed.BEFORE


DECIDES = frozenset({Standing.RECORDED, Standing.UNCONFIRMED})


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


CLEARED = 60
"""So many days after the end of a pregnancy may a test still find what is left of its hCG.

16 to 60 days after a termination in the first trimester, 9 to 35 after a miscarriage (Steier et al., Obstet Gynecol
1984;64:391).
"""


def _unless_just_ended(word: _Word, ends: Iterable[_Word]) -> _Word:
    """A positive word shortly after the end of a pregnancy is a question: it may be of the one that has ended."""
    if word.reason is not Reason.TEST_POSITIVE or word.time is None:
        return word
    for end in ends:
        if (
            end.time is not None
            and end.time.start <= word.time.end
            and (word.time.first - end.time.last).days <= CLEARED
        ):
            return _Word(Reason.NEEDS_REVIEW, word.time, (*word.evidence, *end.evidence))
    return word


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


Evaluation = Callable[[Chart, Moment], Outcome]


def unless_not_applicable(evaluation: Evaluation, statement: Leaf, terminology: Terminology) -> Evaluation:
    """NOT_APPLICABLE for a man, a small child, and after the womb has been removed; by the policy for others.

    Never against evidence of pregnancy: what that makes true is then CONFLICTING. `statement`: what the evaluation is
    of, as it would be asked of anybody.
    """
    concepts = statement.concepts if isinstance(statement, Condition) else ()
    conditions = terminology.catalogue.conditions
    pregnancy = bind_pregnancy(PREGNANCY, terminology)
    evidence_of_it = only_coded(reads_of(PREGNANCY, terminology.catalogue))
    asked = known_without_data(evaluation, only_coded(reads_of(statement, terminology.catalogue)))
    ruled_out = conditions[PREGNANCY.concepts[0]]
    lasting = next((conditions[name].outlasts_womb for name in concepts if conditions[name].outlasts_womb), None)

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        known = ("exempt", id(lasting), moment.as_of)  # the catalogue keeps it, so its id stays its own
        exempted: tuple[Outcome | None, tuple[Change, ...]] | None = chart.fresh.get(known)
        if exempted is None:
            exempted = chart.fresh[known] = exemption(ruled_out, lasting, chart, moment)
        exempt, changes = exempted
        if exempt is None:
            return asked(chart, moment).also(changes)
        if evidence_of_it is not None and chart.present.isdisjoint(evidence_of_it):
            return exempt.also(changes)
        key = (PREGNANCY.concepts[0], moment.as_of)
        pregnant = chart.outcomes.get(key)
        if pregnant is None:
            pregnant = chart.outcomes[key] = pregnancy(chart, moment)
        found = asked(chart, moment) if pregnant.truth is Truth.MET else exempt
        return contradicted(found, exempt).also(changes + pregnant.changes)

    return evaluate


def contradicted(found: Outcome, exempt: Outcome) -> Outcome:
    """CONFLICTING where what nobody of this sex, age or history can have is found: a tumour may raise hCG, too."""
    if found.truth is not Truth.MET:
        return found
    return outcome(Reason.CONFLICTING, (*exempt.evidence, *found.evidence), found.changes)


def exemption(
    ruled_out: ConditionConcept, lasting: Duration | None, chart: Chart, moment: Moment
) -> tuple[Outcome | None, tuple[Change, ...]]:
    """Why the criterion does not apply, if it doesn't; and when that may change."""
    changes: tuple[Change, ...] = ()
    shown = _male(chart.record)
    if shown is None:
        shown, changes = _by_age(ruled_out, chart, moment)
    if shown is None:
        by = dict.fromkeys((*ruled_out.ruled_out_by, *chart.policy.pregnancy_ruled_out_by))
        shown, more = by_operation(tuple(by), lasting, chart, moment)
        changes += more
    return (None if shown is None else outcome(Reason.NOT_APPLICABLE, (shown,))), changes


def _male(record: PatientRecord) -> Evidence | None:
    """Everything that is recorded of sex says so: administrative gender, sex at birth, sex for clinical use."""
    gender = None if record.gender == "unknown" else record.gender
    recorded = {gender, record.birth_sex, record.clinical_sex} - {None}
    if recorded != {"male"}:
        return None
    element = "gender" if gender else "extension"
    return Evidence(record.subject, None, element, "male", None)


def _by_age(ruled_out: ConditionConcept, chart: Chart, moment: Moment) -> tuple[Evidence | None, tuple[Change, ...]]:
    """Surely younger than anybody who gets pregnant, or as old as the policy says."""
    birth, policy = chart.record.birth, chart.policy
    if birth is None:
        return None, ()
    if birth.first > moment.day:
        return None, (birth.first,)
    shown = Evidence(chart.record.subject, None, "birthDate", birth.text, birth.text)
    changes: tuple[Change, ...] = ()
    if ruled_out.ruled_out_below is not None:
        grown = birthday(birth.first, ruled_out.ruled_out_below)
        if moment.day < grown:
            return shown, (grown,)
    if policy.pregnancy_ruled_out_from is not None:
        reached = birthday(birth.last, policy.pregnancy_ruled_out_from)
        if reached <= moment.day:
            return shown, ()
        changes += (reached,)
    return None, changes


def by_operation(
    concepts: tuple[str, ...], lasting: Duration | None, chart: Chart, moment: Moment
) -> tuple[Evidence | None, tuple[Change, ...]]:
    """An operation on record; where what is asked may outlast it, one that is long enough ago."""
    changes: tuple[Change, ...] = ()
    for when, shown in _operations(concepts, chart):
        time = chart.span(when)
        if time is not None and moment.is_future(time):
            changes += (time.start,)
        elif lasting is None:
            return shown, changes
        elif time is not None:
            changes += moment.leaving(time.first, time.last, lasting)
            if _over(time, lasting, moment):
                return shown, changes
    return None, changes


def _over(time: Span, lasting: Duration, moment: Moment) -> bool:
    return moment.place(time.first, time.last, lasting) is Placed.BEFORE


def _operations(concepts: tuple[str, ...], chart: Chart) -> Iterator[tuple[When | None, Evidence]]:
    """Procedures that were done, and diagnoses that say so ("acquired absence of the uterus")."""
    for concept in concepts:
        for fact in chart.record.exposures.get(concept, ()):
            if not fact.ordered and not fact.open:
                when = fact.end or fact.start
                yield when, Evidence(fact.source.resource, fact.source.version, fact.element, fact.shown, _text(when))
        for entry in chart.record.conditions.get(concept, ()):
            if entry.verification is Verification.CONFIRMED:
                when = entry.onset or entry.recorded
                yield when, Evidence(entry.source.resource, entry.source.version, "code", entry.shown, _text(when))
