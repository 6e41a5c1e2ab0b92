"""How a Condition on record stands to a diagnosis that is asked for, at a moment (CONFORMANCE: Conditions)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum, auto

from adapter.criteria.calendar import Duration, Length
from adapter.criteria.catalogue import ConditionConcept
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth, conjunction
from adapter.evaluator.chart import Chart
from adapter.evaluator.extent import ONGOING, SURE, Days, Extent, Reply, days, ended
from adapter.evaluator.moment import Change, Moment, Placed, Span
from adapter.evaluator.negatives import LIST
from adapter.evaluator.reason import Reason
from adapter.kinds.condition.statement import Condition, Occurrence, Qualifier
from adapter.kinds.timing import Timed, answered
from adapter.record.facts import CLOSED, UNREADABLE, ConditionFact, Verification


class Standing(IntEnum):
    """What an entry comes to, the strongest word first: the first one among several entries decides."""

    RECORDED = auto()
    POSSIBLE = auto()
    LIFELONG = auto()
    CONTRADICTED = auto()
    UNREADABLE = auto()
    IMPRECISE = auto()
    UNDATED = auto()
    UNCONFIRMED = auto()
    STALE = auto()
    REFUTED = auto()
    RESOLVED = auto()
    SHORT = auto()
    FAILS = auto()
    OUTSIDE = auto()


OPEN = frozenset(each for each in Standing if each < Standing.REFUTED)
"""What leaves no room for a negative: the concept is on record, or may be."""

REASONS = {
    Standing.RECORDED: Reason.RECORDED,
    Standing.POSSIBLE: Reason.NEEDS_REVIEW,
    Standing.LIFELONG: Reason.NEEDS_REVIEW,
    Standing.CONTRADICTED: Reason.CONFLICTING,
    Standing.UNREADABLE: Reason.NEEDS_REVIEW,
    Standing.IMPRECISE: Reason.IMPRECISE_DATE,
    Standing.UNDATED: Reason.UNDATED,
    Standing.UNCONFIRMED: Reason.UNCONFIRMED,
    Standing.STALE: Reason.STALE,
    Standing.REFUTED: Reason.REFUTED,
    Standing.RESOLVED: Reason.RESOLVED,
    Standing.SHORT: Reason.VALUE_FAILS,
    Standing.FAILS: Reason.VALUE_FAILS,
    Standing.OUTSIDE: Reason.OUTSIDE_WINDOW,
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The concepts of a condition criterion, looked up once.

    `levels`: of severity, stage and grade, as far as they are asked, the levels that will do. `timed`: what is asked of
    an entry's time; None if nothing is. `names`: the concepts' ids; `present`: whether it asks only for what is present
    now.
    """

    concepts: tuple[ConditionConcept, ...]
    other_than: tuple[ConditionConcept, ...]
    absent: frozenset[str]
    occurrence: Occurrence
    look_back: Length | None
    qualifier: Qualifier | None
    levels: tuple[frozenset[str], ...] = ()
    timed: Timed | None = None

    names: tuple[str, ...] = field(init=False)
    present: bool = field(init=False)

    def __post_init__(self) -> None:
        """Found once: it is asked for each patient."""
        object.__setattr__(self, "names", tuple(concept.id for concept in self.concepts))
        object.__setattr__(self, "present", self.occurrence is Occurrence.ACTIVE and self.look_back is None)


def diagnosis(statement: Condition, terminology: Terminology) -> Diagnosis:
    """Resolve a condition criterion's concepts."""
    catalogue = terminology.catalogue.conditions
    concepts = tuple(catalogue[name] for name in statement.concepts)
    return Diagnosis(
        concepts=concepts,
        other_than=tuple(catalogue[name] for name in statement.other_than),
        absent=frozenset.intersection(*(frozenset(concept.absent) for concept in concepts)),
        occurrence=statement.when,
        look_back=statement.window,
        qualifier=statement.qualifier,
        levels=statement.levels,
        timed=statement if statement.asks_time else None,
    )


def time_of(fact: ConditionFact, chart: Chart) -> Span | None:
    """The time of an entry: its onset, else when it was recorded."""
    return chart.span(fact.onset or fact.recorded)


def is_ahead(fact: ConditionFact, time: Span, moment: Moment) -> bool:
    """Whether an entry of this time doesn't count yet; an age that the patient has yet to reach is a slip."""
    return moment.is_future(time) and not fact.at_age


