"""Questions about time: a date that becomes more precise settles what was open, and never turns an answer round."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.quantity import AgeBound
from adapter.criteria.truth import Truth
from adapter.evaluator.extent import (
    Days,
    Extent,
    Relation,
    Reply,
    apart,
    at_age,
    at_least_ago,
    begun_within,
    joined,
    lasting,
    ongoing,
    related,
)
from adapter.evaluator.moment import moment_at
from adapter.record.when import When

AS_OF = datetime(2026, 3, 1, 12, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
BORN = When("1986-05-02", date(1986, 5, 2), date(1986, 5, 2))
dates = st.dates(date(2019, 1, 1), date(2026, 12, 31))
durations = st.builds(Duration, st.integers(1, 40), st.sampled_from(CalendarUnit))


@st.composite
def exact(draw: DrawFn) -> Extent:
    """What is known to the day."""
    begin = draw(dates)
    end = begin + timedelta(days=draw(st.integers(0, 900)))
    return Extent(Days(begin, begin), Days(end, end))


@st.composite
def coarse(draw: DrawFn, of: Extent) -> Extent:
    """The same, known less well."""

    def wider(day: Days) -> Days:
        before, after = draw(st.integers(0, 60)), draw(st.integers(0, 60))
        first = None if draw(st.booleans()) or day.first is None else day.first - timedelta(days=before)
        last = None if draw(st.booleans()) or day.last is None else day.last + timedelta(days=after)
        return Days(first, last)

    return Extent(wider(of.begin), wider(of.end))


@given(st.data())
def test_more_precise_dates_never_turn_an_answer_round(data: st.DataObject) -> None:
    """What is definite of a coarse date is what every date in it says; a known date leaves nothing open."""
    now = moment_at(AS_OF, UTC_ZONE)  # it keeps windows by their place in memory
    one, other = data.draw(exact()), data.draw(exact())
    one_coarse, other_coarse = data.draw(coarse(one)), data.draw(coarse(other))
    window, less = data.draw(durations), data.draw(st.none() | durations)
    relation = data.draw(st.sampled_from(Relation))
    age = AgeBound(Duration(data.draw(st.integers(33, 40)), CalendarUnit.YEAR), inclusive=data.draw(st.booleans()))

    def asked(first: Extent, second: Extent) -> list[Reply]:
        return [
            at_least_ago(first, window, now),
            lasting(first, window, now),
            ongoing(first, now),
            at_age(first, age, None, BORN),
            at_age(first, None, age, BORN),
            begun_within(first, window, now),
            related(first, relation, second, after=second.end, within=window, at_least=less),
            related(first, relation, second, after=second.end, within=None, at_least=None, more_than=window),
        ]

    for sure, open_ in zip(asked(one, other), asked(one_coarse, other_coarse), strict=True):
        assert open_.truth in (sure.truth, Truth.UNKNOWN) or sure.truth is Truth.UNKNOWN
    assert all(said.truth is not Truth.UNKNOWN for said in asked(one, other)[:6])
    assert not apart(one_coarse, other_coarse) or apart(one, other)


@given(exact(), durations)
def test_it_changes_only_when_it_says_so(extent: Extent, window: Duration) -> None:
    """Up to the first change that is named, nothing changes."""
    now = moment_at(AS_OF, UTC_ZONE)
    for ask in (partial(each, extent, window) for each in (at_least_ago, lasting, begun_within)):
        said = ask(now)
        changes = [change for change in said.changes if isinstance(change, date) and change > now.day]
        until = min(changes, default=now.day + timedelta(days=400))
        last = moment_at(datetime.combine(until - timedelta(days=1), now.as_of.time(), UTC), now.zone)
        assert ask(last).truth is said.truth


@given(st.lists(exact(), max_size=6))
def test_joined_courses_cover_no_more_than_their_parts(extents: list[Extent]) -> None:
    """Chains are in order and apart, and every part that has begun lies in one."""
    now = moment_at(AS_OF, UTC_ZONE)
    chains = joined(extents, now)
    ends = [(chain.begin.first, chain.end.first) for chain in chains]
    assert ends == sorted(ends, key=lambda pair: pair[0] or date.min)
    for one, following in pairwise(chains):
        assert apart(one, following)
    for each in extents:
        begin = each.begin.last
        if begin is not None and begin <= now.day:
            assert any(c.begin.first <= begin <= c.end.last for c in chains if c.begin.first and c.end.last)
