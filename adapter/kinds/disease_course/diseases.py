"""What a `disease-course` criterion says, and the diseases and blasts on record that it is asked of.

The diseases on record that a course is asked of, one at a time, and what is said of the course of each.

The blasts counted since a remission.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, StrEnum, auto

from msgspec import Struct

from adapter.criteria.catalogue import Analyte, Breadth
from adapter.criteria.extent import ListKind
from adapter.criteria.model import Leaf
from adapter.criteria.quantity import QuantityThreshold
from adapter.evaluator.chart import Chart, Reading, in_time
from adapter.evaluator.latest import evidence
from adapter.evaluator.moment import Change, Moment, Span
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.kinds.condition.standing import is_ahead
from adapter.kinds.measurement.compare import Compare
from adapter.record.facts import UNREADABLE, ConditionFact, Verification


class Course(StrEnum):
    """A disease's course that a trial asks for (CONFORMANCE: Course of a disease)."""

    RELAPSED = "relapsed"
    REFRACTORY = "refractory"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiseaseCourse(Leaf):
    """A disease has relapsed, or is refractory (any of `courses`).

    `blasts` are analytes whose value above `blast_threshold` proves a relapse beside a recorded remission.
    `after`: what the source asks to have gone before and no data carry (lines of therapy); with it the answer is
    never met without an attestation.
    """

    concepts: tuple[str, ...]
    courses: tuple[Course, ...]
    blasts: tuple[str, ...] = ()
    blast_threshold: QuantityThreshold | None = None
    after: str | None = None


_NEVER = datetime.min.replace(tzinfo=UTC)


ACTIVE_COURSES = frozenset({"course-relapse", "course-refractory"})
"""The value sets of codes by which a disease is there, and not in remission."""


class CourseEvent(Enum):
    """What one Condition says of the course."""

    RELAPSE = auto()
    REMISSION = auto()
    REFRACTORY = auto()
    NOTHING = auto()


class Word(Struct, frozen=True, gc=False):
    """One word on the course.

    `time`: of what it speaks, or when it was recorded. `now`: it is a problem's status, and so of today. `dated`: a
    remission whose day is known (an abatement, the day of an encounter), not only when somebody wrote it down.
    """

    said: CourseEvent
    time: Span | None
    fact: ConditionFact
    now: bool = False
    dated: bool = False


@dataclass(slots=True)
class Disease:
    """The entries of one disease. `kinds`: the single diseases that it may be. `certain`: an entry is one asked for."""

    kinds: frozenset[str]
    begun: Span | None
    certain: bool = False
    words: list[Word] = field(default_factory=list)

    def of(self, said: CourseEvent) -> list[Word]:
        """The words of one meaning, oldest first, undated ones before all."""
        return [word for word in self.words if word.said is said]


def diseases(concepts: Sequence[str], facts: Iterable[ConditionFact], chart: Chart, moment: Moment) -> list[Disease]:
    """The diseases of the entries, the one that began last at the end; undated ones first.

    Entries that may be the same single disease are one: T-ALL, and what ICD calls acute lymphoblastic leukaemia.
    """
    asked = frozenset(concepts)
    found: list[Disease] = []
    for fact in sorted(facts, key=lambda each: _order(each, chart)):
        said = chart.terminology.classified(ListKind.CONDITIONS, fact.codes)
        kinds = _single((*said.is_, *said.may_be), chart) or frozenset(
            f"{code.system}|{code.code}" for code in fact.codes
        )
        home = next((each for each in reversed(found) if each.kinds & kinds), None)
        if home is None:
            home = Disease(kinds, _begun(fact, chart))
            found.append(home)
        else:
            home.kinds &= kinds
        home.certain |= not asked.isdisjoint(said.is_)
        home.words += _words(fact, chart, moment)
    return found


def _single(concepts: Iterable[str], chart: Chart) -> frozenset[str]:
    known = chart.terminology.catalogue.conditions
    return frozenset(name for name in concepts if known[name].breadth is Breadth.ENTITY)


def _begun(fact: ConditionFact, chart: Chart) -> Span | None:
    return chart.span(fact.onset or fact.recorded)


def _order(fact: ConditionFact, chart: Chart) -> tuple[datetime, str]:
    begun = _begun(fact, chart)
    return (begun.start if begun else _NEVER, fact.source.resource)


def _words(fact: ConditionFact, chart: Chart, moment: Moment) -> list[Word]:
    """What an entry says; a suspicion says nothing, but it says it later.

    A code of relapse says an end too where its entry is closed, or has a code of remission beside it; a status of
    relapse is of today, whatever the code was when it was chosen.
    """
    recorded = chart.span(fact.recorded) or chart.span(fact.onset)
    now = not fact.encounter
    if fact.verification is Verification.UNCONFIRMED:
        return [Word(CourseEvent.NOTHING, recorded, fact)]
    found = []
    relapsed = fact.clinical in ("relapse", "recurrence")
    ended = chart.span(fact.abatement)
    past = ended is not None and not moment.is_future(ended)
    if relapsed:
        found.append(Word(CourseEvent.RELAPSE, recorded, fact, now=now))
    elif "course-relapse" in fact.value_sets:
        found.append(Word(CourseEvent.RELAPSE, recorded, fact))
    if not relapsed and (fact.clinical == "remission" or "course-remission" in fact.value_sets):
        found.append(Word(CourseEvent.REMISSION, ended if past else recorded, fact, dated=past or fact.encounter))
    elif not relapsed and not ACTIVE_COURSES.isdisjoint(fact.value_sets) and (past or _is_over(fact)):
        found.append(Word(CourseEvent.REMISSION, ended if past else recorded, fact, dated=past))
    if "course-refractory" in fact.value_sets:
        found.append(Word(CourseEvent.REFRACTORY, recorded, fact))
    return found or [Word(CourseEvent.NOTHING, chart.span(fact.onset or fact.recorded), fact)]


