"""What one Condition on record says of a diagnosis at a moment (CONFORMANCE: Conditions)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, auto

from msgspec import Struct

from adapter.criteria.calendar import Duration
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import Change, Moment, Placed
from adapter.evaluator.verdict import Evidence
from adapter.kinds.condition.statement import Condition, Occurrence, Qualifier
from adapter.record.facts import AllergyFact, ConditionFact, Verification

CLOSED = frozenset({"inactive", "remission", "resolved"})


class Standing(IntEnum):
    """What an entry comes to, the strongest word first: the first one among several entries decides."""

    RECORDED = auto()
    POSSIBLE = auto()
    IMPRECISE = auto()
    UNDATED = auto()
    UNCONFIRMED = auto()
    STALE = auto()
    REFUTED = auto()
    RESOLVED = auto()
    OUTSIDE = auto()


class Entry(Struct, frozen=True, gc=False):
    """One Condition with its standing, and when that may change."""

    fact: ConditionFact
    standing: Standing
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The value sets of a condition criterion, looked up once; `all_sets` holds those that only make it possible."""

    sets: frozenset[str]
    all_sets: frozenset[str]
    other_than: frozenset[str]
    absent: frozenset[str]
    transient: Duration | None
    occurrence: Occurrence
    look_back: Duration | None


def diagnosis(statement: Condition, terminology: Terminology) -> Diagnosis:
    """Resolve a condition criterion's concepts."""
    catalogue = terminology.catalogue.conditions
    concepts = [catalogue[name] for name in statement.concepts]
    own = [catalogue[name] for name in statement.other_than]
    sets = frozenset(statement.concepts)
    return Diagnosis(
        sets=sets,
        all_sets=sets.union(name for concept in concepts for name in concept.may_be),
        other_than=frozenset({c.id for c in own} | {name for c in own for name in c.may_be}),
        absent=frozenset.intersection(*(frozenset(concept.absent) for concept in concepts)),
        transient=next((concept.transient for concept in concepts if concept.transient), None),
        occurrence=statement.occurrence,
        look_back=statement.look_back,
    )


def entries(asked: Diagnosis, chart: Chart, moment: Moment) -> tuple[list[Entry], tuple[Change, ...]]:
    """Every entry that bears on the diagnosis, and when entries dated later will."""
    if asked.all_sets.isdisjoint(chart.record.conditions):
        return [], ()
    found: list[Entry] = []
    changes: list[Change] = []
    for fact in facts_of(chart, asked.all_sets):
        if fact.value_sets & asked.other_than:
            continue
        time = chart.span(fact.onset or fact.recorded)
        if time is not None and moment.is_future(time):
            changes.append(time.start)
        else:
            found.append(_entry(fact, asked, chart, moment))
    found.sort(key=lambda entry: (entry.standing, _newest_first(entry.fact, chart)))
    return found, tuple(changes)


def facts_of(chart: Chart, value_sets: Iterable[str]) -> list[ConditionFact]:
    """The facts of any of the value sets, each once, in the order of their resources' names."""
    conditions = chart.record.conditions
    if not conditions:
        return []
    by_source = {fact.source: fact for name in value_sets for fact in conditions.get(name, ())}
    return [by_source[source] for source in sorted(by_source, key=lambda source: source.resource)]


def _newest_first(fact: ConditionFact, chart: Chart) -> tuple[float, str]:
    time = chart.span(fact.onset or fact.recorded)
    return (-time.first.toordinal() if time else 0, fact.source.resource)


def _entry(fact: ConditionFact, asked: Diagnosis, chart: Chart, moment: Moment) -> Entry:
    if fact.verification is Verification.REFUTED:
        return _refuted(fact, asked.look_back, chart, moment)
    if asked.look_back is not None:
        standing, changes = _placed(fact, asked.look_back, chart, moment)
    elif asked.occurrence is Occurrence.EVER:
        standing, changes = Standing.RECORDED, ()
    else:
        standing, changes = activity(fact, chart, moment)
        if standing is Standing.RECORDED and asked.transient is not None:
            standing, more = _transient(fact, asked.transient, chart, moment)
            changes += more
    if fact.verification is Verification.UNCONFIRMED and standing not in (Standing.OUTSIDE, Standing.RESOLVED):
        return Entry(fact, Standing.UNCONFIRMED, changes)
    if standing is Standing.RECORDED and not fact.value_sets & asked.sets:
        return Entry(fact, Standing.POSSIBLE, changes)
    return Entry(fact, standing, changes)


