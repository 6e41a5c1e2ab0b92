"""Diagnoses, drugs and procedures as events: each with its time, and whether it is sure to have been.

What statements about several events are in CQL (CONFORMANCE: Several events).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from msgspec import Struct

from adapter.criteria.calendar import Duration, add
from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Expression, Freshness, Items, Known, call
from adapter.criteria.fields import ConceptOf, Field, Section
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.extent import Days, Extent
from adapter.evaluator.kind import reads_of
from adapter.evaluator.moment import Change, Moment
from adapter.evaluator.negatives import LIST
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import Read
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.evaluator.wording import titles
from adapter.kinds.condition.entries import Entry, entries
from adapter.kinds.condition.entries import evidence_of as of_condition
from adapter.kinds.condition.evaluate import bind_condition
from adapter.kinds.condition.rule import entries as entries_asked
from adapter.kinds.condition.rule import truth as diagnosed
from adapter.kinds.condition.standing import OPEN, diagnosis
from adapter.kinds.condition.standing import REASONS as DIAGNOSED
from adapter.kinds.condition.standing import extent_of as extent_of_condition
from adapter.kinds.condition.statement import Condition, Occurrence
from adapter.kinds.exposure.course import extent_of as extent_of_exposure
from adapter.kinds.exposure.evaluate import REASONS as EXPOSED
from adapter.kinds.exposure.evaluate import asked_of, bearing, bind_exposure
from adapter.kinds.exposure.kind import bearing as exposures_asked
from adapter.kinds.exposure.kind import truth as given
from adapter.kinds.exposure.kind import windows
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.exposure.statement import Standing as Exposed
from adapter.kinds.exposure.statement import evidence_of as of_exposure
from adapter.record.facts import ConditionFact, ExposureFact


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Diagnoses, drugs and procedures at any time, alternatives."""

    conditions: tuple[str, ...] = ()
    exposures: tuple[str, ...] = ()

    @property
    def nothing(self) -> bool:
        """Whether it names none."""
        return not (self.conditions or self.exposures)


EVENTS = (
    Field("conditions", ConceptOf(Section.CONDITION), many=True, url="condition", says="Diagnoses, at any time."),
    Field("exposures", ConceptOf(Section.EXPOSURE), many=True, url="exposure", says="Drugs or procedures."),
)


class Event(Struct, frozen=True, gc=False):
    """One entry as an event. `reason`: why it may not have been, RECORDED where it is sure.

    `after`: the days from which it counts that something came after it: a diagnosis' beginning, a treatment's end.
    """

    extent: Extent
    after: Days
    reason: Reason
    evidence: Evidence
    fact: ConditionFact | ExposureFact
    concepts: frozenset[str]

    @property
    def sure(self) -> bool:
        """Whether it is on record without a doubt."""
        return self.reason is Reason.RECORDED


class Gathered(Struct, frozen=True, gc=False):
    """The events of some concepts; `whole`: what "any of them, ever" comes to, with what denies it."""

    events: tuple[Event, ...]
    whole: Outcome
    changes: tuple[Change, ...]


Gather = Callable[[Chart, Moment], Gathered]


def bind_events(asked: Events, terminology: Terminology, look_back: Duration | None = None) -> Gather:
    """What gathers the events. `look_back`: those of which any day lies in it."""
    condition = Condition(concepts=asked.conditions, occurrence=Occurrence.EVER, overlaps=look_back)
    exposure = Exposure(concepts=asked.exposures, look_back=look_back)
    found_as = diagnosis(condition, terminology) if asked.conditions else None
    evaluations = [
        *([bind_condition(condition, terminology)] if asked.conditions else []),
        *([bind_exposure(exposure, terminology)] if asked.exposures else []),
    ]
    concepts = [terminology.catalogue.exposures[name] for name in asked.exposures]
    given_as = asked_of(exposure, terminology)

    def gather(chart: Chart, moment: Moment) -> Gathered:
        events: list[Event] = []
        changes: tuple[Change, ...] = ()
        if found_as is not None:
            known, later = entries(found_as, chart, moment)
            changes += later + tuple(change for entry in known for change in entry.changes)
            for entry in known:
                if entry.standing in OPEN:
                    extent = _passing(entry, terminology, chart)
                    if look_back is not None and _is_before(extent, moment.window_start(look_back)):
                        continue
                    reason = DIAGNOSED[entry.standing]
                    events.append(Event(extent, extent.begin, reason, of_condition(entry), entry.fact, entry.concepts))
        if concepts:
            taken, later = bearing(concepts, given_as, chart, moment)
            changes += later + tuple(change for each in taken for change in each.changes)
            for each in taken:
                if each.standing < Exposed.OUTSIDE:
                    extent, more = extent_of_exposure(each.fact, chart, moment)
                    changes += more
                    names = each.fact.value_sets.intersection(asked.exposures)
                    reason = EXPOSED[each.standing]
                    events.append(Event(extent, extent.end, reason, of_exposure(each.fact), each.fact, names))
        whole = _any([evaluate(chart, moment) for evaluate in evaluations])
        return Gathered(tuple(events), whole, changes + whole.changes)

    return gather


