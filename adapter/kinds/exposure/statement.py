"""What an `exposure` criterion says.

What one exposure on record says of a question at a moment (CONFORMANCE: Exposure).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Protocol

from adapter.criteria.calendar import Duration, Length
from adapter.criteria.quantity import QuantityThreshold
from adapter.criteria.terminology import Membership, Terminology
from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import Change, Moment, Placed, Span, held_until, instant_of
from adapter.evaluator.negatives import LIST
from adapter.evaluator.verdict import Evidence
from adapter.kinds.timing import Timed, farthest
from adapter.record.facts import ExposureFact, Route, Source
from adapter.record.when import When


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure(Timed):
    """A drug or procedure within a window before as-of, or ever; `systemic` asks for a systemic route.

    `half_lives`: the window is so many of the drug's own half-lives, if that is longer than `look_back`. `ongoing`: it
    goes on today. `stable_for`: taken for so long without a change of its dose. `dose`: what its unit says, of one
    giving (mg), a day (mg/d), by weight (mg/kg/d) or surface (mg/m2); `equivalents`: told in the class's own drug;
    `cumulative`: of all givings together. `frequency`: how often, as in 1 /d. `as_needed`: only when needed.
    `body_site`: a procedure at one of these. `route`: a drug that is given by one of these.
    """

    concepts: tuple[str, ...]
    look_back: Length | None = None
    half_lives: int | None = None
    systemic: bool = False
    ongoing: bool = False
    stable_for: Duration | None = None
    dose: QuantityThreshold | None = None
    equivalents: bool = False
    cumulative: bool = False
    frequency: QuantityThreshold | None = None
    as_needed: bool = False
    body_site: tuple[str, ...] = ()
    route: tuple[str, ...] = ()

    @property
    def asks_more(self) -> bool:
        """Whether it asks more than whether there was any in the window."""
        return (
            self.asks_time
            or self.ongoing
            or self.as_needed
            or not (self.stable_for is None and self.dose is None and self.frequency is None)
        )


class Standing(IntEnum):
    """What one exposure comes to, the strongest word first; from OUTSIDE on it is none that counts."""

    RECORDED = auto()
    IMPRECISE = auto()
    UNDATED = auto()
    ROUTE_MISSING = auto()
    QUESTION = auto()
    ORDERED = auto()
    CHANGED = auto()
    SHORT = auto()
    STALE = auto()
    OUTSIDE = auto()
    OTHER_ROUTE = auto()
    OTHERWISE = auto()


@dataclass(frozen=True, slots=True)
class Asked:
    """The question: how far back, and whether systemic; `systemic_class`: value sets that are so by themselves.

    `half_lives`: the window of a drug whose half-life is known, by its concept, where that many of them are asked.
    `as_needed`: whether such use is what is asked for. `sites`: where on the body, if that is asked. `routes`: by
    which ways, if that is asked.
    """

    look_back: Length | None
    systemic: bool
    systemic_class: frozenset[str]
    half_lives: Mapping[str, Length] | None = None
    as_needed: bool = False
    sites: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()


def standing_of(fact: ExposureFact, asked: Asked, chart: Chart, moment: Moment) -> tuple[Standing, tuple[Change, ...]]:
    """What a fact that has begun comes to, and when that may change."""
    way = _by_way(fact, asked, chart.terminology)
    if way is Membership.NOT:
        return Standing.OTHER_ROUTE, ()
    standing, changes = placed_as_asked(fact, fact.value_sets, asked, chart, moment)
    outside = asked.look_back is None or standing is Standing.OUTSIDE
    if outside and asked.half_lives is not None and fact.value_sets.isdisjoint(asked.half_lives):
        return Standing.QUESTION, changes  # nobody knows how long it stays
    if standing is not Standing.RECORDED:
        return standing, changes
    if fact.open or (fact.on_demand and not asked.as_needed) or way is Membership.MAY_BE:
        return Standing.QUESTION, changes
    if way is Membership.UNCLASSIFIED:
        return Standing.ROUTE_MISSING, changes
    return (Standing.ORDERED if fact.ordered else Standing.RECORDED), changes


def _by_way(fact: ExposureFact, asked: Asked, terminology: Terminology) -> Membership:
    """Whether it is given by the way that is asked; a systemic class is, where no route is said."""
    if asked.routes:
        said = [terminology.membership(name, way or ()) for way in fact.ways or (None,) for name in asked.routes]
        return next((each for each in _STRONGEST if each in said), Membership.NOT)
    if not asked.systemic or fact.route is Route.SYSTEMIC:
        return Membership.IS
    if fact.route is Route.OTHER:
        return Membership.NOT
    of_class = fact.route is Route.NONE and not fact.value_sets.isdisjoint(asked.systemic_class)
    return Membership.IS if of_class else Membership.UNCLASSIFIED


_STRONGEST = (Membership.IS, Membership.MAY_BE, Membership.UNCLASSIFIED)


def windows_of(names: frozenset[str], asked: Asked) -> tuple[Length, ...]:
    """The window of what is of these concepts: so many half-lives, where those are asked, known and longer.

    None of it: ever. Two of it: the one that reaches further back at the moment.
    """
    known = asked.half_lives or {}
    return farthest([asked.look_back, *(known[name] for name in names & known.keys())])


class Lasts(Protocol):
    """What has a time: from when to when, whether it runs on, and when that was last known."""

    @property
    def source(self) -> Source:
        """The resource that says so."""

    @property
    def start(self) -> When | None:
        """When it began."""

    @property
    def end(self) -> When | None:
        """When it ended."""

    @property
    def open_end(self) -> bool:
        """Whether it runs on."""

    @property
    def asserted(self) -> When | None:
        """When that was last known."""

    @property
    def ordered(self) -> bool:
        """Whether it is an intention, which holds no longer than the policy's time."""


