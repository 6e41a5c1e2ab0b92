"""`validUntil` is the first instant at which something changes with no new data, in every time zone."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.policy import Policy
from adapter.evaluator import evaluate_all
from tests.properties.core import BOUND as SHIPPED
from tests.properties.core import EVENTS, PROBLEM_LIST, STRICT, ZONES, Json, answers, in_zone, record_of
from tests.properties.patients import patients
from tests.properties.times import AS_OFS

BOUND = (*SHIPPED, EVENTS)
MILLISECOND = timedelta(milliseconds=1)
LATER = [timedelta(days=days) for days in (1, 8, 15, 31, 92, 184, 366, 800, 4000, 9000)]
RULED_OUT = replace(
    STRICT, pregnancy_ruled_out_from=Duration(50, CalendarUnit.YEAR), pregnancy_ruled_out_by=("hysterectomy",)
)
ENDING = replace(PROBLEM_LIST, until=date(2026, 3, 15))
POLICIES = st.builds(in_zone, st.sampled_from([STRICT, PROBLEM_LIST, RULED_OUT, ENDING]), st.sampled_from(ZONES))


@given(patients, AS_OFS, POLICIES)
def test_until_then_nothing_changes(patient: list[Json], as_of: datetime, policy: Policy) -> None:
    """At the last millisecond, and halfway there, every truth and reason and the decision are as they were."""
    record = record_of(patient)
    for place, verdict in enumerate(evaluate_all(BOUND, record, as_of, policy)):
        end = verdict.valid_until
        moments = [as_of + step for step in LATER] if end is None else [as_of + (end - as_of) / 2, end - MILLISECOND]
        for moment in moments:
            (later,) = evaluate_all((BOUND[place],), record, max(moment, as_of), policy)
            assert answers(later) == answers(verdict), moment


@given(patients, AS_OFS, POLICIES)
def test_then_something_changes(patient: list[Json], as_of: datetime, policy: Policy) -> None:
    """At that instant a truth, a reason or the decision is another one, unless it is the policy's own end."""
    record = record_of(patient)
    for place, verdict in enumerate(evaluate_all(BOUND, record, as_of, policy)):
        end = verdict.valid_until
        if end is None:
            continue
        assert end > as_of
        assert end.tzinfo is UTC
        (then,) = evaluate_all((BOUND[place],), record, end, policy)
        assert answers(then) != answers(verdict) or end == _policy_end(policy)


@given(patients, AS_OFS, POLICIES)
def test_lives_follow_one_another(patient: list[Json], as_of: datetime, policy: Policy) -> None:
    """Asked again at each end, the verdict moves on in time and comes to rest."""
    record = record_of(patient)
    for bound in BOUND:
        moment = as_of
        for _ in range(300):
            (verdict,) = evaluate_all((bound,), record, moment, policy)
            if verdict.valid_until is None:
                break
            assert verdict.valid_until > moment
            moment = verdict.valid_until
        else:
            msg = "the verdict never comes to rest"
            raise AssertionError(msg)


def _policy_end(policy: Policy) -> datetime | None:
    if policy.until is None:
        return None
    day = policy.until + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=policy.time_zone).astimezone(UTC)
