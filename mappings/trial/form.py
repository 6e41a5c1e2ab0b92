"""What every part of the YAML form has in common: its keys, its short texts for amounts, problems with their place."""

import re
from collections.abc import Callable, Collection, Iterable
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from adapter.criteria.calendar import CalendarUnit, Duration, of_a_life
from adapter.criteria.quantity import Comparator, LimitOfNormal, LimitThreshold, QuantityThreshold
from mappings.terminology.yaml_file import IsoDuration, Path

Problem = tuple[Path, str]
"""Something wrong below the value being checked: where, and what to do about it."""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""A text that says something."""

Entry = TypeVar("Entry")

_FLAGS = {"true": True, "false": False}


def refuse(problems: Iterable[Problem]) -> None:
    """Raise the problems, each at its own place; nothing happens if there are none."""
    details = [
        InitErrorDetails(type=PydanticCustomError("form", "{said}", {"said": said}), loc=path, input=None)
        for path, said in problems
    ]
    if details:
        raise ValidationError.from_exception_data(title="definition", line_errors=details)


def nearest(word: str, known: Collection[str]) -> str:
    """What to write instead of a word that isn't known."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(known))}"


def _some(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    if not entries:
        msg = "the list is empty; write at least one entry"
        raise ValueError(msg)
    return entries


Some = Annotated[tuple[Entry, ...], AfterValidator(_some), Field(json_schema_extra={"minItems": 1})]
"""A list that isn't empty. (pydantic's own min_length also speaks up when it is an entry that is wrong.)"""


def _flag(value: object) -> bool:
    if not isinstance(value, str) or value not in _FLAGS:
        msg = f"{value!r} is neither true nor false; write one of them"
        raise ValueError(msg)
    return _FLAGS[value]


Flag = Annotated[bool, BeforeValidator(_flag)]
"""`true` or `false`, and no other word for them."""


def key(field: str) -> str:
    """A field's name as the file writes it: `look_back` is look-back, `not_` is not."""
    return field.rstrip("_").replace("_", "-")


class Form(BaseModel):
    """A mapping in a definition: kebab-case keys, and no others than the listed ones."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=key,
        use_attribute_docstrings=True,
    )

    @model_validator(mode="before")
    @classmethod
    def known_keys(cls, value: Any) -> Any:  # noqa: ANN401  # whatever the file holds
        """Refuse a key without a value, and an unknown one, naming the one that was probably meant."""
        if isinstance(value, dict):
            empty = [word for word, content in value.items() if content is None]
            refuse(((word,), "has no value; write one, or leave the key out") for word in empty)
            keys = [key(name) for name in cls.model_fields]
            refuse(((word,), f"unknown key; {nearest(word, keys)}") for word in value if word not in keys)
        return value


UNITLESS = "1"
"""UCUM's unit of plain numbers; a score is written without one."""

NUMBER = r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?"
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

AgeText = Annotated[Duration, _read(age), WithJsonSchema({"type": "string", "pattern": AGE_PATTERN})]
"""An age, as 14 a."""

Amount = Annotated[
    str,
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": AMOUNT_PATTERN}]}),
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