def placed_as_asked(
    fact: Lasts, names: frozenset[str], asked: Asked, chart: Chart, moment: Moment
) -> tuple[Standing, tuple[Change, ...]]:
    """Whether something of these concepts lies in its window; of half-lives, all changes are instants."""
    if asked.half_lives is None:
        return placed(fact, asked.look_back, chart, moment)
    found = [placed(fact, window, chart, moment) for window in windows_of(names, asked) or (None,)]
    changes = tuple(instant_of(change, moment) for _, left in found for change in left)
    return min(standing for standing, _ in found), changes


def placed(fact: Lasts, look_back: Length | None, chart: Chart, moment: Moment) -> tuple[Standing, tuple[Change, ...]]:
    """Whether any day of it lies in the window, or, of one in hours, any instant."""
    if look_back is None:
        return Standing.RECORDED, ()
    start, end = chart.span(fact.start), chart.span(fact.end)
    if end is None and not fact.open_end:
        return _begun(fact, start, look_back, chart, moment)
    if end is None and start is None:
        return Standing.UNDATED, ()
    if end is None:
        asserted = chart.span(fact.asserted)
        return (Standing.RECORDED, ()) if asserted is None else _listed(asserted, look_back, chart, moment)
    if moment.is_future(end):
        return Standing.RECORDED, moment.leaving_time(end, look_back)
    # It had begun by as-of: whether it has ended by then plays no part.
    where = moment.place_time(moment.come(end), look_back)
    return _stands(where, Standing.OUTSIDE, moment.leaving_time(end, look_back))


def _stands(where: Placed, before: Standing, changes: tuple[Change, ...]) -> tuple[Standing, tuple[Change, ...]]:
    """What lies there to the window comes to; `before`: what lies before it, where it stays."""
    if where is Placed.BEFORE:
        return before, ()
    return Standing.RECORDED if where is Placed.INSIDE else Standing.IMPRECISE, changes


def _listed(asserted: Span, look_back: Length, chart: Chart, moment: Moment) -> tuple[Standing, tuple[Change, ...]]:
    """An entry of a list that was never closed: it holds for the policy's time from when it was last asserted."""
    held = [held_until(day, chart.policy.freshness[LIST]) for day in (asserted.first, asserted.last)]
    where = moment.place_days(held[0], held[1], look_back)
    return _stands(where, Standing.STALE, moment.leaving_days(held[0], held[1], look_back))


def _begun(
    fact: Lasts, start: Span | None, look_back: Length, chart: Chart, moment: Moment
) -> tuple[Standing, tuple[Change, ...]]:
    """What ended at an unknown time is in the window if it began there.

    Else it may have gone on into it until it was known to have ended, an order for no longer than any order holds.
    """
    if start is not None and moment.place_time(moment.come(start), look_back) is Placed.INSIDE:
        return Standing.RECORDED, moment.leaving_time(start, look_back)
    known = chart.span(fact.asserted)
    latest = [known.last] if known is not None else []
    if start is not None and fact.ordered:
        latest.append(held_until(start.last, chart.policy.freshness[LIST]))
    if not latest:
        return Standing.UNDATED, ()
    end = min(latest)
    begun = min(start.first, end) if start is not None else end
    if moment.place_days(end, end, look_back) is Placed.BEFORE:
        return Standing.OUTSIDE, ()
    return Standing.IMPRECISE if start is not None else Standing.UNDATED, moment.leaving_days(begun, end, look_back)


def evidence_of(fact: ExposureFact, *, dosed: bool = False) -> Evidence:
    """The evidence that an exposure is; its time is its last known day. `dosed`: also how it is taken, since when."""
    shown = fact.shown
    if dosed:
        said = fact.dosing().text if fact.dosing is not None else ""
        since = f"from {fact.start.text}" if fact.start is not None else ""
        shown = ", ".join(filter(None, (shown, said, since)))
    return Evidence(fact.source.resource, fact.source.version, fact.element, shown, _time(fact))


def _time(fact: ExposureFact) -> str | None:
    when = fact.end or fact.start
    return when.text if when else None
