"""Calendar arithmetic: units, lengths of time and their texts, birthdays, and windows counted back (CONFORMANCE: Time).

A month is a calendar month everywhere, and a year a calendar year; a unit's text means the same wherever it stands.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, timedelta
from decimal import Decimal
from enum import StrEnum


class CalendarUnit(StrEnum):
    """UCUM codes of the units in which windows and ages are counted."""

    DAY = "d"
    WEEK = "wk"
    MONTH = "mo"
    YEAR = "a"

    @property
    def word(self) -> str:
        """In English."""
        return self.name.lower()

    @property
    def letter(self) -> str:
        """In ISO 8601."""
        return self.name[0]


_DAY, _WEEK, _MONTH, _YEAR = CalendarUnit

_TEXTS = {
    text: unit
    for unit, texts in {
        CalendarUnit.DAY: ("d", "day", "days"),
        CalendarUnit.WEEK: ("wk", "wks", "week", "weeks"),
        CalendarUnit.MONTH: ("mo", "mos", "month", "months"),
        CalendarUnit.YEAR: ("a", "y", "yr", "yrs", "year", "years"),
    }.items()
    for text in texts
}
_LETTERS = {unit.letter: unit for unit in CalendarUnit}
_SHORTEST_MONTH = 28


def unit_of(text: str | None) -> CalendarUnit | None:
    """The unit that a text means, as records write it; None for any other."""
    return _TEXTS.get((text or "").strip().casefold())


@dataclass(frozen=True, slots=True)
class Duration:
    """A whole number of calendar units."""

    count: int
    unit: CalendarUnit

    def __str__(self) -> str:
        """ISO 8601, as in P30D, P12M, P1W."""
        return f"P{self.count}{self.unit.letter}"

    @property
    def words(self) -> str:
        """As in `1 day`, `12 months`."""
        return f"{self.count} {self.unit.word}{'' if self.count == 1 else 's'}"

    @property
    def days(self) -> Decimal:
        """About how many days; good enough to see which of two lengths is the longer."""
        return self.count * _DAYS[self.unit]

    def times(self, many: int) -> "Duration":
        """So many of it."""
        return Duration(self.count * many, self.unit)


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours and minutes back from an instant, where days are too coarse: within 24 hours, within 4 hours 30 minutes."""

    minutes: int
    """All of them: 270 are 4 hours 30 minutes."""

    def __str__(self) -> str:
        """ISO 8601, as in PT24H, PT4H30M, PT45M."""
        hours, minutes = divmod(self.minutes, 60)
        return "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")

    @property
    def words(self) -> str:
        """As in `24 hours`, `4 hours 30 minutes`."""
        parts = zip(divmod(self.minutes, 60), ("hour", "minute"), strict=True)
        return " ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts if count)

    @property
    def back(self) -> timedelta:
        """The same as a difference of instants."""
        return timedelta(minutes=self.minutes)

    @property
    def days(self) -> Decimal:
        """How many days; good enough to see which of two lengths is the longer."""
        return Decimal(self.minutes) / (24 * 60)

    def times(self, many: int) -> "Hours":
        """So many of it, a life at most: what is longer would lead out of the calendar."""
        return Hours(min(self.minutes * many, int(LIFE.days) * 24 * 60))


Length = Duration | Hours
"""A length of time back from an instant."""


def calendar_length(length: Length | None) -> Duration | None:
    """A length in calendar units; None for one in hours or minutes, and for none."""
    return length if isinstance(length, Duration) else None


_DAYS = {
    CalendarUnit.DAY: Decimal(1),
    CalendarUnit.WEEK: Decimal(7),
    CalendarUnit.MONTH: Decimal("30.4375"),
    CalendarUnit.YEAR: Decimal("365.25"),
}

LIFE = Duration(150, CalendarUnit.YEAR)
"""No window and no age is longer."""

ISO_PATTERN = r"^P[1-9][0-9]*[DWMY]$"
"""The pattern of a length of time in ISO 8601: one part, as `Duration` has it."""
_ISO = re.compile(ISO_PATTERN.strip("^$"), re.ASCII)


