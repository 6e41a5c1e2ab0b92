"""A condition that tests settle: what they say together, by table (CONFORMANCE: Conditions with tests).

What one laboratory test says of an infection: its latest result, and what earlier ones add.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from adapter.criteria.calendar import birthday
from adapter.criteria.catalogue import Analyte, Catalogue
from adapter.criteria.infection import Answer, InfectionRule, InfectionTable, InfectionTest, Seen
from adapter.criteria.model import Finding
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import MET, NOT_MET
from adapter.evaluator.chart import Chart, Reading
from adapter.evaluator.finding import finding
from adapter.evaluator.latest import Latest, evidence, latest, nothing_dated
from adapter.evaluator.moment import INSIDE, Change, Moment, Placed, Span
from adapter.evaluator.negatives import SHOWN, denied
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import CONDITION
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.kinds.condition.entries import (
    Entry,
    doubtful,
    entries,
    evidence_of,
    named_elsewhere,
    nothing,
    of_entry,
    recorded,
)
from adapter.kinds.condition.standing import OPEN, Diagnosis, Standing, diagnosis, time_of
from adapter.kinds.condition.statement import Condition, SettlingTest


class Result(Struct, frozen=True, gc=False):
    """A test at a moment.

    `seen`: every word of the tables that fits. `open`: why its latest result says nothing, None if it says something.
    `untold`: whether that is a fresh result which may be positive as well. `tentative`: a result not
    before it, or of whatever day, that is not final, or undated, and not negative. `at`: when the latest result was
    measured, its earliest and latest instant.
    """

    seen: frozenset[Seen]
    open: Outcome | None
    tentative: tuple[Reading, ...]
    at: tuple[datetime, datetime] | None
    evidence: tuple[Evidence, ...]
    changes: tuple[Change, ...]
    untold: bool = False


_NOTHING = Result(frozenset({Seen.NONE, Seen.NEVER_POSITIVE}), outcome(Reason.NO_DATA), (), None, (), ())
"""A test that the record doesn't know."""


def result(test: InfectionTest, analyte: Analyte, chart: Chart, moment: Moment) -> Result:
    """What is seen of a test."""
    known = chart.readings(analyte)
    if not known:
        return _NOTHING
    readings = _of_age(test, known, chart)
    positives = [
        each for each in readings if _counts(each, moment) and finding(each, analyte, chart) is Finding.POSITIVE
    ]
    newest = latest(readings, moment)
    if newest is None:
        nothing = nothing_dated(readings, moment)
        seen = {Seen.NONE, Seen.WAS_POSITIVE if positives else Seen.NEVER_POSITIVE}
        seen |= {Seen.UNANSWERED} if positives else set()
        waiting = tentative(readings, None, analyte, chart, moment)
        return Result(frozenset(seen), nothing, waiting, None, evidence(positives, named=True), nothing.changes)
    window = chart.policy.freshness[analyte.freshness]
    found = _agreed(newest, analyte, chart)
    time = newest.time
    placed, left = moment.stands(time, window)
    undecided = found if isinstance(found, Reason) else None if placed is INSIDE else _PLACED[placed]
    shown = own = evidence(newest.readings, named=True)
    if positives or len(own) > 1:  # what was ever positive stands beside it
        shown = tuple(dict.fromkeys((*evidence(positives[-1:], named=True), *own)))
    return Result(
        _seen(found, fresh=placed is INSIDE, was_positive=bool(positives)),
        None if undecided is None else outcome(undecided, own),
        tentative(readings, newest, analyte, chart, moment),
        (time.start, time.end),
        shown,
        newest.changes + left,
        isinstance(found, Reason) and placed is INSIDE and _may_be_positive(newest, analyte, chart),
    )


_PLACED = {Placed.BEFORE: Reason.STALE, Placed.STRADDLES: Reason.IMPRECISE_DATE}


@lru_cache(256)  # there are few
def _seen(found: Finding | Reason, *, fresh: bool, was_positive: bool) -> frozenset[Seen]:
    """What is seen of a test by its latest result, which can be read."""
    seen = {Seen.WAS_POSITIVE if was_positive else Seen.NEVER_POSITIVE}
    if was_positive and found is not Finding.NEGATIVE:
        seen.add(Seen.UNANSWERED)
    if found is Finding.POSITIVE:
        seen |= {Seen.POSITIVE, Seen.FRESH_POSITIVE} if fresh else {Seen.POSITIVE}
    elif found is Finding.NEGATIVE:
        seen |= {Seen.NEGATIVE, Seen.FRESH_NEGATIVE} if fresh else {Seen.NEGATIVE}
    return frozenset(seen)


def _of_age(test: InfectionTest, readings: tuple[Reading, ...], chart: Chart) -> tuple[Reading, ...]:
    """Without the results of an infant, where they say nothing of it."""
    born = chart.record.birth
    if test.from_age is None or born is None:
        return readings
    reached = birthday(born.first, test.from_age)
    return tuple(each for each in readings if each.time is None or each.time.last >= reached)


def _counts(reading: Reading, moment: Moment) -> bool:
    return reading.counts and (reading.time is None or not moment.is_future(reading.time))


