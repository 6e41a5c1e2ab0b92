"""Dates that matter: near the edges of windows and of ages, in every precision FHIR has."""

from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from adapter.criteria.calendar import Hours, add, duration_or_hours

BASE = datetime(2026, 3, 1, 12, tzinfo=UTC)
AS_OF_INSTANTS = (
    BASE,
    datetime(2026, 3, 1, tzinfo=UTC),
    datetime(2026, 2, 28, 23, 59, 59, 999_000, tzinfo=UTC),
    datetime(2026, 3, 8, 5, 30, tzinfo=UTC),  # the night in which American summer time begins
    datetime(2026, 3, 30, 18, tzinfo=UTC),
)
AS_OFS = st.sampled_from(AS_OF_INSTANTS)

# Days back from the base: every window has an edge among them; days from 0 down are still to come.
EDGES = (-30, -1, 0, 0, 1, 3, 7, 10, 14, 20, 30, 31, 60, 90, 91, 150, 300, 365, 400)
CLOCKS = ("00:00:00", "12:00:00", "12:00:00.001", "23:59:59.999", "16:30:00")
AGES = (0, 1, 12, 13, 14, 16, 25, 26, 40, 50, 65, 66, 75, 76)


def when(rng: Random) -> str:
    """A FHIR date or dateTime near an edge: an instant, a day, a month or a year."""
    day = BASE.date() - timedelta(days=rng.choice(EDGES) + rng.randint(-1, 1))
    form = rng.choice(["day"] * 5 + ["instant"] * 5 + ["month", "year"])
    if form == "instant":
        return f"{day.isoformat()}T{rng.choice(CLOCKS)}{rng.choice(['Z', '+08:00', '-05:00'])}"
    return day.isoformat()[: {"day": 10, "month": 7, "year": 4}[form]]


WINDOWS = (
    "P1D",
    "P3D",
    "P7D",
    "P14D",
    "P28D",
    "P30D",
    "P90D",
    "P12W",
    "P1M",
    "P3M",
    "P6M",
    "P12M",
    "P5Y",
    "PT24H",
    "PT48H",
)
ZONES = ("Z", "+08:00", "-05:00", "+14:00", "-11:00", "+05:30")


def at_edge(rng: Random) -> str:
    """The first moment of a window, or one beside it, as written in some zone; or its day, month or year."""
    as_of, window = rng.choice(AS_OF_INSTANTS), duration_or_hours(rng.choice(WINDOWS))
    if isinstance(window, Hours):
        start = as_of - window.back
    else:
        start = datetime.combine(add(as_of.date(), window, -1), rng.choice([time.min, time.max, time(12)]), UTC)
    start += rng.choice([timedelta(0), timedelta(milliseconds=1), timedelta(milliseconds=-1), timedelta(days=1)])
    zone = rng.choice(ZONES)
    text = start.astimezone(datetime.fromisoformat(f"2026-01-01T00:00:00{zone}").tzinfo).isoformat(
        timespec="milliseconds"
    )
    return rng.choice([text, text, text, text[:10], text[:7], text[:4]])


def instant(rng: Random) -> str:
    """An instant near an edge, in the past."""
    day = BASE.date() - timedelta(days=abs(rng.choice(EDGES)))
    return f"{day.isoformat()}T{rng.choice(CLOCKS)}Z"


def timed(rng: Random, *elements: str, often: float = 0.9) -> dict[str, Any]:
    """The named date elements, each as often as said."""
    return {name: when(rng) for name in elements if rng.random() < often}


def period(rng: Random) -> dict[str, str]:
    """A Period, open at either end or not, its ends in order."""
    start, end = sorted([when(rng), when(rng)])
    return rng.choice([{"start": start, "end": end}, {"start": start}, {"end": end}])


def birth(rng: Random) -> str:
    """A birth date near an age that some trial or rule asks for, of any precision."""
    years, months = rng.choice(AGES), rng.choice([0, 0, 6])
    near = date(BASE.year - years, BASE.month, 1) - timedelta(days=months * 30 + months // 2)
    day = near + timedelta(days=rng.randint(-35, 35))
    text = rng.choice([day.isoformat()] * 6 + ["2008-02-29", "1960-02-29"])
    return text[: rng.choice([10, 10, 10, 10, 7, 4])]
