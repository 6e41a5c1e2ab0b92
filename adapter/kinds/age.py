"""`age`: completed age within bounds (CONFORMANCE: Time)."""

from datetime import date, timedelta

from adapter.criteria.model import Age
from adapter.criteria.quantity import AgeBound, Duration
from adapter.evaluator.chart import Chart
from adapter.evaluator.kind import Evaluation, Kind
from adapter.evaluator.moment import Change, Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.record.when import birthday


def bind_age(statement: Age) -> Evaluation:
    """The evaluation of an age range. A birth date of any precision is an interval of possible birth days."""

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        birth = chart.record.birth
        if birth is None:
            return outcome(Reason.NO_DATA)
        if birth.first > moment.day:
            return outcome(Reason.NO_DATA, (), (birth.first,))
        shown = (Evidence(chart.record.subject, None, "birthDate", birth.text, birth.text),)
        turns = {day for born in (birth.first, birth.last) for day in _range(statement, born)}
        changes: tuple[Change, ...] = tuple(sorted(day for day in turns if moment.day < day < date.max))
        oldest, youngest = (_side(statement, b, moment.day) for b in (birth.first, min(birth.last, moment.day)))
        if oldest != youngest:
            return outcome(Reason.IMPRECISE_DATE, shown, changes)
        return outcome(Reason.AGE_OUTSIDE if oldest else Reason.AGE_WITHIN, shown, changes)

    return evaluate


def _side(statement: Age, born: date, day: date) -> int:
    """-1 too young, 0 within, 1 too old."""
    start, end = _range(statement, born)
    if day < start:
        return -1
    return 1 if day >= end else 0


def _range(statement: Age, born: date) -> tuple[date, date]:
    """The first day on which the age fits, and the first on which it no longer does."""
    start = date.min if statement.lower is None else _from(statement.lower, born)
    end = date.max if statement.upper is None else _until(statement.upper, born)
    return start, end


def _from(bound: AgeBound, born: date) -> date:
    """An inclusive bound holds from the day on which the age is completed; a strict one from the day after."""
    reached = birthday(born, bound.age)
    return reached if bound.inclusive or reached == date.max else reached + timedelta(days=1)


def _until(bound: AgeBound, born: date) -> date:
    """An inclusive bound holds until the next unit is completed; a strict one until the age is reached."""
    count = bound.age.count + (1 if bound.inclusive else 0)
    return birthday(born, Duration(count, bound.age.unit))


AGE = Kind(name="age", statement=Age, bind=lambda statement, _: bind_age(statement))
