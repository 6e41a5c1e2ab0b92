from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from adapter.errors import UsageError
from adapter.screening.setup import read_as_of


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-03-01", "UTC", datetime(2026, 3, 1, 23, 59, 59, 999_000, UTC)),
        ("2026-03-01", "Europe/Berlin", datetime(2026, 3, 1, 22, 59, 59, 999_000, UTC)),
        ("2026-07-01", "Europe/Berlin", datetime(2026, 7, 1, 21, 59, 59, 999_000, UTC)),
        ("2026-03-01T12:00:00Z", "Europe/Berlin", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00.250+08:00", "UTC", datetime(2026, 3, 1, 4, 0, 0, 250_000, UTC)),
    ],
)
def test_a_date_is_the_end_of_the_sites_day_and_an_instant_is_itself(text: str, zone: str, instant: datetime) -> None:
    """A dateTime has its own zone; a date is a day of the site's calendar."""
    assert read_as_of(text, ZoneInfo(zone)) == instant


@pytest.mark.parametrize("text", ["2026", "2026-03", "2026-02-30", "2026-03-01T12:00:00", "1.3.2026", "", "now"])
def test_half_a_date_is_refused_with_an_example(text: str) -> None:
    """What doesn't name one day or instant can't be evaluated at."""
    with pytest.raises(UsageError, match="2026-03-01"):
        read_as_of(text, ZoneInfo("UTC"))
