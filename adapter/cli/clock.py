"""The only reader of the clock on the command line."""

from datetime import UTC, datetime

from adapter.criteria.policy import Policy
from adapter.screening.setup import read_as_of


def instant(text: str | None, policy: Policy) -> datetime:
    """The instant asked for; without one, now, to the millisecond."""
    if text is not None:
        return read_as_of(text, policy.time_zone)
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
