"""The YAML form of windows, ages and bounds."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field, PlainValidator, WithJsonSchema

from adapter.criteria.calendar import Duration
from adapter.criteria.quantity import Comparator, LimitThreshold, QuantityThreshold
from mappings.terminology.durations import IsoDuration
from mappings.trial import amounts
from mappings.trial.form import Form, key, refuse


def _read(reader: Callable[[str], Duration]) -> PlainValidator:
    def read(value: Any) -> Duration:  # noqa: ANN401  # whatever the file holds
        return reader(value if isinstance(value, str) else repr(value))

    return PlainValidator(read)


Window = IsoDuration
"""A time back from as-of, as P30D."""

AgeText = Annotated[Duration, _read(amounts.age), WithJsonSchema({"type": "string", "pattern": amounts.AGE_PATTERN})]
"""An age, as 14 a."""

Amount = Annotated[
    str,
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": amounts.AMOUNT_PATTERN}]}
    ),
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
                found[key(name)] = amounts.threshold(comparator, amount)
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
