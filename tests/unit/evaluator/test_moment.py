"""Intervals of time and windows as a site's time zone sees them (CONFORMANCE: Time, Windows)."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.evaluator.moment import Placed, midnight, moment_at, span
from adapter.record.when import parse

UTC_ZONE, SHANGHAI, HAVANA = ZoneInfo("UTC"), ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Havana")
MONTH = Duration(30, CalendarUnit.DAY)


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "start", "end"),
    [
        ("2026-03-01", UTC_ZONE, "2026-03-01T00:00:00", "2026-03-01T23:59:59.999999"),
        ("2026-03-01", SHANGHAI, "2026-02-28T16:00:00", "2026-03-01T15:59:59.999999"),
        ("2026-02", SHANGHAI, "2026-01-31T16:00:00", "2026-02-28T15:59:59.999999"),
        ("2026", UTC_ZONE, "2026-01-01T00:00:00", "2026-12-31T23:59:59.999999"),
        # In Havana the clock goes from 23:59 to 01:00 that night: the day begins an hour "late" and has 23 hours.
        ("2026-03-08", HAVANA, "2026-03-08T05:00:00", "2026-03-09T03:59:59.999999"),
        ("2026-03-01T10:00:00+08:00", SHANGHAI, "2026-03-01T02:00:00", "2026-03-01T02:00:00"),
    ],
)
def test_a_date_covers_the_sites_day(text: str, zone: ZoneInfo, start: str, end: str) -> None:
    """A date begins and ends with the local day, summer time included; an instant is the same everywhere."""
    found = span(parse(text), zone)
    assert (found.start, found.end) == (at(start), at(end))


def test_an_instant_lies_on_the_sites_day() -> None:
    """Half past nine in the evening in London is tomorrow in Shanghai."""
    found = span(parse("2026-02-28T21:30:00Z"), SHANGHAI)
    assert (found.first, found.last) == (date(2026, 3, 1), date(2026, 3, 1))


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        ("2026-03-01T15:59:59", SHANGHAI, "2026-03-01"),
        ("2026-03-01T16:00:00", SHANGHAI, "2026-03-02"),
        ("2026-03-01T16:00:00", UTC_ZONE, "2026-03-01"),
    ],
)
def test_the_day_of_evaluation_is_the_sites(instant: str, zone: ZoneInfo, day: str) -> None:
    """Windows are counted back from the local date of the instant."""
    moment = moment_at(at(instant), zone)
    assert moment.day == date.fromisoformat(day)
    assert midnight(moment.day, zone) <= moment.as_of


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2026-01-30", "2026-01-30", Placed.INSIDE),
        ("2026-01-29", "2026-01-29", Placed.BEFORE),
        ("2026-03-01", "2026-03-01", Placed.INSIDE),
        ("2026-01-29", "2026-01-30", Placed.STRADDLES),
        ("2026-01-01", "2026-01-31", Placed.STRADDLES),
        ("2026-02-01", "2026-02-28", Placed.INSIDE),
        ("2026-03-01", "2026-03-31", Placed.STRADDLES),
        ("2025-01-01", "2026-12-31", Placed.STRADDLES),
        ("2025-01-01", "2025-12-31", Placed.BEFORE),
    ],
)
def test_the_first_day_of_a_window_is_inside(first: str, last: str, expected: Placed) -> None:
    """Thirty days back from 1 March 2026 is 30 January, inclusive; an interval over an edge straddles it."""
    moment = moment_at(at("2026-03-01T12:00:00"), UTC_ZONE)
    assert moment.place(date.fromisoformat(first), date.fromisoformat(last), MONTH) is expected


def test_a_window_beyond_the_calendar_begins_with_it() -> None:
    """A window of thousands of years holds everything up to the day."""
    moment = moment_at(at("2026-03-01T12:00:00"), UTC_ZONE)
    ages = Duration(5000, CalendarUnit.YEAR)
    assert moment.place(date.min, date.min, ages) is Placed.INSIDE
    assert moment.leaving(date.min, date.min, ages) == (date(5001, 1, 2),)
    assert moment.leaving(date(2026, 3, 1), date(2026, 3, 1), Duration(9000, CalendarUnit.YEAR)) == ()


def test_the_first_change_lies_ahead() -> None:
    """A day is its first instant in the site's zone; what has been is no change, and nothing ahead is none."""
    moment = moment_at(at("2026-03-01T12:00:00"), SHANGHAI)
    days = date(2026, 3, 1), date(2026, 3, 5), date(2026, 3, 3)
    assert moment.first(days) == at("2026-03-02T16:00:00")
    assert moment.first((*days, at("2026-03-02T15:59:59"), at("2026-02-01T00:00:00"))) == at("2026-03-02T15:59:59")
    assert moment.first((date(2026, 3, 1), at("2026-03-01T12:00:00"))) is None
