"""The instant of an evaluation, and how intervals of time stand to it and to windows counted back from it."""

from datetime import UTC, date, datetime, time, timedelta
from enum import Enum, auto
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

from adapter.criteria.calendar import Duration, Hours, Length, add, expiry
from adapter.record.when import When

Change = date | datetime
"""When something may change: an instant, or the start of a local day."""


TICK = timedelta(microseconds=1)
"""From an instant to the first one after it."""


class Span(Struct, frozen=True, gc=False):
    """An interval of time, as instants and as local days."""

    start: datetime
    end: datetime
    first: date
    last: date


def span(when: When, zone: ZoneInfo) -> Span:
    """The interval of a FHIR time; days are days of the zone."""
    moment = when.moment
    if moment is not None:
        day = when.first if zone.key == "UTC" else _local_day(moment, zone)
        return Span(moment, moment, day, day)
    return Span(midnight(when.first, zone), _day_end(when.last, zone), when.first, when.last)


def _local_day(moment: datetime, zone: ZoneInfo) -> date:
    if zone.key == "UTC":
        return moment.date()
    try:
        return moment.astimezone(zone).date()
    except OverflowError:  # the calendar's first or last day, east or west of UTC
        return moment.date()


@lru_cache(8192)  # many patients have results of the same days
def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC."""
    if zone.key == "UTC":
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    try:
        return datetime.combine(day, time(), zone).astimezone(UTC)
    except OverflowError:  # the calendar's first or last day, east or west of UTC
        return datetime.combine(day, time(), UTC)


def _day_end(day: date, zone: ZoneInfo) -> datetime:
    if day == date.max:
        return datetime.max.replace(tzinfo=UTC)
    return midnight(day + timedelta(days=1), zone) - TICK


_MOST_WINDOWS = 1024
_MOST_HELD = 16384


class Placed(Enum):
    """Where an interval lies to a window."""

    INSIDE = auto()
    BEFORE = auto()
    STRADDLES = auto()


INSIDE, BEFORE, STRADDLES = Placed
"""By name, as truths are (`adapter.criteria.truth`)."""


class Moment(Struct, frozen=True, eq=False, gc=False):
    """The instant of evaluation (UTC), and its day in the policy's time zone.

    `starts` of windows, where days stand to them and when they leave them (`held`), which of several changes comes
    `first`: found already, for any patient.
    """

    as_of: datetime
    day: date
    zone: ZoneInfo
    starts: dict[int, tuple[Duration, date]] = {}
    held: dict[tuple[int, date, date], tuple[Duration, Placed, tuple[Change, ...]]] = {}
    firsts: dict[tuple[Change, ...], datetime | None] = {}

    def is_future(self, time: Span) -> bool:
        """Whether an interval is known to lie after the instant: such data don't count yet."""
        return time.start > self.as_of

    def window_start(self, window: Duration) -> date:
        """The first day of a window counted back from the day; the calendar's first if it reaches beyond."""
        found = self.starts.get(id(window))
        if found is not None and found[0] is window:
            return found[1]
        start = _start(self.day, window)
        if len(self.starts) >= _MOST_WINDOWS:
            self.starts.clear()
        self.starts[id(window)] = window, start  # it is kept, so its id stays its own
        return start

    def place(self, first: date, last: date, window: Duration) -> Placed:
        """Where the days from `first` to `last` lie; days after the instant's own are not in the window either."""
        return self._held(first, last, window)[1]

    def place_time(self, time: Span, window: Length) -> Placed:
        """Where a time lies: by its days, or, to a window in hours, by its instants.

        Of the day of the evaluation itself the part that has come is meant.
        """
        if isinstance(window, Duration):
            return self.place(time.first, time.last, window)
        start = self.as_of - window.back
        end = min(time.end, self.as_of) if time.last == self.day else time.end
        if time.start >= start and end <= self.as_of:
            return INSIDE
        return BEFORE if end < start else STRADDLES

    def place_days(self, first: date, last: date, window: Length) -> Placed:
        """Where some whole days lie, as far as they have come."""
        if isinstance(window, Duration):
            return self.place(min(first, self.day), min(last, self.day), window)
        return self.place_time(self.come(of_days(first, last, self.zone)), window)

    def leaving_days(self, first: date, last: date, window: Length) -> tuple[Change, ...]:
        """When some days will have been reached, and when they will have left the window."""
        if isinstance(window, Duration):
            return self.leaving(first, last, window)
        return self.leaving_time(of_days(first, last, self.zone), window)

    def come(self, time: Span) -> Span:
        """The part of an interval that has come: what has begun is no later than now."""
        if time.end <= self.as_of:
            return time
        ends = min(time.start, self.as_of), min(time.end, self.as_of)
        return Span(*ends, min(time.first, self.day), min(time.last, self.day))

    def leaving_time(self, time: Span, window: Length) -> tuple[Change, ...]:
        """When a time will have been reached, and when it will have left the window."""
        if isinstance(window, Duration):
            return self.leaving(time.first, time.last, window)
        left = {_after(each, window) for each in (time.start, time.end)}
        ahead = (time.end,) if time.end > self.as_of else ()
        return (*ahead, *sorted(each for each in left if each > self.as_of))

    def leaving(self, first: date, last: date, window: Duration) -> tuple[Change, ...]:
        """When `last` will have been reached, and when `first` and `last` will have left the window."""
        return self._held(first, last, window)[2]

    def stands(self, time: Span, window: Length) -> tuple[Placed, tuple[Change, ...]]:
        """Where a time lies, and when it will have been reached and will have left the window."""
        found = self.held.get((id(window), time.first, time.last))
        if found is not None and found[0] is window:
            return found[1], found[2]
        return self.place_time(time, window), self.leaving_time(time, window)

    def first(self, changes: tuple[Change, ...]) -> datetime | None:
        """The first of the changes that lies after the instant."""
        try:
            return self.firsts[changes]
        except KeyError:
            found = min(
                (each for each in (instant_of(each, self) for each in changes) if each > self.as_of), default=None
            )
        if len(self.firsts) >= _MOST_HELD:
            self.firsts.clear()
        self.firsts[changes] = found
        return found

    def _held(self, first: date, last: date, window: Duration) -> tuple[Duration, Placed, tuple[Change, ...]]:
        key = (id(window), first, last)
        found = self.held.get(key)
        if found is None or found[0] is not window:
            start = self.window_start(window)
            placed = INSIDE if first >= start and last <= self.day else BEFORE if last < start else STRADDLES
            if len(self.held) >= _MOST_HELD:
                self.held.clear()
            # the window is kept, so its id stays its own
            found = self.held[key] = window, placed, self._ends(first, last, window)
        return found

    def _ends(self, first: date, last: date, window: Duration) -> tuple[Change, ...]:
        start = self.window_start(window)
        days = (first,) if first == last else (first, last)
        left = [gone for day in days if start <= day and (gone := _expiry(day, window)) is not None]
        return (last, *left) if last > self.day else tuple(left)


def instant_of(change: Change, moment: Moment) -> datetime:
    """The instant of a change; a day begins at its midnight."""
    return change if isinstance(change, datetime) else midnight(change, moment.zone)


def held_until(day: date, stands: Duration) -> date:
    """The last day for which an entry of a list holds that was asserted on a day."""
    try:
        return add(day, stands)
    except OverflowError:
        return date.max


def of_days(first: date, last: date, zone: ZoneInfo) -> Span:
    """The interval of some local days."""
    return Span(midnight(first, zone), _day_end(last, zone), first, last)


def _after(instant: datetime, window: Hours) -> datetime:
    """The first instant from which a window in hours no longer reaches another one."""
    try:
        return instant + window.back + TICK
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _start(day: date, window: Duration) -> date:
    try:
        return add(day, window, -1)
    except OverflowError:
        return date.min


def _expiry(day: date, window: Duration) -> date | None:
    try:
        return expiry(day, window)
    except OverflowError:
        return None


@lru_cache(256)  # many patients are evaluated at the same one, with the same windows
def moment_at(as_of: datetime, zone: ZoneInfo) -> Moment:
    """The moment of an aware datetime."""
    utc = as_of.astimezone(UTC)
    return Moment(utc, _local_day(utc, zone), zone)