def _is_before(extent: Extent, start: date) -> bool:
    """Whether something was over when a window began."""
    return extent.end.last is not None and extent.end.last < start


def _passing(entry: Entry, terminology: Terminology, chart: Chart) -> Extent:
    """The time of a diagnosis; one that passes and was never closed is over when its time in the catalogue is."""
    extent = extent_of_condition(entry.fact, chart)
    stands = [terminology.catalogue.conditions[name].transient for name in entry.concepts]
    if extent.end.last is not None or extent.begin.last is None or None in stands:
        return extent
    longest = max((each for each in stands if each is not None), key=lambda each: each.days)
    return Extent(extent.begin, Days(extent.begin.first, add(extent.begin.last, longest)))


def _any(found: list[Outcome]) -> Outcome:
    """Diagnoses or drugs: met if either is, denied if both are."""
    for truth in (Truth.MET, Truth.UNKNOWN):
        for each in found:
            if each.truth is truth:
                return each
    shown = tuple(item for each in found for item in each.evidence)
    denied = next((each for each in found if each.assumed), found[0])
    return Outcome(Truth.NOT_MET, denied.reason, shown, (), denied.assumed, denied.note)


def event_words(asked: Events, catalogue: Catalogue) -> str:
    """Alternatives by their titles."""
    told = (titles(asked.conditions, catalogue.conditions), titles(asked.exposures, catalogue.exposures))
    return " or ".join(filter(None, told))


def event_reads(asked: Events, catalogue: Catalogue, window: Duration | None = None) -> Iterator[Read]:
    """The entries, statements of absence, and what else makes an event or its denial unsure."""
    if asked.conditions:
        ever = Condition(concepts=asked.conditions, occurrence=Occurrence.EVER, overlaps=window)
        yield from reads_of(ever, catalogue)
    if asked.exposures:
        yield from reads_of(Exposure(concepts=asked.exposures, look_back=window), catalogue)


def unsettled(whole: Outcome, events: tuple[Event, ...]) -> Outcome:
    """Of events that don't come to what is asked: none of them is, as far as anybody knows."""
    if whole.truth is not Truth.MET:
        return whole
    return outcome(Reason.OUTSIDE_WINDOW, tuple(each.evidence for each in events[:_SHOWN]))


_SHOWN = 5
"""So many entries are shown where none of them is the answer."""


def gathered(asked: Events, catalogue: Catalogue, look_back: Duration | None = None) -> tuple[Expression, Expression]:
    """The events, and whether any of them ever was."""
    events: list[Expression] = []
    whole: list[Expression] = []
    if asked.conditions:
        condition = Condition(concepts=asked.conditions, occurrence=Occurrence.EVER, overlaps=look_back)
        held = [catalogue.conditions[name] for name in asked.conditions]
        passing = windows((each.id, each.transient) for each in held if each.transient is not None)
        events.append(call("Events", "Diagnosed", entries_asked(condition), passing, look_back, Known.NOW))
        whole.append(diagnosed(condition, catalogue))
    if asked.exposures:
        taken = exposures_asked(asked.exposures, look_back, catalogue)
        events.append(call("Events", "Given", taken, Freshness(LIST), Known.NOW))
        whole.append(given(Exposure(concepts=asked.exposures, look_back=look_back), catalogue))
    if len(events) == 1:
        return events[0], whole[0]
    return call("Events", "Both", *events), call("Measurements", "AnyOf", Items(tuple(whole)))
