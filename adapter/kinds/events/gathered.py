"""Diagnoses, drugs, procedures and stays as events: each with its time, and whether it is sure to have been.

What statements about several events are in CQL (CONFORMANCE: Several events).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

from adapter.criteria.calendar import Duration, Hours, Length, add, calendar_length
from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Concepts, Entries, Expression, Freshness, Items, Known, call
from adapter.criteria.fields import ConceptOf, Field, Flag, Section
from adapter.criteria.model import Leaf
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.extent import Days, Extent, extent_in_instants
from adapter.evaluator.kind import reads_of
from adapter.evaluator.moment import Change, Moment, Placed, Span
from adapter.evaluator.negatives import LIST
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import ENCOUNTER, Read
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
from adapter.kinds.entries.elsewhere import nowhere
from adapter.kinds.entries.evaluate import Asked, bind_entries, of_concepts, sort_entries
from adapter.kinds.entries.evaluate import evidence_of as of_entry
from adapter.kinds.entries.statement import Encounter, holds
from adapter.kinds.entries.time import lately
from adapter.kinds.exposure.course import extent_of
from adapter.kinds.exposure.evaluate import REASONS as EXPOSED
from adapter.kinds.exposure.evaluate import asked_of, bearing, bind_exposure
from adapter.kinds.exposure.kind import bearing as exposures_asked
from adapter.kinds.exposure.kind import truth as given
from adapter.kinds.exposure.kind import windows
from adapter.kinds.exposure.statement import Exposure
from adapter.kinds.exposure.statement import Standing as Exposed
from adapter.kinds.exposure.statement import evidence_of as of_exposure
from adapter.record.facts import ConditionFact, EntryFact, EntryList, ExposureFact, Links
from adapter.record.read_entry import PART_OF


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Diagnoses, drugs and procedures, stays and visits at any time, alternatives.

    `reasons`: what the stays were for. `began`: when they began is what counts, and no later day of them.
    """

    conditions: tuple[str, ...] = ()
    exposures: tuple[str, ...] = ()
    encounters: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    began: bool = False

    @property
    def nothing(self) -> bool:
        """Whether it names none."""
        return not (self.conditions or self.exposures or self.encounters)


EVENTS = (
    Field("conditions", ConceptOf(Section.CONDITION), many=True, url="condition", says="Diagnoses, at any time."),
    Field("exposures", ConceptOf(Section.EXPOSURE), many=True, url="exposure", says="Drugs or procedures."),
    Field("encounters", ConceptOf(Section.ENCOUNTER), many=True, url="encounter", says="Stays and visits."),
    Field("reasons", ConceptOf(Section.CONDITION), many=True, url="reason", says="What the stays and visits were for."),
    Field("began", Flag(), says="true: when it began is what counts. Left out: any day of it."),
)


def wrongly_named(asked: Events, look_back: Length | None = None) -> str | None:
    """What is wrong with the events that are named, or with their window."""
    if asked.nothing:
        return "name the events; write conditions, exposures or encounters"
    if asked.reasons and not asked.encounters:
        return "reasons are those of stays and visits; write encounters beside them"
    if asked.conditions and isinstance(look_back, Hours):
        return f"a diagnosis lasts for days; write the look-back in days, not {look_back}, or leave conditions out"
    return None


class Event(Struct, frozen=True, gc=False):
    """One entry as an event. `reason`: why it may not have been, RECORDED where it is sure.

    `after`: the days from which it counts that something came after it: a diagnosis' beginning, the end of a treatment
    or stay.
    """

    extent: Extent
    after: Days
    reason: Reason
    evidence: Evidence
    fact: ConditionFact | ExposureFact | EntryFact
    concepts: frozenset[str]

    @property
    def sure(self) -> bool:
        """Whether it is on record without a doubt."""
        return self.reason is Reason.RECORDED

    @property
    def links(self) -> Links | None:
        """What it is because of, as it says itself; of a stay nobody asks."""
        fact = self.fact
        return None if isinstance(fact, EntryFact) or fact.links is None else fact.links()


def instants(event: Event, chart: Chart, zone: ZoneInfo) -> tuple[Extent, Days]:
    """An event's time, and from when it is over, in instants where it has them."""
    fact = event.fact
    begun, over = (fact.onset, fact.abatement) if isinstance(fact, ConditionFact) else (fact.start, fact.end)
    told = extent_in_instants(event.extent, chart.span(begun), chart.span(over), zone)
    return told, told.begin if event.after is event.extent.begin else told.end


