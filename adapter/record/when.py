"""FHIR dates and times as intervals (FHIR R4, datatypes: date, dateTime, instant, Period).

A partial date is the interval of days that it covers. A date has no time zone of its own: which instants it covers is
said by the site's zone, when it is evaluated.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from adapter.criteria.quantity import CalendarUnit, Duration

_FORM = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(Z|[+-]\d{2}:\d{2})?)?)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class When:
    """When something was: an instant, or all of the days from `first` to `last`.

    `moment` is aware and in UTC; with it, `first` and `last` are its UTC day. `text` is the FHIR text.
    """

    text: str
    first: date
    last: date
    moment: datetime | None = None


def parse(text: str) -> When:
    """Read a FHIR date, dateTime or instant.

    A time of day without a zone (which FHIR forbids) is read as its day, widened by a day to either side.
    Raises ValueError for anything else, with no part of the text in the message.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        msg = "not a FHIR date or dateTime"
        raise ValueError(msg)
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    if month is None:
        return When(text, date(int(year), 1, 1), date(int(year), 12, 31))
    if day is None:
        last = monthrange(int(year), int(month))[1] if 1 <= int(month) <= 12 else 0  # noqa: PLR2004  # months
        return When(text, date(int(year), int(month), 1), date(int(year), int(month), last))
    on = date(int(year), int(month), int(day))
    if hour is None:
        return When(text, on, on)
    if zone is None:
        return When(text, on - timedelta(days=1), on + timedelta(days=1))
    moment = _moment(on, (hour, minute, second or "00", fraction or "0"), zone)
    return When(text, moment.date(), moment.date(), moment)


def _moment(on: date, clock: tuple[str, str, str, str], zone: str) -> datetime:
    hour, minute, second, fraction = clock
    offset = timedelta()
    if zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6])) * (-1 if zone[0] == "-" else 1)
    seconds = min(int(second), 59) if int(second) <= 60 else int(second)  # noqa: PLR2004  # 60: a leap second
    micro = int(fraction[:6].ljust(6, "0"))
    try:
        return datetime(on.year, on.month, on.day, int(hour), int(minute), seconds, micro, tzinfo=UTC) - offset
    except OverflowError as error:
        msg = "a time beyond the calendar"
        raise ValueError(msg) from error


def between(text: str, start: When | None, end: When | None) -> When | None:
    """An interval from the first day of `start` to the last of `end`; None without both."""
    if start is None or end is None or start.first > end.last:
        return None
    return When(text, start.first, end.last)


def add(day: date, duration: Duration, count: int = 1) -> date:
    """`day` + count x duration in calendar units, clipped to the month's last day (CONFORMANCE: Time).

    Raises OverflowError beyond the calendar's years.
    """
    number = duration.count * count
    if duration.unit is CalendarUnit.DAY:
        return day + timedelta(days=number)
    if duration.unit is CalendarUnit.WEEK:
        return day + timedelta(weeks=number)
    months = day.year * 12 + day.month - 1 + number * (12 if duration.unit is CalendarUnit.YEAR else 1)
    year, month = divmod(months, 12)
    if not date.min.year <= year <= date.max.year:
        msg = "a date beyond the calendar"
        raise OverflowError(msg)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def birthday(birth: date, age: Duration) -> date:
    """The day on which an age is completed: like `add`, but a year's birthday on 29 February is 1 March."""
    reached = add(birth, age)
    if age.unit is CalendarUnit.YEAR and reached.day != birth.day:
        return reached + timedelta(days=1)
    return reached


def expiry(day: date, window: Duration) -> date:
    """The first day from which a window counted back no longer reaches `day`."""
    late = add(day, window) + timedelta(days=1)
    while add(late, window, -1) <= day:
        late += timedelta(days=1)
    return late
