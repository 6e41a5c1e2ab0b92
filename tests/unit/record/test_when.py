"""FHIR dates and times as intervals, and calendar arithmetic."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.criteria.calendar import CalendarUnit, Duration, add, birthday, expiry
from adapter.record.when import between, parse

DAY, WEEK, MONTH, YEAR = CalendarUnit


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2026-04", "2026-04-01", "2026-04-30"),
        ("2026-12", "2026-12-01", "2026-12-31"),
        ("2026-03-01", "2026-03-01", "2026-03-01"),
        ("2024-02-29", "2024-02-29", "2024-02-29"),
        ("0001", "0001-01-01", "0001-12-31"),
        ("9999", "9999-01-01", "9999-12-31"),
        # A time without a zone, which FHIR forbids, may be any instant of its day anywhere.
        ("2026-03-01T10:00:00", "2026-02-28", "2026-03-02"),
        ("2026-03-01T10:00", "2026-02-28", "2026-03-02"),
        ("0001-01-01T00:00:00", "0001-01-01", "0001-01-02"),
        ("9999-12-31T23:59:59", "9999-12-30", "9999-12-31"),
    ],
)
def test_a_partial_date_is_the_days_it_covers(text: str, first: str, last: str) -> None:
    """Years, months and days are intervals of days, and no instants."""
    when = parse(text)
    assert (when.text, when.first, when.last) == (text, date.fromisoformat(first), date.fromisoformat(last))
    assert when.moment is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T10:20:30Z", "2026-03-01T10:20:30"),
        ("2026-03-01T10:20Z", "2026-03-01T10:20:00"),
        ("2026-03-01T10:20:30.5Z", "2026-03-01T10:20:30.500000"),
        ("2026-03-01T10:20:30.123Z", "2026-03-01T10:20:30.123000"),
        ("2026-03-01T10:20:30.123456789Z", "2026-03-01T10:20:30.123456"),
        ("2026-03-01T00:30:00+01:00", "2026-02-28T23:30:00"),
        ("2026-03-01T00:30:00+00:00", "2026-03-01T00:30:00"),
        ("2026-02-28T20:00:00.25-05:30", "2026-03-01T01:30:00.250000"),
        ("2026-03-01T08:00:00+14:00", "2026-02-28T18:00:00"),
        ("2024-02-29T23:59:59-01:00", "2024-03-01T00:59:59"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59"),
    ],
)
def test_a_time_with_a_zone_is_an_instant(text: str, expected: str) -> None:
    """An instant is kept in UTC, to the microsecond; a leap second is the second before it."""
    when = parse(text)
    moment = datetime.fromisoformat(expected).replace(tzinfo=UTC)
    assert when.moment == moment
    assert when.moment is not None
    assert when.moment.tzinfo is UTC
    assert (when.first, when.last) == (moment.date(), moment.date())


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "yesterday",
        "26-03-01",
        "2026-3-1",
        "20260301",
        "2026-13",
        "2026-00",
        "2026-02-29",
        "2026-02-30",
        "2026-00-10",
        "0000",
        "0000-01-01",
        "2026-03-01T",
        "2026-03-01T25:00:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T10:60:00Z",
        "2026-03-01T10:00:61Z",
        "2026-03-01T10:00:00z",
        "2026-03-01T10:00:00+1:00",
        "2026-03-01T10:00:00+0100",
        "2026-03-01T10:00:00+99:99",
        "2026-03-01T10:00:00+15:00",
        "2026-03-01T10:00:00+01:60",
        "2026-03-01 10:00:00Z",
        "2026-03-01T10:00:00,5Z",
        "2026-03-01\n",
        " 2026-03-01",
        "2026-W10-1",
        "2026-W08-7T09:32:00+01:00",
        "2026-W08-7T09:32:00Z",
        "२०२६-03-01",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "2026-03-01/2026-03-02",
    ],
)
def test_anything_else_is_no_date(text: str) -> None:
    """What FHIR doesn't write so is refused, and the message repeats nothing of it."""
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse(text)
    assert not text.strip() or text not in str(caught.value)


