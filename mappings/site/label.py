"""Where a criterion's label and its statement say different things: a number, a side of it, a time, a denial.

A label is in its author's words, and is read only as far as these are plain: numbers that are no times, `below 9`,
`9 or more`, `within 4 weeks`. What is lost of a protocol's sentence its `source` says, or a judgement asks for.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

from adapter.criteria.calendar import CalendarUnit, Duration, Hours
from adapter.criteria.model import Criterion, Leaf, parts_of
from adapter.criteria.quantity import Comparator, LimitThreshold, QuantityThreshold
from adapter.kinds.age import Age
from adapter.kinds.change import Change
from adapter.kinds.disease_course.diseases import DiseaseCourse
from adapter.kinds.judgement import Judgement
from adapter.kinds.measurement.statement import Measurement

_TIME = re.compile(r"(?<![\w.+/-])(\d+(?:\.\d+)?)[ -](year|month|week|day|hour|minute|h|min)s?\b", re.IGNORECASE)
_OF_TIME = re.compile(
    r"\b(?:within|for|last|past|least|longer than|more than) (?P<after>\d+(?:\.\d+)?[ -]\w+)"
    r"|(?P<before>\d+(?:\.\d+)?[ -]\w+) (?:ago|apart|earlier)\b",
    re.IGNORECASE,
)
_DAYS = {
    **{unit.word: Duration(1, unit).days for unit in CalendarUnit},
    "hour": Hours(60).days,
    "h": Hours(60).days,
    "minute": Hours(1).days,
    "min": Hours(1).days,
}
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3})")
_NUMBER = re.compile(r"(?<![\w.+/-])-?\d+(?:\.\d+)?(?![\w.]*\d|\+)")
_SIDES: Mapping[Comparator, tuple[str, str]] = {
    Comparator.AT_MOST: (
        r"up to|at most|no more than|not more than|not above|≤|<=",
        r"or (?:less|lower|below|fewer|younger)",
    ),
    Comparator.AT_LEAST: (
        r"at least|no less than|not less than|not below|≥|>=",
        r"or (?:more|higher|above|greater|older)",
    ),
    Comparator.LESS: (r"below|less than|fewer than|lower than|younger than|under|<", ""),
    Comparator.GREATER: (r"above|more than|higher than|greater than|older than|over|>", ""),
}
"""The words before a number that say on which side of it a value lies, and those behind it."""
_BESIDE = {
    comparator: re.compile(
        rf"(?<!no )(?<!not )(?<!\w)(?:{before}) ?(\d+(?:\.\d+)?)"
        + (rf"|(\d+(?:\.\d+)?)(?: [^\s,]+)? {after}\b" if after else ""),
        re.IGNORECASE,
    )
    for comparator, (before, after) in _SIDES.items()
}
_DENIES = re.compile(r"(?:no|never|without) (?!more\b|less\b|fewer\b|later\b|earlier\b)", re.IGNORECASE)
_MAY_BE_NONE = (Judgement, Measurement, Change, DiseaseCourse)
"""What may itself say that something is not there: a negative test, a low value, a person's word."""
_KEYS = {
    Comparator.AT_MOST: "at-most",
    Comparator.AT_LEAST: "at-least",
    Comparator.LESS: "less-than",
    Comparator.GREATER: "more-than",
}


def otherwise(criterion: Criterion, source: str) -> Iterator[str]:
    """What the label of a criterion says, and its statement doesn't."""
    if isinstance(criterion.statement, Leaf):
        yield from _bounds(criterion.label, criterion.statement)
        if _DENIES.match(criterion.label) and not isinstance(criterion.statement, _MAY_BE_NONE):
            yield "the label denies what the statement asks for; write the statement below `not`, or correct the label"
    held = list(_leaves(criterion))
    if not any(isinstance(each, Judgement) for each in held):
        yield from _times(criterion.label, held, source)


def _leaves(criterion: Criterion) -> Iterator[Leaf]:
    if isinstance(criterion.statement, Leaf):
        yield criterion.statement
    else:
        for part in parts_of(criterion.statement):
            yield from _leaves(part)


def _values(value: Any) -> Iterator[Any]:  # noqa: ANN401  # whatever a statement holds
    """A value and all that is in it."""
    yield value
    if isinstance(value, tuple):
        for each in value:
            yield from _values(each)
    elif is_dataclass(value) and not isinstance(value, Duration | Hours):
        for field in fields(value):
            yield from _values(getattr(value, field.name))


def _bounds(label: str, leaf: Leaf) -> Iterator[str]:
    plain = _THOUSANDS.sub("", label)
    if isinstance(leaf, Age):
        asked = _ages(leaf)
    else:
        plain = _TIME.sub("", plain)
        asked = {}
        for each in _values(leaf):
            if isinstance(each, QuantityThreshold):
                asked[each.value] = each.comparator
            elif isinstance(each, LimitThreshold):
                asked[each.factor] = each.comparator
    said = [Decimal(each) for each in _NUMBER.findall(plain)]
    if asked and said and not any(_same(one, other) for one in asked for other in said):
        numbers, others = (" and ".join(str(each) for each in found) for found in (said, asked))
        yield f"the label says {numbers}, and the statement {others}; correct one of them"
    for comparator, words in _BESIDE.items():
        for found in words.finditer(plain):
            held = asked.get(Decimal(found[found.lastindex or 0]))
            if held is not None and held is not comparator:
                told = f"the label says {found[0].strip()}, and the statement {_KEYS[held]}"
                yield f"{told}; write {_KEYS[comparator]}, or correct the label"


def _ages(leaf: Age) -> dict[Decimal, Comparator]:
    """The bounds of an age, each with the other way to say it: 66 or older is older than 65."""
    asked: dict[Decimal, Comparator] = {}
    if leaf.lower is not None:
        least = leaf.lower.age.count + (not leaf.lower.inclusive)
        asked |= {Decimal(least): Comparator.AT_LEAST, Decimal(least - 1): Comparator.GREATER}
    if leaf.upper is not None:
        most = leaf.upper.age.count - (not leaf.upper.inclusive)
        asked |= {Decimal(most): Comparator.AT_MOST, Decimal(most + 1): Comparator.LESS}
    return asked


def _same(one: Decimal, other: Decimal) -> bool:
    """Whether two numbers are one, but for the unit's power of ten: 8 g/dL are 80 g/L."""
    return one == other or (one != 0 and other != 0 and (one / other).normalize().as_tuple().digits == (1,))


def _times(label: str, held: list[Leaf], source: str) -> Iterator[str]:
    inside = [value for leaf in held for value in _values(leaf)]
    lengths = [each.days for each in inside if isinstance(each, Duration | Hours)]
    numbers = {each for each in inside if isinstance(each, int | Decimal) and not isinstance(each, bool)}
    for found in _OF_TIME.finditer(label):
        text = found["after"] or found["before"]
        time = _TIME.fullmatch(text)
        if time is None or text in source or Decimal(time[1]) in numbers:
            continue
        days = Decimal(time[1]) * _DAYS[time[2].lower()]
        if not any(abs(each - days) <= 1 + days / 50 for each in lengths):
            yield f"the label says {found[0]}, and no time of the statement is that long; correct one of them"
