"""Whether an entry's time is the one that is asked for."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from adapter.criteria.calendar import Duration, Length, add
from adapter.evaluator.chart import Chart
from adapter.evaluator.extent import ONGOING, Days, Extent, at_least_ago, begun_within, both, days
from adapter.evaluator.moment import Change, Moment, Placed, Span
from adapter.evaluator.reason import Reason
from adapter.kinds.entries.evaluate import Placing
from adapter.kinds.exposure.statement import Lasts, Standing, placed
from adapter.record.facts import EntryFact, EntryList
from adapter.record.read_entry import USED

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