def standing_of(
    fact: ConditionFact, concepts: Iterable[ConditionConcept], asked: Diagnosis, chart: Chart, moment: Moment
) -> tuple[Standing, tuple[Change, ...]]:
    """What an entry of these concepts comes to."""
    if fact.verification is Verification.REFUTED:
        return _refuted(fact, asked.look_back, chart, moment)
    if asked.look_back is not None:
        standing, changes = _placed(fact, asked.look_back, asked.occurrence, chart, moment)
    elif asked.occurrence is Occurrence.EVER:
        standing, changes = Standing.RECORDED, ()
    else:
        standing, changes = activity(fact, chart, moment)
        if standing is Standing.RECORDED and (stands := _stands(fact, concepts, chart)) is not None:
            standing, more = _passing(fact, stands, chart, moment)
            changes += more
    if standing is Standing.RECORDED and (asked.levels or asked.timed is not None):
        standing, more = _as_asked(fact, asked, chart, moment)
        changes += more
    if fact.verification is Verification.UNCONFIRMED and standing not in _NO_DOUBT:
        return Standing.UNCONFIRMED, changes
    return standing, changes


_NO_DOUBT = frozenset({Standing.OUTSIDE, Standing.RESOLVED, Standing.SHORT, Standing.FAILS})
"""What even a confirmed entry would not be."""


def _as_asked(
    fact: ConditionFact, asked: Diagnosis, chart: Chart, moment: Moment
) -> tuple[Standing, tuple[Change, ...]]:
    """Whether an entry is as severe, as far advanced, as old and as long as is asked.

    A beginning that is only known by its recording says no more than that it is not later.
    """
    graded = conjunction([_level(fact, levels) for levels in asked.levels])
    if graded is Truth.NOT_MET:
        return Standing.FAILS, ()
    said = SURE if asked.timed is None else _of_time(fact, asked.timed, chart, moment)
    if said.truth is Truth.NOT_MET:
        return Standing.SHORT if fact.onset is not None else Standing.OUTSIDE, said.changes
    if graded is Truth.UNKNOWN:
        return Standing.POSSIBLE, said.changes
    if said.truth is Truth.UNKNOWN:
        return _OPEN_TIMES.get(said.reason, Standing.POSSIBLE), said.changes
    return Standing.RECORDED, said.changes


def _of_time(fact: ConditionFact, asked: Timed, chart: Chart, moment: Moment) -> Reply:
    return answered(asked, extent_of(fact, chart), fact.onset or fact.recorded, chart, moment)


_OPEN_TIMES = {Reason.IMPRECISE_DATE: Standing.IMPRECISE, Reason.UNDATED: Standing.UNDATED}


def _level(fact: ConditionFact, levels: frozenset[str]) -> Truth:
    """Whether an entry says one of the levels; unknown where it says none, or another one besides."""
    sort = sort_of(levels)
    said = frozenset(each for each in fact.levels if each.partition("-")[0] == sort and each not in SUMMARIES)
    if not said or not (said <= levels or said.isdisjoint(levels)):
        return Truth.UNKNOWN
    return Truth.MET if said <= levels else Truth.NOT_MET


def sort_of(levels: frozenset[str]) -> str:
    """Whether levels are of severity, stage or grade."""
    return next(iter(levels)).partition("-")[0]


SUMMARIES = frozenset({"severity-not-severe", "stage-advanced", "stage-not-advanced"})
"""Value sets that tell less than the level does."""


def extent_of(fact: ConditionFact, chart: Chart) -> Extent:
    """When a disease began and ended, as far as its entry says. An encounter diagnosis is of its day."""
    onset, recorded = chart.span(fact.onset), chart.span(fact.recorded)
    if onset is not None or (fact.encounter and recorded is not None):
        begin = days(onset or recorded)
    else:
        begin = Days(None, recorded.last if recorded is not None else None)
    if fact.abatement is not None:
        return Extent(begin, days(chart.span(fact.abatement)))
    if fact.abated or fact.clinical in CLOSED or "course-remission" in fact.value_sets:
        return ended(begin)
    if fact.encounter or fact.clinical == UNREADABLE:
        return Extent(begin, Days(begin.first, None))
    return Extent(begin, ONGOING)


def _refuted(
    fact: ConditionFact, look_back: Length | None, chart: Chart, moment: Moment
) -> tuple[Standing, tuple[Change, ...]]:
    """A refutation from before the window says nothing of the time inside."""
    time = time_of(fact, chart)
    if look_back is None or time is None:
        return Standing.REFUTED, ()
    outside = moment.place_time(time, look_back) is Placed.BEFORE
    return Standing.OUTSIDE if outside else Standing.REFUTED, moment.leaving_time(time, look_back)


