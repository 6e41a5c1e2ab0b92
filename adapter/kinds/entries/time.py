"""Whether an entry's time is the one that is asked for."""

from collections.abc import Iterator
from datetime import date, timedelta

from adapter.criteria.calendar import Duration, add
from adapter.evaluator.chart import Chart
from adapter.evaluator.moment import Change, Moment
from adapter.evaluator.reason import Reason
from adapter.kinds.entries.evaluate import Placing
from adapter.kinds.exposure.standing import Lasts, Standing, placed

_PLACED = {
    Standing.RECORDED: Reason.RECORDED,
    Standing.IMPRECISE: Reason.IMPRECISE_DATE,
    Standing.UNDATED: Reason.UNDATED,
    Standing.STALE: Reason.STALE,
    Standing.OUTSIDE: Reason.OUTSIDE_WINDOW,
}

_CLIPPED = 4
"""In days: by so much less may a month's end be clipped."""


def lately(look_back: Duration | None) -> Placing:
    """Begun by now, and any day of it in the window, if there is one."""

    def place(fact: Lasts, chart: Chart, moment: Moment) -> tuple[Reason | None, tuple[Change, ...]]:
        start = chart.span(fact.start)
        if start is not None and moment.is_future(start):
            return None, (start.start,)
        standing, changes = placed(fact, look_back, chart, moment)
        return _PLACED[standing], changes

    return place


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
