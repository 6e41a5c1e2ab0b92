"""When something was, as far as a record says it, and how that stands to windows, ages and other things.

An extent has a beginning and an end, each somewhere within some days; a bound of None is not known. Every question has
three answers: met where every reading of the dates says so, not met where none does, and else unknown, with the reason
for it. The same functions serve diagnoses, drugs and procedures.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from adapter.criteria.calendar import Duration, Length, add, birthday, expiry
from adapter.criteria.quantity import AgeBound
from adapter.criteria.truth import Truth, conjunction
from adapter.evaluator.moment import TICK, Change, Moment, Span, midnight, of_days
from adapter.evaluator.reason import Reason
from adapter.record.when import When

_DAY = timedelta(days=1)


class Days(NamedTuple):
    """The days between which something happened, both inclusive; None: any day before, or after.

    Instants instead, where two things are related by hours.
    """

    first: date | None
    last: date | None


class Extent(NamedTuple):
    """When something began and when it ended; an end after as-of's day means that it goes on. `over`: it doesn't."""

    begin: Days
    end: Days
    over: bool = False


class Reply(NamedTuple):
    """An answer to a question about time or amount: why it is unknown, and when it may be another one."""

    truth: Truth
    reason: Reason = Reason.RECORDED
    changes: tuple[Change, ...] = ()


SURE = Reply(Truth.MET)
"""Nothing was asked."""


def both(answers: Sequence[Reply]) -> Reply:
    """All of several answers; an unknown has the reason of the first of them."""
    truth = conjunction([each.truth for each in answers])
    reason = next((each.reason for each in answers if each.truth is truth), Reason.RECORDED)
    return Reply(truth, reason, tuple(change for each in answers for change in each.changes))


def days(span: Span | None) -> Days:
    """The days of a known time; any day of an unknown one."""
    return Days(None, None) if span is None else Days(span.first, span.last)


ONGOING = Days(date.max, None)
"""The end of what goes on."""
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def in_instants(held: Days, time: Span | None, zone: ZoneInfo) -> Days:
    """The same in instants: those of the time that the days are of, else from their first midnight to their last."""
    if time is not None and held == days(time):
        return Days(time.start, time.end)
    first = None if held.first is None else _LAST if held.first == date.max else midnight(held.first, zone)
    return Days(first, None if held.last is None else of_days(held.last, held.last, zone).end)


def extent_in_instants(held: Extent, begun: Span | None, over: Span | None, zone: ZoneInfo) -> Extent:
    """An extent in instants, by the times that its beginning and its end are of."""
    return Extent(in_instants(held.begin, begun, zone), in_instants(held.end, over, zone), held.over)


def ended(begin: Days, known: date | None = None) -> Extent:
    """What is over, and nobody says since when; at the latest when that was `known`."""
    return Extent(begin, Days(begin.first, known), over=True)


def _answer(*, sure: bool, possible: bool, known: Days, changes: tuple[Change, ...] = ()) -> Reply:
    """Met where it is sure, not met where it isn't possible; else why it is open: no date, or too coarse a one."""
    if sure:
        return Reply(Truth.MET, changes=changes)
    if not possible:
        return Reply(Truth.NOT_MET, Reason.OUTSIDE_WINDOW, changes)
    undated = known.first is None or known.last is None
    return Reply(Truth.UNKNOWN, Reason.UNDATED if undated else Reason.IMPRECISE_DATE, changes)


def at_least_ago(extent: Extent, window: Length, moment: Moment) -> Reply:
    """Whether it began so long ago, or longer; hours are asked of an extent in instants."""
    begin = extent.begin
    edge = moment.window_start(window) if isinstance(window, Duration) else moment.as_of - window.back
    return _answer(
        sure=begin.last is not None and begin.last <= edge,
        possible=begin.first is None or begin.first <= edge,
        known=begin,
        changes=_reached(begin, window, moment),
    )


