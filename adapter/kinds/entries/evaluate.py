"""Entries of a list: the strongest word among those that are what is asked, else what denies it.

One evaluation for every list (CONFORMANCE: Entries of lists). What an entry is of and what stands beside it are
compared each for itself, and the weakest of these comparisons is what the entry says.

Which report says that nothing of what is asked was found.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from adapter.criteria.calendar import Duration, Length
from adapter.criteria.terminology import Membership, Terminology
from adapter.criteria.value_set import Coding
from adapter.criteria.written import plain
from adapter.evaluator.chart import Chart
from adapter.evaluator.kind import Evaluation, Trial
from adapter.evaluator.lists import said_of
from adapter.evaluator.moment import Change, Moment, instant_of
from adapter.evaluator.negatives import Doubtful, Negative, Statement, denied, stated
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.kinds.entries.statement import Report
from adapter.kinds.exposure.statement import Lasts
from adapter.record.facts import Coded, EntryFact, EntryList, EntryStatus
from adapter.record.read_entry import CONCLUSION, WORDS

Compared = Callable[[EntryFact], Membership]
"""What one thing that an entry says is, of what is asked of it."""

Placing = Callable[[Lasts, Chart, Moment], tuple[Reason | None, tuple[Change, ...]]]
"""RECORDED where an entry's time is the one that is asked for, OUTSIDE_WINDOW or NO_DATA where it isn't, else why that
can't be said; None for what lies ahead. And when that changes."""

Elsewhere = Callable[[Chart, Moment], tuple[tuple[tuple[Reason, Evidence], ...], tuple[Change, ...]]]
"""What other lists say that leaves the answer open."""

Clears = Callable[[EntryFact, Chart, Moment], bool]
"""Whether an entry that is of what is asked says that nothing was found, for the whole time that is asked for."""


TakenBack = Callable[[EntryFact, Chart, Moment], tuple[bool, tuple[Change, ...]]]
"""Whether another entry may say of the same thing what this one is not; and when that changes."""


def stands(_fact: EntryFact, _chart: Chart, _moment: Moment) -> tuple[bool, tuple[Change, ...]]:
    """Of most lists no entry is about the same thing as another."""
    return False, ()


def clears_nothing(_fact: EntryFact, _chart: Chart, _moment: Moment) -> bool:
    """Of most lists no entry denies anything."""
    return False


_ORDER = (
    Reason.RECORDED,
    Reason.IMPRECISE_DATE,
    Reason.UNDATED,
    Reason.PRELIMINARY,
    Reason.NEEDS_REVIEW,
    Reason.STALE,
)

_PASSED = frozenset({Reason.OUTSIDE_WINDOW, Reason.NO_DATA})
"""Where an entry's time does not count."""

SHOWN = 3
"""So many entries that may be what is asked are shown where nothing else is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a statement asks of a list.

    `concepts`: what a negative must cover; the list itself where no concept is asked. `compared`: what an entry is of
    first. `absent`: value sets of explicit "no known …". `types`: the resource types that a negative stands on.
    `clears`: whether an entry that is of what is asked says that nothing was found. `taken_back`: whether another one
    may take back what it says.
    """

    of: EntryList
    concepts: tuple[str, ...]
    compared: tuple[Compared, ...]
    placing: Placing
    types: frozenset[str]
    absent: frozenset[str]
    elsewhere: Elsewhere
    clears: Clears = clears_nothing
    taken_back: TakenBack = stands


def of_concepts(
    concepts: Iterable[str], said: Callable[[EntryFact], tuple[Coded, ...]], terminology: Terminology
) -> Compared:
    """Compare what an entry says with concepts: one code that is one of them decides; nothing said is unclassified."""
    asked = tuple(concepts)

    return lambda fact: said_of(asked, said(fact), terminology)


class Told(NamedTuple):
    """An entry that is or may be what is asked: why it may not be, RECORDED where it is, and when that may change."""

    reason: Reason
    fact: EntryFact
    changes: tuple[Change, ...]