def activity(  # noqa: PLR0911  # one line a case
    fact: ConditionFact, chart: Chart, moment: Moment
) -> tuple[Standing, tuple[Change, ...]]:
    """RECORDED while active; RESOLVED where the status, an in-remission code or an abatement says so.

    The status is the status now; where it says active beside an end that has come, they contradict each other.
    """
    if fact.clinical == UNREADABLE:
        return Standing.UNREADABLE, ()
    if fact.clinical in CLOSED or "course-remission" in fact.value_sets:
        return Standing.RESOLVED, ()
    if not fact.abated:
        return Standing.RECORDED, ()
    over = Standing.RESOLVED if fact.clinical is None else Standing.CONTRADICTED
    ended = chart.span(fact.abatement)
    if ended is None:
        return over, ()
    if moment.is_future(ended):
        return Standing.RECORDED, (ended.start,)
    if ended.last <= moment.day:
        return over, ()
    return Standing.IMPRECISE, (ended.last,)


def _stands(fact: ConditionFact, concepts: Iterable[ConditionConcept], chart: Chart) -> Duration | None:
    """How long an entry that was never closed stands; None: for good."""
    for concept in concepts:
        if concept.transient is not None:
            return concept.transient
        for name, stands in concept.passing.items():
            if name in fact.value_sets:
                return stands
    return chart.policy.freshness[LIST] if fact.encounter else None


def _passing(
    fact: ConditionFact, stands: Duration, chart: Chart, moment: Moment
) -> tuple[Standing, tuple[Change, ...]]:
    """An entry that was never closed stands only for so long from its onset, or else its recording."""
    time = time_of(fact, chart)
    if time is None:
        return Standing.RECORDED, ()
    changes = moment.leaving(time.first, time.last, stands)
    match moment.place(time.first, time.last, stands):
        case Placed.INSIDE:
            return Standing.RECORDED, changes
        case Placed.BEFORE:
            return Standing.STALE, ()
        case Placed.STRADDLES:
            return Standing.IMPRECISE, changes


def _placed(  # noqa: PLR0911  # one line a case
    fact: ConditionFact, look_back: Length, occurrence: Occurrence, chart: Chart, moment: Moment
) -> tuple[Standing, tuple[Change, ...]]:
    """Where the onset lies; of what was active in the window, whether any day of it does.

    A recording alone bounds the onset from above, unless an encounter diagnosis dates it. Such a one from before, which
    is called active and was never closed, may be so still.
    """
    onset = chart.span(fact.onset) or (chart.span(fact.recorded) if fact.encounter else None)
    if occurrence is Occurrence.ACTIVE and not fact.encounter:
        standing, changes = activity(fact, chart, moment)
        if standing is not Standing.RESOLVED:
            return standing, changes
        onset = chart.span(fact.abatement) or onset
    time = onset or chart.span(fact.recorded)
    if time is None:
        return Standing.UNDATED, ()
    changes = moment.leaving_time(time, look_back)
    match moment.place_time(time, look_back):
        case Placed.INSIDE:
            return (Standing.RECORDED if onset else Standing.UNDATED), changes
        case Placed.BEFORE if occurrence is Occurrence.ACTIVE and not fact.encounter and fact.abatement is None:
            return Standing.UNDATED, ()
        case Placed.BEFORE if occurrence is Occurrence.ACTIVE and fact.clinical is not None:
            still, more = activity(fact, chart, moment)
            return (Standing.STALE if still is Standing.RECORDED else Standing.OUTSIDE), more
        case Placed.BEFORE:
            return Standing.OUTSIDE, ()
        case Placed.STRADDLES:
            return Standing.IMPRECISE, changes


GRADES = {
    Qualifier.SEVERE: ("severity-severe", "severity-not-severe"),
    Qualifier.ADVANCED: ("stage-advanced", "stage-not-advanced"),
}


def settled(fact: ConditionFact, qualifier: Qualifier) -> Truth:
    """Whether severity or stage settles the qualifier, and how; unknown where it doesn't."""
    yes, no = GRADES.get(qualifier, ("", ""))
    holds, fails = yes in fact.grades, no in fact.grades
    if holds == fails:
        return Truth.UNKNOWN
    return Truth.MET if holds else Truth.NOT_MET