def begun_within(extent: Extent, window: Duration, moment: Moment) -> Reply:
    """Whether it began within a window that ends today."""
    begin, edge = extent.begin, moment.window_start(window)
    return _answer(
        sure=begin.first is not None and begin.first >= edge,
        possible=begin.last is None or begin.last >= edge,
        known=begin,
        changes=tuple(
            change
            for day in {begin.first, begin.last}
            if day is not None
            for change in moment.leaving(day, day, window)
        ),
    )


def lasting(extent: Extent, length: Length, moment: Moment) -> Reply:
    """Whether it went on for so long or longer, until its end or until today; hours are of an extent in instants."""
    begin, end, _ = extent
    now, never = (moment.day, date.max) if isinstance(length, Duration) else (moment.as_of, _LAST)
    at_least = None if end.first is None else min(end.first, now)
    at_most = now if end.last is None else min(end.last, now)
    ends = tuple(day for day in end if day is not None and now < day < never)
    return _answer(
        sure=begin.last is not None and at_least is not None and begin.last <= back(at_least, length),
        possible=begin.first is None or begin.first <= back(at_most, length),
        known=Days(begin.first, end.first),
        changes=_reached(begin, length, moment) + ends,
    )


def ongoing(extent: Extent, moment: Moment) -> Reply:
    """Whether it goes on today; of an extent in instants, at the moment."""
    end = extent.end
    if extent.over:
        return Reply(Truth.NOT_MET, Reason.OUTSIDE_WINDOW)
    if isinstance(end.first, datetime):
        return _answer(
            sure=end.first >= moment.as_of,
            possible=end.last is None or end.last >= moment.as_of,
            known=end,
            changes=tuple(each + TICK for each in end if each is not None and moment.as_of <= each < _LAST),
        )
    return _answer(
        sure=end.first is not None and end.first >= moment.day,
        possible=end.last is None or end.last >= moment.day,
        known=end,
        changes=tuple(day + _DAY for day in end if day is not None and moment.day <= day < date.max),
    )


def at_age(extent: Extent, lower: AgeBound | None, upper: AgeBound | None, birth: When | None) -> Reply:
    """Whether it began at an age within the bounds."""
    begin = extent.begin
    if birth is None:
        return Reply(Truth.UNKNOWN, Reason.NO_DATA)
    sure = possible = True
    if lower is not None:
        more = timedelta(days=0 if lower.inclusive else 1)
        sure = begin.first is not None and begin.first >= birthday(birth.last, lower.age) + more
        possible = begin.last is None or begin.last >= birthday(birth.first, lower.age) + more
    if upper is not None:
        age = Duration(upper.age.count + 1, upper.age.unit) if upper.inclusive else upper.age
        sure = sure and begin.last is not None and begin.last < birthday(birth.first, age)
        possible = possible and (begin.first is None or begin.first < birthday(birth.last, age))
    return _answer(sure=sure, possible=possible, known=begin)


class Relation(StrEnum):
    """How one event stands to another in time."""

    BEFORE = "before"
    AFTER = "after"
    DURING = "during"


def related(  # the parts of one question
    one: Extent,
    relation: Relation,
    other: Extent,
    *,
    after: Days,
    within: Length | None,
    at_least: Length | None,
    more_than: Length | None = None,
) -> Reply:
    """Whether one thing began before, after or during another; lengths in hours are for extents in instants.

    Before another counts to its beginning; after it from `after`: a diagnosis' beginning, a treatment's end. `within`:
    no more than so long away from that; `at_least`: no less; `more_than`: more.
    """
    if relation is Relation.DURING:
        return _during(one, other)
    if relation is Relation.AFTER:
        return _after(one.begin, after, within, at_least, more_than)
    found = [_order(one.begin, other.begin)]
    if within is not None:  # any day of it
        found.append(_order(Days(*_shift(other.begin, within, -1)), one.end, same=True))
    if at_least is not None:
        found.append(_order(one.end, Days(*_shift(other.begin, at_least, -1)), same=True))
    if more_than is not None:
        found.append(_later(one.end, Days(*_shift(other.begin, more_than, -1))))
    return both(found)


