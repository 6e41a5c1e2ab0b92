"""Extensions that hold a dataclass: one table of its fields, read in both directions."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from mappings.trial.fhir.datatype import Datatype
from mappings.trial.fhir.element import Element
from mappings.trial.fhir.json_text import Json

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Extension(Generic[Value]):
    """An extension by its URL, and what it holds."""

    url: str
    datatype: Datatype[Value]

    def write(self, *values: Value | None) -> list[Json]:
        """One extension for each value that there is."""
        return [{"url": self.url, **self.datatype.write(value)} for value in values if value is not None]

    def read(self, element: Element) -> tuple[Value, ...]:
        """The values of all such extensions of an element."""
        found = (each for each in element.each("extension") if each.text("url") == self.url)
        return tuple(self.datatype.read(each) for each in found)

    def read_one(self, element: Element) -> Value | None:
        """The value, None if there is none. Raises DefinitionError if there are several."""
        found = self.read(element)
        if len(found) > 1:
            element.refuse(f"the extension {self.url} stands {len(found)} times; keep one")
        return found[0] if found else None

    def need(self, element: Element) -> Value:
        """The value, which must be there."""
        found = self.read_one(element)
        if found is None:
            element.refuse(f"the extension {self.url} is missing; add it")
        return found


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a dataclass and its extension; `many`: a tuple, with one extension for each entry."""

    extension: Extension[Any]
    name: str
    many: bool = False


def one(url: str, datatype: Datatype[Any], name: str | None = None) -> Field:
    """A field with one value or none; called as its URL unless another name is given."""
    return Field(Extension(url, datatype), name or url.replace("-", "_"))


def many(url: str, datatype: Datatype[Any], name: str | None = None) -> Field:
    """A field with any number of values."""
    return Field(Extension(url, datatype), name or url.replace("-", "_"), many=True)


class Record(Generic[Value]):
    """A dataclass as a list of extensions.

    None, an empty tuple and a flag that is down are not written; reading takes the dataclass's defaults for what is
    not there.
    """

    def __init__(self, kind: type[Value], *fields: Field) -> None:
        """The table of a dataclass's fields."""
        self.kind = kind
        self.fields = fields
        self._needed: set[str] = set()
        self._down: set[str] = set()
        for field in dataclasses.fields(kind):  # type: ignore[arg-type]  # `kind` is a dataclass
            if field.default is dataclasses.MISSING:
                self._needed.add(field.name)
            elif field.default is False:
                self._down.add(field.name)

    def write(self, value: Value) -> list[Json]:
        """The extensions, in the table's order."""
        found: list[Json] = []
        for field in self.fields:
            held = getattr(value, field.name)
            if not (held is False and field.name in self._down):
                found += field.extension.write(*(held if field.many else (held,)))
        return found

    def read(self, element: Element, *, besides: tuple[str, ...] = ()) -> Value:
        """The dataclass. Raises DefinitionError for an extension that the table doesn't have, save those besides."""
        known = {field.extension.url for field in self.fields} | set(besides)
        for extension in element.each("extension"):
            if extension.text("url") not in known:
                extension.refuse(f"the extension {extension.text('url')} is not understood")
        values: dict[str, Any] = {}
        for field in self.fields:
            found = field.extension.read(element) if field.many else field.extension.read_one(element)
            if found not in (None, ()):
                values[field.name] = found
            elif field.name in self._needed:
                element.refuse(f"the extension {field.extension.url} is missing; add it")
        return self.kind(**values)

    @property
    def datatype(self) -> Datatype[Value]:
        """The record as what an extension holds."""
        return Datatype(lambda value: {"extension": self.write(value)}, self.read)
