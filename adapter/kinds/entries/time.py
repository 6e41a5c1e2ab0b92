"""Whether an entry's time is the one that is asked for."""

from bisect import bisect
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from adapter.criteria.calendar import Duration, Hours, Length, add
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Chart
from adapter.evaluator.extent import (
    ONGOING,
    Days,
    Extent,
    Reply,
    at_least_ago,
    begun_within,
    both,
    days,
    extent_in_instants,
    lasting,
    ongoing,
)
from adapter.evaluator.moment import TICK, Change, Moment, Placed, Span, held_until
from adapter.evaluator.negatives import LIST
from adapter.evaluator.reason import Reason
from adapter.kinds.entries.evaluate import Placing
from adapter.kinds.entries.statement import Encounter
from adapter.kinds.exposure.course import extent_of
from adapter.kinds.exposure.statement import Lasts, Standing, placed
from adapter.record.facts import EntryFact, EntryList, EntryStatus
from adapter.record.read_entry import THERE, USED

_PLACED = {
    Standing.RECORDED: Reason.RECORDED,
    Standing.IMPRECISE: Reason.IMPRECISE_DATE,
    Standing.UNDATED: Reason.UNDATED,
    Standing.STALE: Reason.STALE,
    Standing.OUTSIDE: Reason.OUTSIDE_WINDOW,
}

_CLIPPED = 4
"""In days: by so much less may a month's end be clipped."""


def lately(look_back: Length | None) -> Placing:
    """Begun by now, and any day of it in the window, if there is one."""

    def place(fact: Lasts, chart: Chart, moment: Moment) -> tuple[Reason | None, tuple[Change, ...]]:
        start = chart.span(fact.start)
        if start is not None and moment.is_future(start):
            return None, (start.start,)
        standing, changes = placed(fact, look_back, chart, moment)
        return _PLACED[standing], changes

    return place


def unresolved(look_back: Length | None) -> Placing:
    """The same of what went on when it was told: for the policy's time for lists, then nobody knows."""
    place = lately(look_back)

    def told(fact: Lasts, chart: Chart, moment: Moment) -> tuple[Reason | None, tuple[Change, ...]]:
        reason, changes = place(fact, chart, moment)
        if reason is not Reason.RECORDED:
            return reason, changes
        said = chart.span(fact.asserted or fact.start)
        if said is None:
            return Reason.UNDATED, changes
        last = held_until(said.last, chart.policy.freshness[LIST])
        if moment.day > last:
            return Reason.STALE, changes
        return reason, (*changes, last + timedelta(days=1)) if last < date.max else changes

    return told


def begun(look_back: Length) -> Placing:
    """Begun by now, and in the window."""

    def place(fact: Lasts, chart: Chart, moment: Moment) -> tuple[Reason | None, tuple[Change, ...]]:
        start = chart.span(fact.start)
        if start is None:
            return Reason.UNDATED, ()
        if moment.is_future(start):
            return None, (start.start,)
        return _BEGUN[moment.place_time(moment.come(start), look_back)], moment.leaving_time(start, look_back)

    return place


_BEGUN = {
    Placed.INSIDE: Reason.RECORDED,
    Placed.STRADDLES: Reason.IMPRECISE_DATE,
    Placed.BEFORE: Reason.OUTSIDE_WINDOW,
}


def staying(asked: Encounter) -> Placing:
    """A stay of which any day, or the beginning, lies in the window; and that goes on now, or has lasted so long.

    Stays that touch each other may be one, of which the wards are told: too short ones that are together long enough
    are a question. So is one whose status and end contradict each other.
    """
    window, length = asked.look_back, asked.lasting
    place = begun(window) if asked.began and window else lately(window)

    def told(fact: Lasts, chart: Chart, moment: Moment) -> tuple[Reason | None, tuple[Change, ...]]:
        reason, changes = place(fact, chart, moment)
        if reason is None or reason is Reason.OUTSIDE_WINDOW:
            return reason, changes
        contradicts, turns = _contradicts(fact, chart, moment)
        if contradicts:
            return Reason.NEEDS_REVIEW, changes + turns
        extent, more = extent_of(fact, chart, moment)
        answers = [_goes_on(fact, extent, chart, moment)] if asked.ongoing else []
        if length is not None:
            answers.append(_as_long(fact, extent, length, chart, moment))
        found = both(answers)
        changes += turns + more + found.changes
        if found.truth is Truth.MET or (found.truth is Truth.UNKNOWN and reason is not Reason.RECORDED):
            return reason, changes
        return found.reason, changes

    return told if asked.ongoing or length is not None else place