def _after(begin: Days, other: Days, within: Length | None, at_least: Length | None, more_than: Length | None) -> Reply:
    found = [_order(other, begin)]
    if within is not None:
        found.append(_order(begin, Days(*_shift(other, within, 1)), same=True))
    if at_least is not None:
        found.append(_order(Days(*_shift(other, at_least, 1)), begin, same=True))
    if more_than is not None:
        found.append(_later(Days(*_shift(other, more_than, 1)), begin))
    return both(found)


def _during(one: Extent, other: Extent) -> Reply:
    return both([_order(other.begin, one.begin, same=True), _order(one.begin, other.end, same=True)])


def _order(early: Days, late: Days, *, same: bool = False) -> Reply:
    """Whether one day lies before another; `same`: or is the same. Two times of one day have no known order."""
    sure = (
        early.last is not None
        and late.first is not None
        and (early.last < late.first or (same and early.last == late.first))
    )
    possible = early.first is None or late.last is None or early.first <= late.last
    known = early if early.first is None or early.last is None else late
    return _answer(sure=sure, possible=possible, known=known)


def _later(early: Days, late: Days) -> Reply:
    """Whether one day lies after another, and is not the same: lengths of time are strict on the date."""
    sure = early.last is not None and late.first is not None and early.last < late.first
    possible = early.first is None or late.last is None or early.first < late.last
    return _answer(sure=sure, possible=possible, known=early if early.first is None or early.last is None else late)


def apart(one: Extent, other: Extent) -> bool:
    """Whether two things are known to be two: neither had begun when the other had ended."""
    return _order(one.end, other.begin).truth is Truth.MET or _order(other.end, one.begin).truth is Truth.MET


def joined(extents: Sequence[Extent], moment: Moment) -> tuple[Extent, ...]:
    """What follows one another without a gap, as one: of each chain the time that is sure to be covered.

    A day after the last one is no gap. What has no known beginning or end stays alone.
    """
    known = sorted(
        (each.begin.last, min(each.end.first, moment.day))
        for each in extents
        if each.begin.last is not None and each.end.first is not None and each.begin.last <= each.end.first
    )
    chains: list[tuple[date, date]] = []
    for begin, end in known:
        if chains and begin <= chains[-1][1] + _DAY:
            chains[-1] = chains[-1][0], max(chains[-1][1], end)
        else:
            chains.append((begin, end))
    return tuple(Extent(Days(begin, begin), Days(end, end)) for begin, end in chains)


def back(day: date, length: Length) -> date:
    """So long before a day, or of hours before an instant; the calendar's first if that lies beyond."""
    try:
        return add(day, length, -1) if isinstance(length, Duration) else day - length.back
    except OverflowError:
        return date.min if isinstance(length, Duration) else _FIRST


def _shift(held: Days, length: Length, way: int) -> tuple[date | None, date | None]:
    """Both ends so much later (1) or earlier (-1)."""
    end = (date.max if way > 0 else date.min) if isinstance(length, Duration) else (_LAST if way > 0 else _FIRST)

    def moved(day: date | None) -> date | None:
        if day is None:
            return None
        try:
            return add(day, length, way) if isinstance(length, Duration) else day + way * length.back
        except OverflowError:
            return end

    return moved(held.first), moved(held.last)


def _reached(held: Days, window: Length, moment: Moment) -> tuple[Change, ...]:
    """The first days, or instants, from which a window counted back reaches either end."""
    found: list[Change] = []
    if not isinstance(window, Duration):
        return tuple(each for each in _shift(held, window, 1) if each is not None and each > moment.as_of)
    for day in {held.first, held.last}:
        if day is not None and day > date.min:
            try:
                first = expiry(day - _DAY, window)
            except OverflowError:
                continue
            found += [first] if first > moment.day else []
    return tuple(sorted(found))
