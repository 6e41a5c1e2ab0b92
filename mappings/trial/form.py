"""What every part of the YAML form of a trial has in common: its short texts for amounts, ages and times."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, PlainValidator, StringConstraints, WithJsonSchema

from adapter.criteria.calendar import CalendarUnit, Duration, of_a_life
from adapter.criteria.quantity import Comparator, LimitOfNormal, LimitThreshold, QuantityThreshold
from mappings.terminology.yaml_file import Form, IsoDuration, IsoDurationOrHours, key, refuse

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""A text that says something."""

Entry = TypeVar("Entry")


def _some(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    if not entries:
        msg = "the list is empty; write at least one entry"
        raise ValueError(msg)
    return entries


Some = Annotated[tuple[Entry, ...], AfterValidator(_some), Field(json_schema_extra={"minItems": 1})]
"""A list that isn't empty. (pydantic's own min_length also speaks up when it is an entry that is wrong.)"""


UNITLESS = "1"
"""UCUM's unit of plain numbers; a score is written without one."""

NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
AMOUNT_PATTERN = rf"^{NUMBER}(?: \S+)?$"
"""The JSON Schema pattern of an amount."""
AGE_PATTERN = r"^[1-9][0-9]* (?:d|wk|mo|a)$"
"""The JSON Schema pattern of an age."""

_AMOUNT = re.compile(rf"({NUMBER})(?: +(\S+))?")


def threshold(comparator: Comparator, text: str) -> QuantityThreshold | LimitThreshold:
    """`<number> <UCUM unit>`, `<number>` of a score, or `<number> ULN` (LLN) as a threshold."""
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        msg = f"{text!r} is no amount; write a number and a UCUM unit (70 g/L), a multiple (1.5 ULN), or a score (2)"
        raise ValueError(msg)
    number, unit = Decimal(found[1]), found[2]
    if unit in set(LimitOfNormal):
        if number < 0:
            msg = f"{text!r} is below no limit of normal; a multiple is positive, as in 1.5 ULN"
            raise ValueError(msg)
        return LimitThreshold(comparator, number, LimitOfNormal(unit))
    return QuantityThreshold(comparator, number, unit or UNITLESS)


def age(text: str) -> Duration:
    """An age in UCUM's calendar units: 14 a, 6 mo, 2 wk, 10 d."""
    if re.fullmatch(AGE_PATTERN, text) is None:
        msg = f"{text!r} is no age; write a whole number and a (years), mo, wk or d, as in 14 a"
        raise ValueError(msg)
    count, unit = text.split()
    return of_a_life(Duration(int(count), CalendarUnit(unit)), text)


def _read(reader: Callable[[str], Duration]) -> PlainValidator:
    def read(value: Any) -> Duration:  # noqa: ANN401  # whatever the file holds
        return reader(value if isinstance(value, str) else repr(value))

    return PlainValidator(read)


Window = IsoDuration
"""A time back from as-of, as P30D."""

WindowOrHours = IsoDurationOrHours
"""The same, or hours and minutes, as PT24H or PT4H30M."""

AgeText = Annotated[Duration, _read(age), WithJsonSchema({"type": "string", "pattern": AGE_PATTERN})]
"""An age, as 14 a."""

Amount = Annotated[
    str,
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": AMOUNT_PATTERN}]}),
]
"""A number with a UCUM unit, a multiple of ULN or LLN, or a score."""

COMPARATORS = {
    "at_least": Comparator.AT_LEAST,
    "more_than": Comparator.GREATER,
    "less_than": Comparator.LESS,
    "at_most": Comparator.AT_MOST,
}
"""What compares, by the models' fields."""

BOUNDS = tuple(key(field) for field in COMPARATORS)
"""The four keys that compare."""


def thresholds(form: Form) -> dict[str, QuantityThreshold | LimitThreshold]:
    """The bounds that are written, by key; one whose amount can't be read is refused at its place."""
    found: dict[str, QuantityThreshold | LimitThreshold] = {}
    for name, comparator in COMPARATORS.items():
        amount: str | None = getattr(form, name)
        if amount is not None:
            try:
                found[key(name)] = threshold(comparator, amount)
            except ValueError as error:
                refuse([((key(name),), str(error))])
    return found


class AmountBounds(Form):
    """The four ways to compare with an amount."""

    at_least: Amount | None = None
    """The bound itself is enough."""
    more_than: Amount | None = None
    """The bound itself is not enough."""
    less_than: Amount | None = None
    """The bound itself is too much."""
    at_most: Amount | None = None
    """The bound itself is allowed."""


AMOUNT_KEYS: dict[str, tuple[Any, Any]] = {
    name: (Amount | None, Field(default=None, description=info.description))
    for name, info in AmountBounds.model_fields.items()
}
"""The same four as keys of another form."""