class Gathered(Struct, frozen=True, gc=False):
    """The events of some concepts; `whole`: what "any of them, ever" comes to, with what denies it.

    `doubtful`: whether there are stays that nobody has classified.
    """

    events: tuple[Event, ...]
    whole: Outcome
    changes: tuple[Change, ...]
    doubtful: bool = False


Gather = Callable[[Chart, Moment], Gathered]


def bind_events(asked: Events, terminology: Terminology, look_back: Length | None = None) -> Gather:
    """What gathers the events. `look_back`: those of which any day lies in it."""
    gathers = [
        *([_diagnosed(asked, terminology, calendar_length(look_back))] if asked.conditions else []),
        *([_given(asked, terminology, look_back)] if asked.exposures else []),
        *([_admitted(asked, terminology, look_back)] if asked.encounters else []),
    ]

    def gather(chart: Chart, moment: Moment) -> Gathered:
        found = [each(chart, moment) for each in gathers]
        whole = _any([each.whole for each in found])
        changes = tuple(change for each in found for change in (*each.changes, *each.whole.changes))
        events = tuple(event for each in found for event in each.events)
        if asked.began and look_back is not None:
            placed = [_begun(event, look_back, chart, moment) for event in events]
            events = tuple(event for event, _ in placed if event is not None)
            changes += tuple(change for _, turns in placed for change in turns)
        return Gathered(events, whole, changes, any(each.doubtful for each in found))

    return gather


def _begun(event: Event, look_back: Length, chart: Chart, moment: Moment) -> tuple[Event | None, tuple[Change, ...]]:
    """An event that began in the window, or may have; None of one that surely began before."""
    first, last = event.extent.begin
    (start, end), _, _ = instants(event, chart, moment.zone)[0]
    if last is None or not isinstance(end, datetime):
        return _unsure(event, Reason.UNDATED), ()
    if first is None or not isinstance(start, datetime):
        time = Span(end, end, last, last)
        before = moment.place_time(moment.come(time), look_back) is Placed.BEFORE
        return None if before else _unsure(event, Reason.UNDATED), moment.leaving_time(time, look_back)
    time = Span(start, end, first, last)
    placed = moment.place_time(moment.come(time), look_back)
    changes = moment.leaving_time(time, look_back)
    if placed is Placed.INSIDE:
        return event, changes
    return None if placed is Placed.BEFORE else _unsure(event, Reason.IMPRECISE_DATE), changes


def _unsure(event: Event, why: Reason) -> Event:
    return structs.replace(event, reason=why) if event.sure else event


def _diagnosed(asked: Events, terminology: Terminology, look_back: Duration | None) -> Gather:
    condition = Condition(concepts=asked.conditions, occurrence=Occurrence.EVER, overlaps=look_back)
    found_as, evaluate = diagnosis(condition, terminology), bind_condition(condition, terminology)

    def gather(chart: Chart, moment: Moment) -> Gathered:
        events: list[Event] = []
        known, changes = entries(found_as, chart, moment)
        changes += tuple(change for entry in known for change in entry.changes)
        for entry in known:
            if entry.standing in OPEN:
                extent = _passing(entry, terminology, chart)
                if look_back is not None and (over := extent.end.last) is not None:
                    changes += moment.leaving(extent.end.first or over, over, look_back)
                    if over < moment.window_start(look_back):
                        continue
                reason = DIAGNOSED[entry.standing]
                events.append(Event(extent, extent.begin, reason, of_condition(entry), entry.fact, entry.concepts))
        return Gathered(tuple(events), evaluate(chart, moment), changes)

    return gather


def _given(asked: Events, terminology: Terminology, look_back: Length | None) -> Gather:
    exposure = Exposure(concepts=asked.exposures, look_back=look_back)
    concepts = [terminology.catalogue.exposures[name] for name in asked.exposures]
    given_as, evaluate = asked_of(exposure, terminology), bind_exposure(exposure, terminology)

    def gather(chart: Chart, moment: Moment) -> Gathered:
        events: list[Event] = []
        taken, changes = bearing(concepts, given_as, chart, moment)
        changes += tuple(change for each in taken for change in each.changes)
        for each in taken:
            if each.standing < Exposed.OUTSIDE:
                extent, more = extent_of(each.fact, chart, moment)
                changes += more
                names = each.fact.value_sets.intersection(asked.exposures)
                reason = EXPOSED[each.standing]
                events.append(Event(extent, extent.end, reason, of_exposure(each.fact), each.fact, names))
        return Gathered(tuple(events), evaluate(chart, moment), changes)

    return gather