@pytest.mark.parametrize(
    ("day", "duration", "expected"),
    [
        ("2026-03-01", Duration(-30, DAY), "2026-01-30"),
        ("2026-03-01", Duration(2, WEEK), "2026-03-15"),
        ("2026-01-31", Duration(1, MONTH), "2026-02-28"),
        ("2024-01-31", Duration(1, MONTH), "2024-02-29"),
        ("2026-03-31", Duration(-1, MONTH), "2026-02-28"),
        ("2026-10-31", Duration(1, MONTH), "2026-11-30"),
        ("2025-12-15", Duration(1, MONTH), "2026-01-15"),
        ("2026-01-15", Duration(-1, MONTH), "2025-12-15"),
        ("2025-08-31", Duration(6, MONTH), "2026-02-28"),
        ("2024-02-29", Duration(1, YEAR), "2025-02-28"),
        ("2024-02-29", Duration(4, YEAR), "2028-02-29"),
    ],
)
def test_adding_clips_to_the_months_last_day(day: str, duration: Duration, expected: str) -> None:
    """Months and years keep the day of the month, or take the month's last one."""
    assert add(date.fromisoformat(day), duration) == date.fromisoformat(expected)


@pytest.mark.parametrize("duration", [Duration(9000, YEAR), Duration(10**9, DAY), Duration(10**15, WEEK)])
def test_adding_beyond_the_calendar_says_so(duration: Duration) -> None:
    """There is no day before year 1 or after 9999: OverflowError, whichever unit."""
    for count in (1, -1):
        with pytest.raises(OverflowError):
            add(date(2026, 3, 1), duration, count)


@pytest.mark.parametrize(
    ("birth", "age", "expected"),
    [
        ("2008-02-29", Duration(18, YEAR), "2026-03-01"),
        ("2008-02-29", Duration(16, YEAR), "2024-02-29"),
        ("1999-12-31", Duration(18, YEAR), "2017-12-31"),
        ("2025-08-31", Duration(6, MONTH), "2026-02-28"),
        ("2025-03-01", Duration(365, DAY), "2026-03-01"),
    ],
)
def test_a_birthday_on_29_february_is_1_march_in_other_years(birth: str, age: Duration, expected: str) -> None:
    """Years are completed on 1 March there; months are clipped like any other sum."""
    assert birthday(date.fromisoformat(birth), age) == date.fromisoformat(expected)


def test_an_interval_needs_both_ends_in_order() -> None:
    """An interval runs from the first possible day to the last; without an end, or backwards, there is none."""
    early, late = parse("2025"), parse("2026-02")
    found = between("x", early, late)
    assert found is not None
    assert (found.first, found.last, found.moment) == (date(2025, 1, 1), date(2026, 2, 28), None)
    assert between("x", late, early) is None
    assert between("x", None, late) is None
    assert between("x", early, None) is None


DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 12, 31))
DURATIONS = st.one_of(
    st.builds(Duration, st.integers(0, 400), st.just(DAY)),
    st.builds(Duration, st.integers(0, 60), st.just(WEEK)),
    st.builds(Duration, st.integers(0, 40), st.just(MONTH)),
    st.builds(Duration, st.integers(0, 20), st.just(YEAR)),
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(day=DAYS, window=DURATIONS)
def test_expiry_is_the_first_day_whose_window_misses_the_day(day: date, window: Duration) -> None:
    """Counted back from the day before the expiry the window still holds the day, from it on never again."""
    gone = expiry(day, window)
    assert add(gone - timedelta(days=1), window, -1) <= day
    for later in range(62):
        assert add(gone + timedelta(days=later), window, -1) > day


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(day=DAYS, window=DURATIONS, later=st.integers(0, 40))
def test_a_windows_first_day_never_runs_backwards(day: date, window: Duration, later: int) -> None:
    """A later day's window begins no earlier, whatever the months' lengths."""
    assert add(day + timedelta(days=later), window, -1) >= add(day, window, -1)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    moment=st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001  # made aware below
    offset=st.integers(-14 * 60, 14 * 60),
)
def test_a_written_instant_is_read_back(moment: datetime, offset: int) -> None:
    """Whatever zone an instant is written in, it is the same instant."""
    sign, minutes = ("-" if offset < 0 else "+"), abs(offset)
    local = moment + timedelta(minutes=offset)
    text = f"{local.isoformat(timespec='microseconds')}{sign}{minutes // 60:02}:{minutes % 60:02}"
    assert parse(text).moment == moment.replace(tzinfo=UTC)