@dataclass(slots=True)
class Sorted:
    """What the entries of a list say.

    `found`: entries that are or may be what is asked; `passed`: those whose time does not count, or that are over;
    `doubtful`: those that nobody has classified; `statements`: explicit absences.
    """

    found: list[Told] = field(default_factory=list)
    passed: list[tuple[Reason, Evidence]] = field(default_factory=list)
    doubtful: list[EntryFact] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    changes: tuple[Change, ...] = ()


def bind_entries(asked: Asked, terminology: Terminology) -> Evaluation:
    """The evaluation of a statement."""

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        read = sort_entries(asked, terminology, chart, moment)
        elsewhere, changes = asked.elsewhere(chart, moment)
        changes += read.changes
        found = [*((each.reason, evidence_of(each.fact)) for each in read.found), *elsewhere]
        if not found:
            return _denied(asked, read, chart, moment).also(changes)
        reason, shown = min(found, key=lambda each: (_ORDER.index(each[0]), each[1].resource))
        return outcome(reason, (shown,), changes + _until_another(read.found, moment))

    return evaluate


def sort_entries(asked: Asked, terminology: Terminology, chart: Chart, moment: Moment) -> Sorted:
    """The entries of a list by what they say of what is asked."""
    read = Sorted()
    for fact in chart.record.entries.get(asked.of, ()):
        written = chart.span(fact.asserted)
        if written is not None and not fact.open_end and moment.is_future(written):
            read.changes += (written.start,)
        elif _is_absence(fact, asked, terminology):
            read.statements.append(_statement(fact, chart))
        else:
            _add(fact, asked, read, chart, moment)
    return read


def _add(fact: EntryFact, asked: Asked, read: Sorted, chart: Chart, moment: Moment) -> None:
    """Sort one entry by what it is, whether it happened, and when."""
    said = _compared(fact, asked)
    if said is Membership.NOT:
        return
    if said is not Membership.IS and fact.stands is EntryStatus.COUNTS and asked.clears(fact, chart, moment):
        read.statements.append(_statement(fact, chart))
        read.changes += asked.placing(fact, chart, moment)[1]
        if (end := chart.span(fact.end)) is not None and end.last < date.max:
            read.changes += (end.last + timedelta(days=1),)  # from then on it speaks of the past
        return
    start = chart.span(fact.start)
    if fact.stands is EntryStatus.PLANNED and (start is None or moment.is_future(start)):
        read.changes += () if start is None else (start.start,)
        return
    reason, changes = asked.placing(fact, chart, moment)
    if reason is None:
        read.changes += changes
    elif fact.stands is EntryStatus.OVER or reason in _PASSED:
        read.passed += [(reason, evidence_of(fact))] if said is Membership.IS else []
        read.changes += changes
    elif said is Membership.UNCLASSIFIED:
        read.doubtful.append(fact)
        read.changes += changes
    else:
        standing = _standing(fact, said, reason)
        if standing is Reason.RECORDED:
            taken_back, more = asked.taken_back(fact, chart, moment)
            read.changes += more
            standing = Reason.NEEDS_REVIEW if taken_back else standing
        read.found.append(Told(standing, fact, changes))


def _until_another(found: list[Told], moment: Moment) -> tuple[Change, ...]:
    """When the strongest word may be another: of several on record the last to leave counts."""
    recorded = [each.changes for each in found if each.reason is Reason.RECORDED]
    if not recorded:
        return tuple(change for each in found for change in each.changes)
    return () if not all(recorded) else (max(min(instant_of(each, moment) for each in told) for told in recorded),)


def _compared(fact: EntryFact, asked: Asked) -> Membership:
    """The weakest comparison; where what it is of fits, what nobody has classified beside it is a question."""
    said = [compare(fact) for compare in asked.compared]
    if Membership.NOT in said:
        return Membership.NOT
    if all(each is Membership.IS for each in said):
        return Membership.IS
    return Membership.UNCLASSIFIED if said[0] is Membership.UNCLASSIFIED else Membership.MAY_BE