_BELOW = frozenset({Finding.NEGATIVE, Reason.VALUE_STRADDLES})


def _may_be_positive(newest: Latest, analyte: Analyte, chart: Chart) -> bool:
    """Whether one of them is neither negative nor an amount below what the test can measure (`<10`)."""
    return any(finding(reading, analyte, chart) not in _BELOW for reading in newest.readings)


def _agreed(newest: Latest, analyte: Analyte, chart: Chart) -> Finding | Reason:
    if len(newest.readings) == 1:
        return finding(newest.readings[0], analyte, chart)
    found = {finding(reading, analyte, chart) for reading in newest.readings}
    if len(found) == 1:
        return found.pop()
    return Reason.CONFLICTING if newest.same_time else Reason.IMPRECISE_DATE


def tentative(
    readings: tuple[Reading, ...], newest: Latest | None, analyte: Analyte, chart: Chart, moment: Moment
) -> tuple[Reading, ...]:
    """The last result, not before the latest one, that is not final, or undated, and may turn it round, if any.

    An amount below what the test can measure turns nothing round, as a final one does not.
    """
    later = [
        each
        for each in readings
        if (not each.counts or each.time is None)
        and (each.time is None or _is_later_than(each.time, newest, moment))
        and finding(each, analyte, chart) not in _BELOW
    ]
    return tuple(later[-1:])


def _is_later_than(time: Span, newest: Latest | None, moment: Moment) -> bool:
    return not moment.is_future(time) and (newest is None or time.last >= newest.last)


_REASONS = {
    Answer.MET: Reason.TEST_POSITIVE,
    Answer.NOT_MET: Reason.TEST_NEGATIVE,
    Answer.NEEDS_REVIEW: Reason.NEEDS_REVIEW,
}

Fitting = dict[tuple[frozenset[Seen], ...], tuple[InfectionRule, ...]]
"""The rules of a table that fit by what is seen of its tests, in its order; there are few words to be seen."""


def table_of(concepts: tuple[str, ...], tests: tuple[SettlingTest, ...], catalogue: Catalogue) -> InfectionTable:
    """The table of the condition; where the catalogue has none, one of the tests that the criterion names."""
    known = catalogue.infections
    return known[concepts[0]] if len(concepts) == 1 and concepts[0] in known else _plain_table(tests)


def bind_infection(statement: Condition, terminology: Terminology) -> Callable[[Chart, Moment], Outcome]:
    """What is on record and what the tests say; where they contradict each other, both are shown.

    Only tests deny: neither a closed nor a refuted entry does, nor a statement of absence; the policy may assume.
    """
    asked = diagnosis(statement, terminology)
    table = table_of(statement.concepts, statement.tests, terminology.catalogue)
    analytes = {name: terminology.catalogue.analytes[test.analyte] for name, test in table.tests.items()}
    fitting: Fitting = {}

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found, later = entries(asked, chart, moment)
        seen = {name: result(test, analytes[name], chart, moment) for name, test in table.tests.items()}
        changes = later + tuple([change for entry in found for change in entry.changes])
        changes += tuple([change for each in seen.values() for change in each.changes])
        by_tests = _by_table(table, fitting, seen, has_entry=bool(found))
        if found and found[0].standing is Standing.RECORDED:
            against = _against(table, seen, found, chart)
            if against and (by_tests is None or by_tests.truth is not MET):
                return outcome(Reason.CONFLICTING, (evidence_of(found[0]), *against), changes)
            return recorded(found, statement).also(changes)
        if by_tests is None:
            by_tests = of_entry(found[0]) if found and found[0].standing in OPEN else _unsettled(seen)
        if by_tests.reason is Reason.NO_DATA:
            possible, more = doubtful(found, asked, chart, moment)
            by_tests = denied(asked.names, CONDITION.types, [], possible, nothing(found, by_tests), chart).also(more)
        elif by_tests.truth is NOT_MET:
            by_tests = _unless_named(by_tests, seen, found, asked, chart, moment)
        return by_tests.also(changes)

    return evaluate


def _unless_named(
    negative: Outcome,
    seen: Mapping[str, Result],
    found: list[Entry],
    asked: Diagnosis,
    chart: Chart,
    moment: Moment,
) -> Outcome:
    """Tests deny what was suspected or named before them; not what was since, nor ever what lasts for life."""
    named, changes = named_elsewhere(asked, chart, moment)
    measured = max(
        (each.at[1] for each in seen.values() if each.at is not None and Seen.NEGATIVE in each.seen), default=None
    )
    lifelong = any(concept.lifelong for concept in asked.concepts)
    against = [
        each.evidence
        for each in named
        if lifelong
        or each.ended is None
        or measured is None
        or each.ended.end >= measured  # of one day: which is later?
    ]
    against += [
        evidence_of(each)
        for each in found
        if each.standing in OPEN and _is_since(chart.span(each.fact.recorded or each.fact.onset), measured)
    ]
    if not against:
        return negative.also(changes)
    return outcome(Reason.NEEDS_REVIEW, (*against[:SHOWN], *negative.evidence), negative.changes).also(changes)


