"""The only reader of the clock on the command line, and of the instants that are written there."""

from datetime import UTC, datetime, time

from adapter.criteria.policy import Policy
from adapter.errors import UsageError
from adapter.record.when import parse
from adapter.screening.setup import read_as_of


def instant(text: str | None, policy: Policy) -> datetime:
    """The instant asked for; without one, now, to the millisecond."""
    if text is not None:
        return read_as_of(text, policy.time_zone)
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def beginning(text: str) -> datetime:
    """A FHIR dateTime, or the beginning in UTC of a date, a month or a year. Raises UsageError for anything else."""
    try:
        when = parse(text)
    except ValueError:
        msg = f"--since {text!r} is no date or dateTime; write 2026-03-01, or 2026-03-01T12:00:00Z with its time zone"
        raise UsageError(msg) from None
    return when.moment or datetime.combine(when.first, time(), UTC)