def _contradicts(fact: Lasts, chart: Chart, moment: Moment) -> tuple[bool, tuple[Change, ...]]:
    """Whether a stay is finished by its status and ends later, or goes on by it and has ended; and when that turns."""
    end = chart.span(fact.end)
    if end is None or not isinstance(fact, EntryFact):
        return False, ()
    status = {code.code for said in fact.beside.get("status", ()) for code in said.codes}
    if "finished" in status:
        ahead = moment.is_future(end)
        return ahead, (end.start,) if ahead else ()
    if status.isdisjoint(THERE):
        return False, ()
    past = end.end < moment.as_of
    return past, () if past or end.last == date.max else (end.end + TICK,)


_MAY_GO_ON = frozenset({EntryStatus.OPEN, EntryStatus.PLANNED})


def _goes_on(fact: Lasts, extent: Extent, chart: Chart, moment: Moment) -> Reply:
    """One without any time may go on, and so may one that was never closed, long ago, or that nobody says is over."""
    if fact.start is None and fact.end is None and not fact.open_end:
        return Reply(Truth.UNKNOWN, Reason.UNDATED)
    if isinstance(fact, EntryFact) and fact.stands in _MAY_GO_ON and fact.end is None:
        return Reply(Truth.UNKNOWN, Reason.NEEDS_REVIEW)
    found = ongoing(_instants(fact, extent, chart), moment)
    never_closed = fact.open_end and found.truth is Truth.UNKNOWN
    return Reply(found.truth, Reason.STALE, found.changes) if never_closed else found


def _as_long(fact: Lasts, extent: Extent, length: Length, chart: Chart, moment: Moment) -> Reply:
    in_hours = isinstance(length, Hours)
    alone = lasting(_instants(fact, extent, chart) if in_hours else extent, length, moment)
    first = extent.begin.first
    if alone.truth is not Truth.NOT_MET or first is None:
        return alone
    key = ("stays", int(in_hours), moment.as_of)
    if key not in chart.fresh:
        chart.fresh[key] = _together(chart, moment, in_hours=in_hours)
    wholes: list[_Whole]
    wholes, turns = chart.fresh[key]
    at = bisect(wholes, first, key=lambda each: each.first) - 1
    together = lasting(wholes[at].extent, length, moment) if at >= 0 else alone
    changes = alone.changes + together.changes + turns
    if together.truth is Truth.MET:
        return Reply(Truth.UNKNOWN, Reason.NEEDS_REVIEW, changes)
    return Reply(alone.truth, alone.reason, changes)


class _Whole(NamedTuple):
    """Stays of which each touches the next: their days, and from the first beginning until the last end.

    `near` and `reach`: the days by which it touches others: also the one before or behind, where only a day is told.
    """

    first: date
    last: date
    near: date
    reach: date
    extent: Extent


def _together(chart: Chart, moment: Moment, *, in_hours: bool) -> tuple[list[_Whole], tuple[Change, ...]]:
    """The wholes that stays and visits may be parts of, the first ones first; and when others begin."""
    now = moment.as_of if in_hours else moment.day
    turns: tuple[Change, ...] = ()
    found: list[_Whole] = []
    for each in chart.record.entries.get(EntryList.ENCOUNTERS, ()):
        by_day, _ = extent_of(each, chart, moment)
        begin, end, _ = _instants(each, by_day, chart) if in_hours else by_day
        if by_day.begin.first is None or begin.first is None:
            continue
        if begin.first > now:
            turns += (begin.first,)
        else:
            last, until = min(by_day.end.last or moment.day, moment.day), min(end.last or now, now)
            first, lasted = by_day.begin.first, Extent(Days(begin.first, begin.first), Days(until, until))
            near = first - _by_midnight(chart.span(each.start)) if first > date.min else first
            reach = last + _by_midnight(chart.span(each.end)) if last < date.max else last
            found.append(_Whole(first, last, near, reach, lasted))
    wholes: list[_Whole] = []
    for whole in sorted(found):
        before = wholes[-1] if wholes else None
        if before is not None and (whole.first <= before.reach or whole.near <= before.last):
            whole_end = max((before.extent.end, whole.extent.end), key=lambda each: each.last or date.min)
            last, reach = max(before.last, whole.last), max(before.reach, whole.reach)
            wholes[-1] = _Whole(before.first, last, before.near, reach, Extent(before.extent.begin, whole_end))
        else:
            wholes.append(whole)
    return wholes, turns


def _by_midnight(told: Span | None) -> timedelta:
    """A day where a time is told by its day alone: it may be midnight, and touch the next day."""
    return timedelta(days=1 if told is not None and told.start != told.end else 0)


def _instants(fact: Lasts, extent: Extent, chart: Chart) -> Extent:
    return extent_in_instants(extent, chart.span(fact.start), chart.span(fact.end), chart.policy.time_zone)


