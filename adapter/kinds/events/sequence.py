"""`sequence`: one event before, after or during another (CONFORMANCE: Several events)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from adapter.criteria.calendar import Hours, Length, calendar_length
from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Expression, Known, call
from adapter.criteria.fields import CodeOf, Field, Keys, Nested, Window
from adapter.criteria.model import Leaf
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.columns import Beside, Setting, Several
from adapter.evaluator.extent import Extent, Relation, Reply, apart, related
from adapter.evaluator.kind import Evaluation, Kind, Outlook, Phrase, Rule, untold
from adapter.evaluator.moment import Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import Read
from adapter.evaluator.reason import Reason
from adapter.kinds.events.gathered import (
    EVENTS,
    Event,
    Events,
    Gathered,
    bind_events,
    event_reads,
    event_words,
    gathered,
    instants,
    told_alone,
    unsettled,
    wrongly_named,
)
from adapter.kinds.timing import shorter


class Which(StrEnum):
    """Which of several events is meant."""

    ANY = "any"
    FIRST = "first"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference(Events):
    """The event that another one is before, after or during."""

    which: Which = Which.ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Leaf):
    """One event before, after or during another.

    Before another is before it began; after a diagnosis is after it began, after a treatment after it ended. `within`:
    no more than so long away from that, `at_least`: no less, `more_than`: more. `look_back`: any day of the event lies
    in the window.
    """

    event: Events
    relation: Relation
    other: Reference
    within: Length | None = None
    at_least: Length | None = None
    more_than: Length | None = None
    look_back: Length | None = None

    @property
    def by_instants(self) -> bool:
        """Whether the distance is one in hours."""
        return any(isinstance(each, Hours) for each in (self.within, self.at_least, self.more_than))


def bind_order(statement: Order, terminology: Terminology) -> Evaluation:
    """Met by two entries that are sure, in an order that their dates leave no doubt of."""
    gather = bind_events(statement.event, terminology, statement.look_back)
    gather_other = bind_events(statement.other, terminology)

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        found, others = gather(chart, moment), gather_other(chart, moment)
        changes = found.changes + others.changes
        return _of(statement, found, others, chart, moment).also(changes)

    return evaluate


def _of(statement: Order, found: Gathered, others: Gathered, chart: Chart, moment: Moment) -> Outcome:
    possible: Outcome | None = None
    candidates = chosen(others.events, statement.other.which)
    for event in found.events:
        rest = [other for other in candidates if other.fact is not event.fact]
        pairs = [(other, _stands(event, statement, other, chart, moment)) for other in rest]
        for other, said in pairs:
            shown = (event.evidence, other.evidence)
            sure = event.sure and other.sure and said.truth is Truth.MET
            if sure and (statement.other.which is Which.ANY or all(each.truth is Truth.MET for _, each in pairs)):
                return outcome(Reason.RECORDED, shown)
            if said.truth is not Truth.NOT_MET and possible is None:
                why = next((each.reason for each in (event, other) if not each.sure), said.reason)
                possible = outcome(Reason.IMPRECISE_DATE if why is Reason.RECORDED else why, shown)
    if possible is not None:
        return possible
    for whole in (found.whole, others.whole):
        if whole.truth is Truth.NOT_MET:
            return whole
    for whole in (found.whole, others.whole):
        if whole.truth is Truth.UNKNOWN:
            return whole
    return unsettled(found.whole, (*found.events, *candidates))


def _stands(event: Event, statement: Order, other: Event, chart: Chart, moment: Moment) -> Reply:
    one, another, after = event.extent, other.extent, other.after
    if statement.by_instants:
        one, _ = instants(event, chart, moment.zone)
        another, after = instants(other, chart, moment.zone)
    if statement.event.began:
        one = Extent(one.begin, one.begin)
    return related(
        one,
        statement.relation,
        another,
        after=another.begin if statement.other.began else after,
        within=statement.within,
        at_least=statement.at_least,
        more_than=statement.more_than,
    )


def chosen(events: Sequence[Event], which: Which) -> list[Event]:
    """Every event that may be the one that is meant: of the first ones, those with none surely before them."""
    if which is Which.ANY:
        return list(events)
    first = which is Which.FIRST

    def beaten(event: Event) -> bool:
        return any(
            other.sure and (_before(other, event) if first else _before(event, other))
            for other in events
            if other is not event
        )

    return [event for event in events if not beaten(event)]


def _before(one: Event, other: Event) -> bool:
    begin, later = one.extent.begin.last, other.extent.begin.first
    return (begin is not None and later is not None and begin < later) or (
        apart(one.extent, other.extent) and begin is not None and later is not None and begin <= later
    )


def _reads(statement: Order, catalogue: Catalogue) -> Iterator[Read]:
    yield from event_reads(statement.event, catalogue, window=statement.look_back)
    yield from event_reads(statement.other, catalogue)


def _truth(statement: Order, catalogue: Catalogue) -> Expression:
    began = statement.event.began or statement.other.began
    if statement.by_instants or isinstance(statement.look_back, Hours) or began:
        return Known.UNKNOWN
    asked = gathered(statement.other, catalogue)
    distances = map(calendar_length, (statement.within, statement.at_least, statement.more_than))
    how = statement.other.which.value, *distances
    event = gathered(statement.event, catalogue, statement.look_back)
    return call("Events", "InOrder", *event, statement.relation.value, *asked, *how)


def _columns(statement: Order, setting: Setting) -> Several | None:
    if statement.event.began or statement.other.began:
        return None
    catalogue = setting.terminology.catalogue
    found = told_alone(statement.event, catalogue, statement.look_back)
    others = told_alone(statement.other, catalogue)
    return Several(asks=Beside.BOTH, events=found, others=others) if found and others else None


def _words(statement: Order, catalogue: Catalogue) -> Phrase:
    about = event_words(statement.event, catalogue)
    told = [
        *((f"within the last {statement.look_back.words},",) if statement.look_back else ()),
        *((f"at least {statement.at_least.words}",) if statement.at_least else ()),
        *((f"more than {statement.more_than.words}",) if statement.more_than else ()),
        *((f"within {statement.within.words}",) if statement.within else ()),
        statement.relation.value,
        *((f"the {statement.other.which.value}",) if statement.other.which is not Which.ANY else ()),
        event_words(statement.other, catalogue),
    ]
    asked = " ".join(told)
    return Phrase(about, asked, f"{about} {asked}")


def _contradiction(statement: Order) -> str | None:
    wrong = wrongly_named(statement.event, statement.look_back) or wrongly_named(statement.other)
    if wrong is not None:
        return wrong
    if statement.relation is Relation.DURING and (statement.within or statement.at_least or statement.more_than):
        return "during has no distance; leave within, at-least and more-than out, or write before or after"
    if statement.at_least and statement.more_than:
        return "at-least and more-than say the same twice; keep one"
    if shorter(statement.within, statement.at_least or statement.more_than):
        return "within ends before at-least or more-than begins: nothing lies so close and so far; correct one"
    told = [each for each in (statement.within, statement.at_least, statement.more_than) if each is not None]
    if statement.by_instants and not all(isinstance(each, Hours) for each in told):
        return "one distance is in hours and another in days; write both alike, as PT24H and PT720H"
    return None


REFERENCE = Nested(
    Reference, (*EVENTS, Field("which", CodeOf(Which), says="Of several: any of them, the first, or the last one."))
)
"""The event that something else is before, after or during, as a field."""

SEQUENCE = Kind(
    name="sequence",
    statement=Order,
    form=Keys(
        (
            Field("event", Nested(Events, EVENTS)),
            Field("relation", CodeOf(Relation)),
            Field("other", REFERENCE),
            Field("within", Window(hours=True), says="No more than so long away."),
            Field("at_least", Window(hours=True), says="No less than so long away."),
            Field("more_than", Window(hours=True), says="More than so long away."),
            Field("look_back", Window(hours=True), says="Any day of the event lies in this window; left out: ever."),
        )
    ),
    contradiction=_contradiction,
    reads=_reads,
    bind=lambda statement, trial: bind_order(statement, trial.terminology),
    words=_words,
    rule=lambda statement, catalogue: Rule(_truth(statement, catalogue)),
    traits=untold,
    columns=_columns,
    outlook=lambda *_: Outlook.OPEN,
    of_study=False,
)
