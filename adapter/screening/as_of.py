"""The instant that everything is evaluated at, from what a person writes (CONFORMANCE: Time)."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

from adapter.errors import UsageError
from adapter.record.when import parse

_LAST = time(23, 59, 59, 999_000)
_DATE_LENGTH = len("2026-03-01")


def read_as_of(text: str, zone: ZoneInfo) -> datetime:
    """A FHIR dateTime with its zone as it is; a full date as the end of that day in the site's zone.

    Raises UsageError for anything else: half a date would leave open which day is meant.
    """
    try:
        when = parse(text)
    except ValueError:
        when = None
    if when is not None and when.moment is not None:
        return when.moment
    if when is None or when.first != when.last or len(text) != _DATE_LENGTH:
        msg = f"as-of {text!r} is no day or instant; write 2026-03-01, or 2026-03-01T12:00:00Z with its time zone"
        raise UsageError(msg)
    return datetime.combine(when.first, _LAST, zone)