def now(fact: Lasts, chart: Chart, moment: Moment) -> tuple[Reason | None, tuple[Change, ...]]:
    """Begun, and not ended; without a time it is there."""
    start, end = chart.span(fact.start), chart.span(fact.end)
    if start is not None and moment.is_future(start):
        return None, (start.start,)
    if end is None or end == start:  # one instant: when it was seen in use
        return Reason.RECORDED, ()
    if moment.is_future(end) or end.last >= moment.day:
        return Reason.RECORDED, (end.last + timedelta(days=1),) if end.last < date.max else ()
    return Reason.NO_DATA, ()


IMPLANTED, EXPLANTED = "implanted", "explanted"
"""FHIR's codes of what a procedure did to a device (device-action)."""


def since(look_back: Duration | None, ago: Duration | None) -> Placing:
    """Still there, and put in, or first used, within a window, or so long ago.

    By the procedure that put it in where one says so, else by the beginning of its use. A single time of use, or of
    another procedure, says only that it was there by then. One that was, or may have been, taken out is a question.
    """

    def place(fact: Lasts, chart: Chart, moment: Moment) -> tuple[Reason | None, tuple[Change, ...]]:
        present, changes = now(fact, chart, moment)
        if present is not Reason.RECORDED:
            return present, changes
        name = _device(fact) if isinstance(fact, EntryFact) else fact.source.resource
        actions = tuple(_actions(name, chart, moment))
        if any(action == EXPLANTED for action, _ in actions):
            return Reason.NEEDS_REVIEW, changes
        extent = Extent(_begin(name, actions, chart), ONGOING)
        asked = [at_least_ago(extent, ago, moment)] if ago is not None else []
        asked += [begun_within(extent, look_back, moment)] if look_back is not None else []
        found = both(asked)
        return found.reason, changes + found.changes

    return place


def _actions(name: str, chart: Chart, moment: Moment) -> Iterator[tuple[str, Span | None]]:
    """What procedures that are done did to a device, and when; taken out also by one that may have been done."""
    for each in (*chart.record.all_exposures, *chart.record.unsure_procedures):
        action = each.devices().get(name) if each.devices is not None else None
        if action is None or each.ordered or (each.open and action != EXPLANTED):
            continue
        time = chart.span(each.start)
        if time is None or not moment.is_future(time):
            yield action, time


def _device(entry: EntryFact) -> str:
    """What the device of an entry is called."""
    named = (code.code for said in entry.beside.get(USED, ()) for code in said.codes)
    return next(named, entry.source.resource)


def _begin(name: str, actions: Sequence[tuple[str, Span | None]], chart: Chart) -> Days:
    put_in = [days(time) for action, time in actions if action == IMPLANTED]
    if len(put_in) == 1:
        return put_in[0]
    uses = [each for each in chart.record.entries.get(EntryList.DEVICES, ()) if _device(each) == name]
    times = [(chart.span(each.start), chart.span(each.end)) for each in uses]
    begun = [days(start) for start, end in times if start is not None and start != end]
    if len(begun) == 1 and not put_in:
        return begun[0]
    seen = [*(start for start, _ in times), *(time for _, time in actions)]
    return Days(None, min((time.last for time in seen if time is not None), default=None))


def ahead(within: Duration | None) -> Placing:
    """Not yet over, and beginning within a time from now, if one is asked; what is overdue is too old."""

    def place(fact: Lasts, chart: Chart, moment: Moment) -> tuple[Reason | None, tuple[Change, ...]]:
        start, end = chart.span(fact.start), chart.span(fact.end)
        last = end or start
        if last is not None and not fact.open_end and last.last < moment.day:
            return Reason.STALE, ()
        overdue = (last.last + timedelta(days=1),) if last is not None and last.last < date.max else ()
        if within is None:
            return Reason.RECORDED, overdue
        if start is None:
            return Reason.UNDATED, overdue
        limit = _shifted(moment.day, within, 1)
        if start.last <= limit:
            return Reason.RECORDED, overdue
        nearing = tuple(day for day in _nearing(start.first, start.last, within) if day > moment.day)
        return (Reason.OUTSIDE_WINDOW if start.first > limit else Reason.IMPRECISE_DATE), nearing

    return place


def _nearing(first: date, last: date, within: Duration) -> Iterator[date]:
    """The days on which a time may come within reach."""
    for day in dict.fromkeys((first, last)):
        begin = _shifted(day, within, -1)
        yield from (begin + timedelta(days=more) for more in range(_CLIPPED) if begin < date.max - timedelta(days=more))


def _shifted(day: date, by: Duration, sign: int) -> date:
    try:
        return add(day, by, sign)
    except OverflowError:
        return date.max if sign > 0 else date.min