def duration(text: object) -> Duration:
    """The length that an ISO 8601 text of one part says: P30D, P1W, P12M, P1Y.

    Raises ValueError, with words for the author, for any other, and for one that is longer than a life.
    """
    if not isinstance(text, str) or _ISO.fullmatch(text) is None:
        msg = f"{text!r} is no duration; write P and a whole number of D, W, M or Y, as in P30D or P12M"
        raise ValueError(msg)
    return of_a_life(Duration(int(text[1:-1]), _LETTERS[text[-1]]), text)


ISO_OR_HOURS_PATTERN = r"^P(?:[1-9][0-9]*[DWMY]|T(?:[1-9][0-9]*H(?:[1-9][0-9]*M)?|[1-9][0-9]*M))$"
"""The same, or hours, minutes, or both."""
_ISO_HOURS = re.compile(r"PT(?:([1-9][0-9]{0,3})H)?(?:([1-9][0-9]{0,3})M)?(?<!T)", re.ASCII)


def duration_or_hours(text: object) -> Duration | Hours:
    """A length of one part, or hours and minutes: P30D, PT24H, PT4H30M. Raises ValueError as `duration` does."""
    if not isinstance(text, str) or not text.startswith("PT"):
        return duration(text)
    found = _ISO_HOURS.fullmatch(text)
    if found is None:
        msg = f"{text!r} is no duration; write PT and whole numbers of H and M, as in PT24H, PT45M or PT4H30M"
        raise ValueError(msg)
    return Hours(60 * int(found[1] or 0) + int(found[2] or 0))


def of_a_life(length: Duration, text: str) -> Duration:
    """The length. Raises ValueError for one that would lead out of the calendar, with the text it was read from."""
    if length.days > LIFE.days:
        msg = f"{text!r} is longer than a life; write {LIFE.count} years at most"
        raise ValueError(msg)
    return length


def age_of(number: Decimal | None, unit: str | None, more: int = 0) -> Duration | None:
    """A recorded age in completed units, `more` units later; None for what is no age.

    A part of a unit that is not completed yet doesn't count.
    """
    known = unit_of(unit)
    if number is None or known is None or not 0 <= number <= LIFE.days:
        return None
    return Duration(int(number) + more, known)


def add(day: date, length: Duration, count: int = 1) -> date:
    """`day` + count x length in calendar units, clipped to the month's last day.

    Raises OverflowError beyond the calendar's years.
    """
    number = length.count * count
    if length.unit is _DAY:
        return day + timedelta(days=number)
    if length.unit is _WEEK:
        return day + timedelta(weeks=number)
    if length.unit is _YEAR and day.day <= _SHORTEST_MONTH and MINYEAR <= day.year + number <= MAXYEAR:
        return date(day.year + number, day.month, day.day)  # nothing is clipped: so it is with most
    months = day.year * 12 + day.month - 1 + number * (12 if length.unit is _YEAR else 1)
    year, month = divmod(months, 12)
    if not date.min.year <= year <= date.max.year:
        msg = "a date beyond the calendar"
        raise OverflowError(msg)
    last = _SHORTEST_MONTH if day.day <= _SHORTEST_MONTH else monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def birthday(birth: date, age: Duration) -> date:
    """The day on which an age is completed: like `add`, but a year's birthday on 29 February is 1 March.

    An age that the calendar can't hold is reached on its last day.
    """
    try:
        reached = add(birth, age)
    except OverflowError:
        return date.max
    if age.unit is _YEAR and reached.day != birth.day:
        return reached + timedelta(days=1)
    return reached


def last_day(holds: Callable[[date], bool], until: date) -> date:
    """The last day for which something holds that holds of all days before it, too; date.min if it holds of none."""
    if holds(until):
        return until
    low, high = date.min, until
    while (high - low) > timedelta(days=1):
        middle = low + (high - low) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def expiry(day: date, window: Duration) -> date:
    """The first day from which a window counted back no longer reaches `day`."""
    if window.unit is _DAY:
        return day + timedelta(days=window.count + 1)
    late = add(day, window) + timedelta(days=1)
    if day.day < _SHORTEST_MONTH:
        return late  # every month has both days, so nothing is clipped on the way back
    while add(late, window, -1) <= day:
        late += timedelta(days=1)
    return late
