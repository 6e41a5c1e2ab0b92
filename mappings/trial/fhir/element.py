"""JSON objects of resources: written, checked as R4, and read with the path of what is wrong."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

import msgspec
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from adapter.errors import DefinitionError

Json = dict[str, Any]
"""A JSON object: a resource, or an element of one. Its numbers are int and Decimal."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)


def encode(resource: Json) -> bytes:
    """The resource as indented UTF-8, with a line end; the same resource gives the same bytes."""
    return msgspec.json.format(_ENCODER.encode(resource), indent=2) + b"\n"


def decode(data: bytes) -> Any:  # noqa: ANN401  # whatever the text holds
    """What a JSON text holds. Raises DefinitionError if it is none."""
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"this is no JSON ({error}); correct it"
        raise DefinitionError(msg) from error


def present(element: Json) -> Json:
    """The element without what FHIR doesn't allow to stand empty."""
    return {name: value for name, value in element.items() if value is not None and value not in ("", [], {})}


@dataclass(frozen=True, slots=True)
class Element:
    """A JSON object and its path, as `PlanDefinition/x.action[0]`."""

    content: Mapping[str, Any]
    path: str

    def refuse(self, said: str, name: str = "") -> NoReturn:
        """Raise DefinitionError with what is wrong here, or at the element below that has this name."""
        msg = f"{self.path}{f'.{name}' if name else ''}: {said}"
        raise DefinitionError(msg)

    def has(self, name: str) -> bool:
        """Whether the element is there and not empty."""
        return self.content.get(name) not in (None, "", [], {})

    def text(self, name: str) -> str | None:
        """A string, None if there is none."""
        value = self.content.get(name)
        if value is not None and not isinstance(value, str):
            self.refuse(f"{value!r} stands where a text is wanted; correct it", name)
        return value or None

    def need(self, name: str) -> str:
        """A string that must be there."""
        found = self.text(name)
        if found is None:
            self.refuse("this element is missing; add it", name)
        return found

    def decimal(self, name: str) -> Decimal:
        """A number that must be there, exactly as it is written."""
        value = self.content.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            self.refuse(f"{value!r} stands where a number is wanted; correct it", name)
        return Decimal(str(value))

    def integer(self, name: str) -> int:
        """A whole number that must be there."""
        value = self.decimal(name)
        if value != value.to_integral_value():
            self.refuse(f"{value} stands where a whole number is wanted; correct it", name)
        return int(value)

    def boolean(self, name: str) -> bool:
        """True or false, which must be there."""
        value = self.content.get(name)
        if not isinstance(value, bool):
            self.refuse(f"{value!r} stands where true or false is wanted; correct it", name)
        return value

    def below(self, name: str) -> "Element | None":
        """An object, None if there is none."""
        value = self.content.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.refuse("an object is wanted here; correct it", name)
        return Element(value, f"{self.path}.{name}")

    def need_below(self, name: str) -> "Element":
        """An object that must be there."""
        found = self.below(name)
        if found is None:
            self.refuse("this element is missing; add it", name)
        return found

    def each(self, name: str) -> "Iterator[Element]":
        """The objects of a list, none if there is no list."""
        value = self.content.get(name)
        if value is not None and not isinstance(value, list | tuple):
            self.refuse("a list is wanted here; put square brackets round it", name)
        for index, entry in enumerate(value or ()):
            if not isinstance(entry, Mapping):
                self.refuse("an object is wanted here; correct it", f"{name}[{index}]")
            yield Element(entry, f"{self.path}.{name}[{index}]")

    def code(self, name: str, system: str) -> str | None:
        """The code that a CodeableConcept, or the first such of several, has in a code system; None without one."""
        value = self.content.get(name)
        concepts = self.each(name) if isinstance(value, list | tuple) else filter(None, (self.below(name),))
        codings = (coding for concept in concepts for coding in concept.each("coding"))
        return next((coding.need("code") for coding in codings if coding.text("system") == system), None)


def checked(resource: Json) -> Json:
    """The resource. Raises DefinitionError with the element that the model refuses."""
    model = get_fhir_model_class(resource["resourceType"])
    try:
        model.model_validate(resource)
    except ValidationError as error:
        first: Any = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        msg = f"{resource['resourceType']}/{resource.get('id')}.{where}: {first['msg']}; correct the definition"
        raise DefinitionError(msg) from error
    return resource