def _is_since(said: Span | None, measured: datetime | None) -> bool:
    return said is None or measured is None or said.start > measured


def _by_table(
    table: InfectionTable, fitting: Fitting, seen: Mapping[str, Result], *, has_entry: bool
) -> Outcome | None:
    """What the first rule that fits says; a negative waits for what may overturn it.

    That is a later result that is not final, and a fresh one that may be positive: indeterminate, or unreadable.
    """
    rule = _first(table, fitting, seen, has_entry=has_entry)
    if rule is None:
        return None
    shown = tuple([item for name in rule.when for item in seen[name].evidence])
    if rule.answer is Answer.NOT_MET:
        if tentative := tuple([item for each in seen.values() for item in each.tentative]):
            return unsure(tentative, shown)
        for name, each in seen.items():
            if each.untold and each.open is not None:
                turned = _first(table, fitting, {**seen, name: replace(each, seen=_POSITIVE)}, has_entry=has_entry)
                if turned is None or turned.answer is not Answer.NOT_MET:
                    return outcome(each.open.reason, (*each.evidence, *shown))
    return outcome(_REASONS[rule.answer], shown)


_POSITIVE = frozenset({Seen.POSITIVE, Seen.FRESH_POSITIVE, Seen.WAS_POSITIVE, Seen.UNANSWERED})
"""What would be seen of a test if its fresh latest result were positive."""


def unsure(waiting: Sequence[Reading], shown: Iterable[Evidence]) -> Outcome:
    """What a negative comes to beside results that may turn it round, and are not final, or undated."""
    undated = all(each.counts for each in waiting)
    return outcome(Reason.UNDATED if undated else Reason.PRELIMINARY, (*evidence(waiting, named=True), *shown))


def _first(
    table: InfectionTable, fitting: Fitting, seen: Mapping[str, Result], *, has_entry: bool
) -> InfectionRule | None:
    words = tuple([each.seen for each in seen.values()])
    rules = fitting.get(words)
    if rules is None:
        rules = fitting[words] = tuple(rule for rule in table.rules if _is_seen(rule, seen))
    return next((rule for rule in rules if _stands(rule, seen, has_entry=has_entry)), None)


def _is_seen(rule: InfectionRule, seen: Mapping[str, Result]) -> bool:
    return all(seen[name].seen.issuperset(words) for name, words in rule.when.items())


def _stands(rule: InfectionRule, seen: Mapping[str, Result], *, has_entry: bool) -> bool:
    """Whether a rule whose words are seen fits by the order of the results and what is on record."""
    return (
        not (rule.without_entry and has_entry)
        and (not rule.later or all(_is_later(seen[one], seen[other], same=False) for one, other in rule.later.items()))
        and (
            not rule.not_before
            or all(_is_later(seen[one], seen[other], same=True) for one, other in rule.not_before.items())
        )
    )


def _is_later(one: Result, other: Result, *, same: bool) -> bool:
    """Whether a result was measured after the other, or, with `same`, at least not before it."""
    if one.at is None or other.at is None:
        return False
    return one.at[1] >= other.at[0] if same else one.at[0] > other.at[1]


def _against(
    table: InfectionTable, seen: Mapping[str, Result], found: list[Entry], chart: Chart
) -> tuple[Evidence, ...]:
    """The fresh negative tests that contradict the entry: those measured no earlier than what it speaks of."""
    begun = time_of(found[0].fact, chart)
    return tuple(
        item
        for name in table.contradict
        if Seen.FRESH_NEGATIVE in seen[name].seen
        and (begun is None or (measured := seen[name].at) is None or measured[1] >= begun.start)
        for item in seen[name].evidence
    )


def _unsettled(seen: Mapping[str, Result]) -> Outcome:
    """Why the tests leave it open: the first of them that has a result says so."""
    opened = [each.open for each in seen.values() if each.open is not None]
    return next((each for each in opened if each.reason is not Reason.NO_DATA), outcome(Reason.NO_DATA))


def _plain_table(tests: tuple[SettlingTest, ...]) -> InfectionTable:
    """Each test by itself: a positive one that confirms decides before a negative one."""
    names = {test.analyte: test for test in tests}

    def rule(name: str, word: Seen, answer: Answer) -> InfectionRule:
        return InfectionRule(when={name: (word,)}, later={}, not_before={}, without_entry=False, answer=answer)

    confirming = [name for name, test in names.items() if test.confirms]
    asking = [name for name, test in names.items() if not test.confirms]
    positive = [
        rule(name, Seen.POSITIVE if names[name].lifelong else Seen.FRESH_POSITIVE, Answer.MET) for name in confirming
    ]
    return InfectionTable(
        tests={name: InfectionTest(name) for name in names},
        contradict=tuple(names),
        rules=(
            *positive,
            *(rule(name, Seen.FRESH_NEGATIVE, Answer.NOT_MET) for name in confirming),
            *(rule(name, Seen.FRESH_POSITIVE, Answer.NEEDS_REVIEW) for name in asking),
            *(rule(name, Seen.FRESH_NEGATIVE, Answer.NOT_MET) for name in asking),
        ),
    )
