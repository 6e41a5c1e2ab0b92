"""Times of HL7 v2 (`YYYY[MM[DD[HH[MM[SS[.S…]]]]]][+/-ZZZZ]`) -> FHIR dates and dateTimes.

A time of day needs a zone in FHIR: the time's own, else the message's (MSH-7 says the sender's), else the site's. With
none of them the time of day is left out, and so it is where only the hour is known, or where the clock is turned back
and the hour happens twice: nothing is guessed.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_FORM = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,9}))?)?)?)?)?)?\s*([+-]\d{4}|Z)?", re.ASCII
)
_WIDEST = timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class Clock:
    """What a message says of its times' zone: its own offset, else the site's zone."""

    offset: tzinfo | None = None
    zone: ZoneInfo | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as FHIR has it; `exact` if it is an instant with seconds and zone."""

    text: str
    exact: bool = False

    @property
    def date(self) -> str:
        """The day, or what is known of it."""
        return self.text[:10]


def read_time(text: str, clock: Clock) -> Moment | None:  # noqa: PLR0911  # one return a precision
    """The time that was meant; None if it is none."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    if month is None or day is None:
        partial = year if month is None else f"{year}-{month}"
        return Moment(partial) if int(year) and _is_day(int(year), int(month or 1), 1) else None
    if not _is_day(int(year), int(month), int(day)):
        return None
    date = f"{year}-{month}-{day}"
    if hour is None:
        return Moment(date)
    try:
        local = datetime(int(year), int(month), int(day), int(hour), int(minute or 0), int(second or 0))  # noqa: DTZ001  # its zone follows
    except ValueError:
        return None
    zone = _zone(offset, clock) if minute is not None else None
    if zone is None or _happens_twice(local, zone):
        return Moment(date)
    aware = local.replace(tzinfo=zone).isoformat().replace("+00:00", "Z")
    if fraction:
        aware = f"{aware[:19]}.{fraction[:3]}{aware[19:]}"
    return Moment(aware, exact=True)


def clock_of(sent: str, zone: ZoneInfo | None) -> Clock:
    """The clock of a message that was sent at MSH-7."""
    found = _FORM.fullmatch(sent.strip())
    return Clock(offset=_offset(found[8]) if found and found[8] else None, zone=zone)


def instant(text: str, clock: Clock) -> str | None:
    """The time as a FHIR instant, for records of the conversion itself; without zone it is read as UTC's."""
    found = _FORM.fullmatch(text.strip())
    moment = read_time(text, clock)
    if found is None or moment is None:
        return None
    if moment.exact:
        return moment.text
    year, month, day, hour, minute, second = (
        int(part or least) for part, least in zip(found.groups()[:6], _LEAST, strict=True)
    )
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC).isoformat().replace("+00:00", "Z")


_LEAST = (1, 1, 1, 0, 0, 0)


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        datetime(year, month, day)  # noqa: DTZ001  # only whether there is such a day
    except ValueError:
        return False
    return True


def _zone(offset: str | None, clock: Clock) -> tzinfo | None:
    return (_offset(offset) if offset else None) or clock.offset or clock.zone


def _offset(text: str) -> tzinfo | None:
    if text == "Z":
        return UTC
    distance = timedelta(hours=int(text[1:3]), minutes=int(text[3:]))
    if distance > _WIDEST or int(text[3:]) > 59:  # noqa: PLR2004  # minutes
        return None
    return timezone(-distance if text[0] == "-" else distance)


def _happens_twice(local: datetime, zone: tzinfo) -> bool:
    """Whether the clock shows this time twice or never, when it is turned."""
    one, other = local.replace(tzinfo=zone), local.replace(tzinfo=zone, fold=1)
    return one.utcoffset() != other.utcoffset()
