"""FHIR dates and times as intervals (FHIR R4, datatypes: date, dateTime, instant, Period).

A partial date is the interval of days that it covers. A date has no time zone of its own: which instants it covers is
said by the site's zone, when it is evaluated.
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from msgspec import Struct

_FORM = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(Z|[+-]\d{2}:\d{2})?)?)?)?",
    re.ASCII,
)


_SECOND_DAY = date.min + timedelta(days=1)
_LAST_BUT_ONE = date.max - timedelta(days=1)
_WIDEST_OFFSET = timedelta(hours=14)
_DAY_LENGTH = len("2026-03-01")
_ZULU = {"--T::Z": 20, "--T::.": 24}
"""What stands around the numbers of 2026-03-01T12:00:00Z and 2026-03-01T12:00:00.000Z, and how long they are."""

_OFFSET = {"--T::+": 25, "--T::-": 25}
"""The same of 2026-03-01T12:00:00+01:00."""


_from_text = datetime.fromisoformat


class When(Struct, frozen=True, gc=False):
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
    soon = quick(text)
    if soon is not None:
        return soon
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
        return When(text, max(on, _SECOND_DAY) - timedelta(days=1), min(on, _LAST_BUT_ONE) + timedelta(days=1))
    moment = _moment(on, (hour, minute, second or "00", fraction or "0"), zone)
    return When(text, moment.date(), moment.date(), moment)


def readable(text: str | None) -> When | None:
    """The same; None where there is nothing, or nothing that can be read."""
    try:
        return None if text is None else parse(text)
    except ValueError:
        return None


def quick(text: str) -> When | None:
    """The two commonest forms, a whole day and a time with seconds and zone, by the standard library's parser.

    None for any other, and for what is none: `parse` says which.
    """
    length, marks = len(text), text[4:20:3]
    try:
        if _OFFSET.get(marks) == length:
            offset = _offset(text[19:])
            if offset is None:
                return None
            moment = _from_text(f"{text[:19]}Z") - offset
        elif _ZULU.get(marks) == length and text[-1] == "Z":
            moment = _from_text(text)
        else:
            day = date.fromisoformat(text) if length == _DAY_LENGTH and marks == "--" else None
            return None if day is None else When(text, day, day)
        day = moment.date()
        return When(text, day, day, moment)
    except (ValueError, OverflowError):
        return None


@lru_cache(256)
def _offset(text: str) -> timedelta | None:
    """What an offset says, as +01:00; None for one beyond those of time zones. Raises ValueError for what is none."""
    found = _from_text(f"2000-01-01T00:00:00{text}").utcoffset() or timedelta()
    return found if abs(found) <= _WIDEST_OFFSET and text[4:] <= "59" else None


def _moment(on: date, clock: tuple[str, str, str, str], zone: str) -> datetime:
    hour, minute, second, fraction = clock
    offset = timedelta()
    if zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6])) * (-1 if zone[0] == "-" else 1)
    if abs(offset) > _WIDEST_OFFSET or int(zone[4:6] or 0) >= 60:  # noqa: PLR2004  # minutes
        msg = "a time zone beyond 14:00"
        raise ValueError(msg)
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