def _is_over(fact: ConditionFact) -> bool:
    """Whether a status, or words for an end, say that an entry is closed; a status that can't be read may say it."""
    return fact.clinical in ("inactive", "resolved", UNREADABLE) or (fact.abated and fact.abatement is None)


def bearing(
    concepts: Sequence[str], chart: Chart, moment: Moment
) -> tuple[list[ConditionFact], list[ConditionFact], tuple[Change, ...]]:
    """The entries that are or may be the diseases, those that nobody has classified, and when later ones will count."""
    known: dict[str, ConditionFact] = {}
    unclassified: dict[str, ConditionFact] = {}
    changes: list[Change] = []
    for concept in concepts:
        listed = chart.conditions.get(concept)
        if listed is None:
            continue
        known |= {fact.source.resource: fact for fact in (*listed.is_, *listed.may_be)}
        unclassified |= {fact.source.resource: fact for fact in listed.unclassified}
    for fact in known.values():
        ended = chart.span(fact.abatement)
        if ended is not None and moment.is_future(ended):
            changes.append(ended.start)
    kept: list[list[ConditionFact]] = []
    for facts in (known, {name: fact for name, fact in unclassified.items() if name not in known}):
        counted = []
        for name in sorted(facts):
            time = _begun(facts[name], chart)
            if time is not None and is_ahead(facts[name], time, moment):
                changes.append(time.start)
            else:
                counted.append(facts[name])
        kept.append(counted)
    return kept[0], kept[1], tuple(changes)


def is_after(time: Span | None, other: Span | None) -> bool:
    """Whether one time is known to lie after another."""
    return time is not None and other is not None and time.start > other.end


def may_be_after(time: Span | None, other: Span | None) -> bool:
    """Whether one time may lie after another."""
    return time is None or other is None or time.end > other.start


def evidence_of(word: Word) -> Evidence:
    """The evidence that a word is."""
    fact = word.fact
    element = "clinicalStatus" if fact.clinical and word.said is not CourseEvent.NOTHING else "code"
    when = fact.abatement if word.said is CourseEvent.REMISSION and fact.abatement else fact.onset or fact.recorded
    text = f"{fact.shown} ({fact.clinical})" if fact.clinical else fact.shown
    return Evidence(fact.source.resource, fact.source.version, element, text, when.text if when else None)


MARROW = "blasts-marrow"
"""The count that dates a remission, and that may show another one after a relapse."""


class Blasts(Struct, frozen=True, gc=False):
    """What was counted.

    `above`: counts above the threshold that may have been made after the remission, oldest first; `proved`: one of them
    was, and no later marrow is at or below it. `low`, `clear`: the marrows at or below it, shown and by their times.
    `doubtful`: counts that may be above it and can't be settled.
    """

    above: tuple[Reading, ...]
    proved: bool
    clear: tuple[Span, ...]
    low: tuple[Evidence, ...]
    doubtful: tuple[Evidence, ...]
    changes: tuple[Change, ...]

    def cleared(self, since: Span | None) -> bool:
        """Whether a marrow after that time was clear."""
        return any(since is None or is_after(time, since) for time in self.clear)


def blasts_since(last: Word | None, counted: Sequence[tuple[Analyte, Compare]], chart: Chart, moment: Moment) -> Blasts:
    """The counts of all analytes against the last remission; without one they prove nothing."""
    above: list[Reading] = []
    clear: list[Reading] = []
    doubtful: list[Reading] = []
    changes: list[Change] = []
    for analyte, compare in counted:
        for reading in chart.readings(analyte):
            if reading.time is not None and moment.is_future(reading.time):
                changes.append(reading.time.start)
                continue
            reason = compare(reading, chart)[0]
            settled = reading.counts and reading.time is not None
            if reason is Reason.VALUE_FAILS:
                clear += [reading] if settled and analyte.id == MARROW else []
            elif last is not None and may_be_after(reading.time, last.time):
                (above if settled and reason is Reason.VALUE_SATISFIES else doubtful).append(reading)
    above.sort(key=in_time)
    clear.sort(key=in_time)
    times = tuple(each.time for each in clear if each.time is not None)
    return Blasts(
        above=tuple(above),
        proved=last is not None and _proved(last, above, times),
        clear=times,
        low=evidence(clear[-1:], named=True),
        doubtful=evidence(doubtful, named=True),
        changes=tuple(changes),
    )


def _proved(last: Word, above: list[Reading], clear: tuple[Span, ...]) -> bool:
    """Whether a count came after a remission whose day is known, and no clear marrow after it.

    A remission that is only written down somewhere is dated by a clear marrow before the count.
    """
    for reading in above:
        since = [last.time] if last.dated else [time for time in clear if not is_after(time, last.time)]
        after = any(is_after(reading.time, time) for time in since)
        if after and not any(is_after(time, reading.time) for time in clear):
            return True
    return False
