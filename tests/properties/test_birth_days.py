"""An age as birth days, which engines compare, says what the evaluation says of every birth date."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.quantity import AgeBound
from adapter.evaluator.chart import Chart
from adapter.evaluator.columns import Born, Setting
from adapter.evaluator.moment import moment_at
from adapter.evaluator.reason import Reason
from adapter.kinds.age import AGE, Age, bind_age
from adapter.record.patient_record import PatientRecord
from adapter.record.when import When
from tests.properties.core import STRICT, TERMINOLOGY

DAYS = st.dates(date(1890, 1, 1), date(2032, 12, 31))
BOUNDS = st.none() | st.builds(
    AgeBound, st.builds(Duration, st.integers(0, 130), st.sampled_from(CalendarUnit)), st.booleans()
)


def as_born(asked: Born, first: date, last: date, day: date) -> Reason:
    """What the birth days from `first` to `last` come to."""
    if first > day:
        return Reason.NO_DATA
    if last <= asked.impossible_until:
        return Reason.IMPLAUSIBLE

    def side(born: date) -> int:
        if asked.young_after is not None and born > asked.young_after:
            return -1
        return int(asked.old_until is not None and born <= asked.old_until)

    oldest, youngest = side(first), side(min(last, day))
    if oldest != youngest:
        return Reason.IMPRECISE_DATE
    return Reason.AGE_OUTSIDE if oldest else Reason.AGE_WITHIN


@given(lower=BOUNDS, upper=BOUNDS, first=DAYS, length=st.integers(0, 366), day=DAYS)
def test_birth_days_say_the_age(
    lower: AgeBound | None, upper: AgeBound | None, first: date, length: int, day: date
) -> None:
    """Leap days, ends of months, bounds of days, weeks, months and years, inclusive and strict."""
    statement = Age(lower=lower, upper=upper)
    last = first + timedelta(days=length)
    moment = moment_at(datetime(day.year, day.month, day.day, 12, tzinfo=UTC), ZoneInfo("UTC"))
    asked = AGE.columns(statement, Setting(TERMINOLOGY, STRICT, moment))
    assert isinstance(asked, Born)
    record = PatientRecord(
        subject="Patient/p1", terminology=TERMINOLOGY.hash, birth=When(f"{first} to {last}", first, last)
    )
    found = bind_age(statement)(Chart(record, TERMINOLOGY, STRICT), moment)
    assert as_born(asked, first, last, day) is found.reason