def _refuted(fact: ConditionFact, look_back: Duration | None, chart: Chart, moment: Moment) -> Entry:
    """A refutation from before the window says nothing of the time inside."""
    time = chart.span(fact.onset or fact.recorded)
    if look_back is None or time is None:
        return Entry(fact, Standing.REFUTED, ())
    outside = moment.place(time.first, time.last, look_back) is Placed.BEFORE
    changes = moment.leaving(time.first, time.last, look_back)
    return Entry(fact, Standing.OUTSIDE if outside else Standing.REFUTED, changes)


def activity(fact: ConditionFact | AllergyFact, chart: Chart, moment: Moment) -> tuple[Standing, tuple[Change, ...]]:
    """RECORDED while active; RESOLVED where the status, an in-remission code or an abatement says so."""
    if fact.clinical in CLOSED or "course-remission" in fact.value_sets:
        return Standing.RESOLVED, ()
    if isinstance(fact, AllergyFact) or not fact.abated:
        return Standing.RECORDED, ()
    ended = chart.span(fact.abatement)
    if ended is None:
        return Standing.RESOLVED, ()
    if moment.is_future(ended):
        return Standing.RECORDED, (ended.start,)
    if ended.last <= moment.day:
        return Standing.RESOLVED, ()
    return Standing.IMPRECISE, (ended.last,)


def _transient(
    fact: ConditionFact, stands: Duration, chart: Chart, moment: Moment
) -> tuple[Standing, tuple[Change, ...]]:
    """An entry that was never closed stands only for so long from its onset, or else its recording."""
    time = chart.span(fact.onset or fact.recorded)
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


def _placed(
    fact: ConditionFact, look_back: Duration, chart: Chart, moment: Moment
) -> tuple[Standing, tuple[Change, ...]]:
    """Where the onset lies; a recording alone bounds it from above, unless an encounter diagnosis dates it."""
    onset = chart.span(fact.onset) or (chart.span(fact.recorded) if fact.encounter else None)
    time = onset or chart.span(fact.recorded)
    if time is None:
        return Standing.UNDATED, ()
    changes = moment.leaving(time.first, time.last, look_back)
    match moment.place(time.first, time.last, look_back):
        case Placed.INSIDE:
            return (Standing.RECORDED if onset else Standing.UNDATED), changes
        case Placed.BEFORE:
            return Standing.OUTSIDE, ()
        case Placed.STRADDLES:
            return Standing.IMPRECISE, changes


_ELEMENTS = {
    Standing.REFUTED: "verificationStatus",
    Standing.UNCONFIRMED: "verificationStatus",
    Standing.RESOLVED: "clinicalStatus",
}
_GRADES = {
    Qualifier.SEVERE: ("severity-severe", "severity-not-severe"),
    Qualifier.ADVANCED: ("stage-advanced", "stage-not-advanced"),
}


def settled(fact: ConditionFact, qualifier: Qualifier) -> Truth:
    """Whether severity or stage settles the qualifier, and how; unknown where it doesn't."""
    yes, no = _GRADES.get(qualifier, ("", ""))
    holds, fails = yes in fact.grades, no in fact.grades
    if holds == fails:
        return Truth.UNKNOWN
    return Truth.MET if holds else Truth.NOT_MET


def evidence_of(entry: Entry) -> Evidence:
    """The evidence that an entry is; its time is what the record says of its beginning, or of its end."""
    fact = entry.fact
    element, when = _ELEMENTS.get(entry.standing, "code"), fact.onset or fact.recorded
    if entry.standing is Standing.RESOLVED and fact.abated:
        element, when = "abatement", fact.abatement or when
    return Evidence(fact.source.resource, fact.source.version, element, fact.shown, when.text if when else None)
