"""What every part of the YAML form has in common: its keys, and problems with their place."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from mappings.terminology.yaml_file import Path

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