def _standing(fact: EntryFact, said: Membership, placed: Reason) -> Reason:
    if placed is not Reason.RECORDED:
        return placed
    if fact.stands is EntryStatus.PRELIMINARY:
        return Reason.PRELIMINARY
    return Reason.RECORDED if said is Membership.IS and fact.stands is EntryStatus.COUNTS else Reason.NEEDS_REVIEW


def _denied(asked: Asked, read: Sorted, chart: Chart, moment: Moment) -> Outcome:
    """What denies it: an explicit absence, or the policy's word that nothing is missing on the list."""
    negatives, said, changes = stated(read.statements, asked.concepts, chart, moment)
    concepts = frozenset(asked.concepts)
    assumed = concepts if asked.of.value in chart.policy.complete_lists else concepts & chart.policy.assumed_absent
    may_be = [Doubtful(concepts, evidence_of(each)) for each in _newest_first(read.doubtful, chart)]
    shown = (*(evidence for _, evidence in read.passed), *(each.evidence for each in may_be[:SHOWN]))
    outside = said.reason is Reason.NO_DATA and any(reason is Reason.OUTSIDE_WINDOW for reason, _ in read.passed)
    nothing = outcome(Reason.OUTSIDE_WINDOW if outside else said.reason, said.evidence + shown)
    complete = [Negative(Reason.ASSUMED_ABSENT, assumed, None)] if assumed else []
    return denied(asked.concepts, asked.types, negatives, may_be, nothing, chart, complete).also(changes)


def _newest_first(facts: list[EntryFact], chart: Chart) -> list[EntryFact]:
    """Undated ones last."""

    def rank(fact: EntryFact) -> tuple[float, str]:
        time = chart.span(fact.start or fact.asserted)
        return (-time.start.timestamp() if time is not None else math.inf), fact.source.resource

    return sorted(facts, key=rank)


def _is_absence(fact: EntryFact, asked: Asked, terminology: Terminology) -> bool:
    return bool(asked.absent) and any(
        not asked.absent.isdisjoint(terminology.value_sets_of(code.system, code.code) or ())
        for each in fact.what
        for code in each.codes
    )


def _statement(fact: EntryFact, chart: Chart) -> Statement:
    said = chart.span(fact.asserted or fact.end or fact.start)
    return Statement(said, fact.stands is EntryStatus.COUNTS, evidence_of(fact))


def evidence_of(fact: EntryFact) -> Evidence:
    """The evidence that an entry is; its time is its last known day."""
    when = fact.end or fact.start or fact.asserted
    return Evidence(fact.source.resource, fact.source.version, fact.element, fact.shown, when.text if when else None)


NORMAL = "report-normal"
"""The value set of conclusions that nothing was found, whatever the examination."""


def found_nothing(statement: Report, trial: Trial) -> Clears:
    """Whether a report of the examination concludes, in every code and word, that nothing was found, all the time.

    It speaks for its own time: for `ever`, and for a window that reaches outside that, it says too little.
    """
    terminology, window = trial.terminology, statement.look_back
    if not statement.concepts or window is None:
        return clears_nothing
    held = terminology.value_sets.get(NORMAL)
    words = {plain(terminology.display(each.system, each.code) or "") for each in held.codes} if held else set()

    def is_normal(code: Coding) -> bool:
        return NORMAL in (terminology.value_sets_of(code.system, code.code) or ())

    def clears(fact: EntryFact, chart: Chart, moment: Moment) -> bool:
        said = fact.beside.get(CONCLUSION, ())
        return (
            bool(said)
            and said_of(statement.concepts, fact.what, terminology) is Membership.IS
            and all(each.codes and all(map(is_normal, each.codes)) for each in said)
            and all(plain(each.shown) in words for each in fact.beside.get(WORDS, ()))
            and _covers(fact, window, chart, moment)
        )

    return clears


def _covers(fact: EntryFact, window: Length, chart: Chart, moment: Moment) -> bool:
    """Whether an entry's own time holds the whole window, from its beginning until now."""
    start, end = chart.span(fact.start), chart.span(fact.end)
    if start is None or end is None:
        return False
    if isinstance(window, Duration):
        return start.last <= moment.window_start(window) and end.first >= moment.day
    return start.end <= moment.as_of - window.back and end.start >= moment.as_of
