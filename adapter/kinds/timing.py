"""What every event on record can be asked about its time: when it began, how long it went on, at which age.

The fields stand in the statements of diagnoses, drugs and procedures alike, and mean the same there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from adapter.criteria.calendar import Duration, Hours, Length
from adapter.criteria.fields import AgeEnd, Field, Nested, Window
from adapter.criteria.model import Leaf
from adapter.criteria.quantity import AgeBound
from adapter.evaluator.chart import Chart
from adapter.evaluator.extent import SURE, Extent, Reply, at_age, at_least_ago, both, in_instants, lasting
from adapter.evaluator.moment import Moment
from adapter.evaluator.reads import PERSON, Read, Role
from adapter.kinds.age import contradicting, range_in_words
from adapter.record.when import When

AnyLength = TypeVar("AnyLength", bound=Length)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeRange:
    """An age within bounds."""

    lower: AgeBound | None = None
    upper: AgeBound | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed(Leaf):
    """What is asked of one event's time; all of it must hold of the same one.

    `at_least_ago`: it began so long ago or longer. `lasting`: it went on for so long or longer, until its end or today.
    `at_age`: the age at which it began.
    """

    at_least_ago: Length | None = None
    lasting: Duration | None = None
    at_age: AgeRange | None = None

    @property
    def asks_time(self) -> bool:
        """Whether any of it is asked."""
        return not (self.at_least_ago is None and self.lasting is None and self.at_age is None)


TIMED = (
    Field("at_least_ago", Window(hours=True), says="It began so long ago, or longer; in hours and minutes too (PT6H)."),
    Field("lasting", Window(), says="It went on for so long or longer, until its end or until today."),
    Field(
        "at_age",
        Nested(AgeRange, (Field("lower", AgeEnd(upper=False)), Field("upper", AgeEnd(upper=True)))),
        says="The age at which it began.",
    ),
)


def answered(statement: Timed, extent: Extent, begun: When | None, chart: Chart, moment: Moment) -> Reply:
    """What is asked of an event's time; `begun`: what the beginning of its extent is told by."""
    if not statement.asks_time:
        return SURE
    found: list[Reply] = []
    if isinstance(statement.at_least_ago, Hours):
        begin = in_instants(extent.begin, chart.span(begun), moment.zone)
        found.append(at_least_ago(Extent(begin, extent.end), statement.at_least_ago, moment))
    elif statement.at_least_ago is not None:
        found.append(at_least_ago(extent, statement.at_least_ago, moment))
    if statement.lasting is not None:
        found.append(lasting(extent, statement.lasting, moment))
    if statement.at_age is not None:
        found.append(at_age(extent, statement.at_age.lower, statement.at_age.upper, chart.record.birth))
    return both(found)


def time_words(statement: Timed) -> Iterator[str]:
    """As in `for at least 12 months`."""
    if statement.at_least_ago is not None:
        yield f"begun at least {statement.at_least_ago.words} ago"
    if statement.lasting is not None:
        yield f"for at least {statement.lasting.words}"
    if statement.at_age is not None:
        yield f"begun at an age of {range_in_words(statement.at_age.lower, statement.at_age.upper)}"


def time_reads(statement: Timed) -> Iterator[Read]:
    """The birth date, where an age is asked."""
    if statement.at_age is not None:
        yield Read(data=PERSON, name="birthDate", role=Role.BESIDE)


def untimely(statement: Timed) -> str | None:
    """What is wrong with the bounds of an age."""
    return contradicting(statement.at_age.lower, statement.at_age.upper) if statement.at_age is not None else None


def longest(windows: Iterable[AnyLength | None]) -> AnyLength | None:
    """The longest of several windows."""
    return max((each for each in windows if each is not None), key=lambda each: each.days, default=None)


def farthest(windows: Iterable[Length | None]) -> tuple[Length, ...]:
    """The longest of several windows; two, where it takes the moment to tell one in days from one in hours.

    One in days reaches back to a midnight, and months are of several lengths: by that much nobody knows beforehand.
    """
    held = [each for each in windows if each is not None]
    days = longest([each for each in held if isinstance(each, Duration)])
    hours = longest([each for each in held if isinstance(each, Hours)])
    if days is None or hours is None:
        return tuple(each for each in (days, hours) if each is not None)
    if abs(days.days - hours.days) < _LEEWAY:
        return days, hours
    return (days,) if days.days > hours.days else (hours,)


def shorter(one: Length | None, other: Length | None) -> bool:
    """Whether both are given and one is the shorter one, whatever the months are that they fall in."""
    if one is None or other is None:
        return False
    exact = type(one) is type(other) and (isinstance(one, Hours) or one.unit is other.unit)  # type: ignore[union-attr]
    return one.days + (0 if exact else _LEEWAY) < other.days


_LEEWAY = 4
"""Days by which a window of months that ends at some hour differs from its usual length, at most."""