def _admitted(asked: Events, terminology: Terminology, look_back: Length | None) -> Gather:
    stays, names = _stays(asked, terminology, look_back), frozenset(asked.encounters)
    evaluate = bind_entries(stays, terminology)

    def gather(chart: Chart, moment: Moment) -> Gathered:
        events: list[Event] = []
        listed = sort_entries(stays, terminology, chart, moment)
        changes = listed.changes
        parts = _parts([told.fact for told in listed.found], chart)
        for told in listed.found:
            extent, more = extent_of(told.fact, chart, moment)
            changes += more + told.changes
            reason = Reason.NEEDS_REVIEW if told.fact.source.resource in parts else told.reason
            events.append(Event(extent, extent.end, reason, of_entry(told.fact), told.fact, names))
        return Gathered(tuple(events), evaluate(chart, moment), changes, bool(listed.doubtful))

    return gather


def _parts(found: Sequence[EntryFact], chart: Chart) -> frozenset[str]:
    """Stays that are part of another one that is found, or with another one of a stay that is not on record."""
    wholes = {
        each.source.resource: code.code
        for each in found
        for said in each.beside.get(PART_OF, ())
        for code in said.codes
    }
    if not wholes:
        return frozenset()
    listed = {each.source.resource for each in chart.record.entries.get(EntryList.ENCOUNTERS, ())}
    known, shared = {each.source.resource for each in found}, Counter(wholes.values())
    return frozenset(
        part for part, whole in wholes.items() if whole in known or (whole not in listed and shared[whole] > 1)
    )


def _stays(asked: Events, terminology: Terminology, look_back: Length | None) -> Asked:
    """What is asked of the list of stays and visits."""
    compared = [of_concepts(asked.encounters, lambda fact: fact.what, terminology)]
    if asked.reasons:
        compared.append(of_concepts(asked.reasons, lambda fact: fact.beside.get("reason", ()), terminology))
    return Asked(
        of=EntryList.ENCOUNTERS,
        concepts=asked.encounters,
        compared=tuple(compared),
        placing=lately(look_back),
        types=ENCOUNTER.types,
        absent=frozenset(),
        elsewhere=nowhere,
    )


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
    stays = titles(asked.encounters, catalogue.encounters)
    if asked.reasons:
        stays += f" for {titles(asked.reasons, catalogue.conditions)}"
    told = (titles(asked.conditions, catalogue.conditions), titles(asked.exposures, catalogue.exposures), stays)
    return f"{'beginning of ' if asked.began else ''}{' or '.join(filter(None, told))}"


def event_reads(asked: Events, catalogue: Catalogue, window: Length | None = None) -> Iterator[Read]:
    """The entries, statements of absence, and what else makes an event or its denial unsure."""
    for each in _each(asked, window):
        yield from reads_of(each, catalogue)


def _each(asked: Events, window: Length | None = None) -> Iterator[Leaf]:
    """Whether any of the diagnoses, of the drugs and of the stays ever was, each as a statement of its own."""
    if asked.conditions:
        yield Condition(concepts=asked.conditions, occurrence=Occurrence.EVER, overlaps=calendar_length(window))
    if asked.exposures:
        yield Exposure(concepts=asked.exposures, look_back=window)
    if asked.encounters:
        yield Encounter(concepts=asked.encounters, reason=asked.reasons, look_back=window)


def told_alone(asked: Events, catalogue: Catalogue, window: Length | None = None) -> tuple[Leaf, ...]:
    """The same, where none of them is on record that is denied; none of stays and pregnancies, of which some may be."""
    pregnancy = any(catalogue.conditions[name].pregnancy for name in asked.conditions)
    return () if asked.encounters or pregnancy else tuple(_each(asked, window))


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
    if asked.encounters:
        named = Concepts(asked.encounters), Concepts(asked.reasons) if asked.reasons else None
        stays = Entries(EntryList.ENCOUNTERS.value)
        events.append(call("Events", "Admitted", stays, *named, look_back, Freshness(LIST), Known.NOW))
        stay = Encounter(concepts=asked.encounters, reason=asked.reasons, look_back=look_back)
        whole.append(holds(EntryList.ENCOUNTERS, stay, asked.reasons, frozenset(), ()))
    if len(events) == 1:
        return events[0], whole[0]
    return reduce(_both, events), call("Measurements", "AnyOf", Items(tuple(whole)))


def _both(one: Expression, other: Expression) -> Expression:
    return call("Events", "Both", one, other)
