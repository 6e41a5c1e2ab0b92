"""`age`: completed age within bounds (CONFORMANCE: Time)."""

from dataclasses import dataclass
from datetime import date, timedelta

from adapter.criteria.calendar import CalendarUnit, Duration, birthday, last_day
from adapter.criteria.catalogue import Catalogue
from adapter.criteria.expression import Expression, Known, call
from adapter.criteria.fields import AgeEnd, Field, Keys
from adapter.criteria.model import Leaf
from adapter.criteria.quantity import AgeBound, Comparator
from adapter.evaluator.chart import Chart
from adapter.evaluator.columns import Born, Setting
from adapter.evaluator.kind import ByTime, Evaluation, Kind, Phrase, Rule, Trait
from adapter.evaluator.moment import Change, Moment
from adapter.evaluator.outcome import Outcome, outcome
from adapter.evaluator.reads import PERSON, Read
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import Evidence
from adapter.record.values import stands_for_none


@dataclass(frozen=True, slots=True, kw_only=True)
class Age(Leaf):
    """Completed age within bounds."""

    lower: AgeBound | None = None
    upper: AgeBound | None = None


_TOO_OLD = Duration(121, CalendarUnit.YEAR)
"""Over 120 years is no age: one person is known to have been so old (Jeanne Calment, 1875 to 1997)."""

_OLD = Duration(100, CalendarUnit.YEAR)
"""Who is younger will have been asked about again long before they are over 120: that ends no verdict's life."""


def bind_age(statement: Age) -> Evaluation:
    """The evaluation of an age range. A birth date of any precision is an interval of possible birth days."""
    lower, outgrown = statement.lower, None if statement.upper is None else _outgrown(statement.upper)

    def evaluate(chart: Chart, moment: Moment) -> Outcome:
        birth = chart.record.birth
        if birth is None:
            return outcome(Reason.NO_DATA)
        shown = (Evidence(chart.record.subject, None, "birthDate", birth.text, birth.text),)
        if birth.first > moment.day:
            return outcome(Reason.NO_DATA, shown, (birth.first,), "in the future")
        is_old = moment.day.year - birth.last.year >= _OLD.count
        too_old = birthday(birth.last, _TOO_OLD) if is_old else date.max
        if stands_for_none(birth.text) or birth.text in chart.terminology.writing.placeholder_dates:
            return outcome(Reason.IMPLAUSIBLE, shown)
        if too_old <= moment.day:
            return outcome(Reason.IMPLAUSIBLE, shown)
        day = moment.day
        first = last = born_by_now = _range(lower, outgrown, birth.first)
        if birth.last != birth.first:
            last = _range(lower, outgrown, birth.last)
            born_by_now = last if birth.last <= day else _range(lower, outgrown, day)
        turns = {*first, *last}
        if is_old and birthday(birth.last, _OLD) <= day:
            turns.add(too_old)
        changes: tuple[Change, ...] = tuple(sorted([turn for turn in turns if day < turn < date.max]))
        oldest, youngest = _side(first, day), _side(born_by_now, day)
        if oldest != youngest:
            return outcome(Reason.IMPRECISE_DATE, shown, changes)
        return outcome(Reason.AGE_OUTSIDE if oldest else Reason.AGE_WITHIN, shown, changes)

    return evaluate


def _side(fits: tuple[date, date], day: date) -> int:
    """-1 too young, 0 within, 1 too old."""
    start, end = fits
    if day < start:
        return -1
    return 1 if day >= end else 0


def _range(lower: AgeBound | None, outgrown: Duration | None, born: date) -> tuple[date, date]:
    """The first day on which the age fits, and the first on which it no longer does."""
    start = date.min if lower is None else _from(lower, born)
    end = date.max if outgrown is None else birthday(born, outgrown)
    return start, end


def _from(bound: AgeBound, born: date) -> date:
    """An inclusive bound holds from the day on which the age is completed; a strict one from the day after."""
    reached = birthday(born, bound.age)
    return reached if bound.inclusive or reached == date.max else reached + timedelta(days=1)


def _outgrown(upper: AgeBound) -> Duration:
    """The age from which on it is too old: an inclusive bound holds until the next unit is completed."""
    return Duration(upper.age.count + (1 if upper.inclusive else 0), upper.age.unit)


def contradicting(lower: AgeBound | None, upper: AgeBound | None) -> str | None:
    """What is wrong with a range of ages."""
    if lower is None and upper is None:
        return "an age needs a bound; write at-least, more-than, less-than or at-most, as in `at-least: 14 a`"
    if lower and upper and lower.age.days > upper.age.days:
        return "the lower bound is above the upper one; exchange them"
    return None


def range_in_words(lower: AgeBound | None, upper: AgeBound | None) -> str:
    """As in `at least 18 years, younger than 65 years`."""
    ends = []
    if lower is not None:
        ends.append(f"{'at least' if lower.inclusive else 'older than'} {lower.age.words}")
    if upper is not None:
        ends.append(f"{'at most' if upper.inclusive else 'younger than'} {upper.age.words}")
    return ", ".join(ends)


def _words(statement: Age, _: Catalogue) -> Phrase:
    asked = range_in_words(statement.lower, statement.upper)
    return Phrase("birth date", asked, f"age {asked}")


def _rule(statement: Age, _: Catalogue) -> Rule:
    born = call("Time", "Birth", Known.PATIENT)
    return Rule(call("Time", "AgeWithin", born, Known.NOW, *_end(statement.lower), *_end(statement.upper)))


def _end(bound: AgeBound | None) -> tuple[Expression, Expression]:
    return (None, True) if bound is None else (bound.age, bound.inclusive)


def _columns(statement: Age, setting: Setting) -> Born:
    """The birth days that fit: whoever is born later is younger, whatever the unit."""
    day = setting.moment.day
    lower, upper = statement.lower, statement.upper
    return Born(
        young_after=None if lower is None else last_day(lambda born: _from(lower, born) <= day, day),
        old_until=None if upper is None else last_day(lambda born: birthday(born, _outgrown(upper)) <= day, day),
        impossible_until=setting.born_until(_TOO_OLD),
        placeholders=setting.terminology.writing.placeholder_dates,
    )


def _traits(statement: Age, _: Catalogue) -> tuple[Trait, ...]:
    """The ends of the range. `At most 75 years` holds until the 76th birthday, so it is below 76 as a Quantity."""
    found = []
    lower, upper = statement.lower, statement.upper
    if lower is not None:
        comparator = Comparator.AT_LEAST if lower.inclusive else Comparator.GREATER
        found.append(Trait(about="age", value=(comparator, lower.age)))
    if upper is not None:
        found.append(Trait(about="age", value=(Comparator.LESS, _outgrown(upper))))
    return tuple(found)


AGE = Kind(
    name="age",
    statement=Age,
    form=Keys((Field("lower", AgeEnd(upper=False)), Field("upper", AgeEnd(upper=True)))),
    contradiction=lambda statement: contradicting(statement.lower, statement.upper),
    reads=lambda *_: (Read(data=PERSON, name="birthDate"),),
    bind=lambda statement, _: bind_age(statement),
    words=_words,
    rule=_rule,
    traits=_traits,
    columns=_columns,
    outlook=lambda *_: ByTime(),
    of_study=False,
)
