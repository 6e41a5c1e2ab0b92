"""JSON objects of resources: written, checked as R4, and read with the path of what is wrong.

The URLs and ids of what we define: code systems, extensions, value sets, and the resources of a study.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any, NoReturn

import msgspec
from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from adapter.errors import DefinitionError, MalformedError
from adapter.fhir.elements import STUDY
from adapter.record.bundle import json_text
from mappings.terminology.value_set import BASE

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
        return _DECODER.decode(json_text(data))
    except (MalformedError, msgspec.DecodeError) as error:
        msg = f"this is no JSON that can be read ({error}); correct it"
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


UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
VALUE_SET = f"{BASE}/ValueSet/"
LONGEST_ID = 64
"""Characters of a FHIR id."""

OWN_STUDY = STUDY
OWN_GROUP = f"{BASE}/NamingSystem/group"
"""System of the identifier by which a server finds a Group of ours again, whatever id it gave it."""

ELIGIBILITY, TREATMENT, ENROLLMENT, LOGIC = "eligibility", "treatment", "enrollment", "logic"
"""What the ids of a study's plans and Group end with; the plans' types have the same codes."""


def code_system(name: str) -> str:
    """The URL of a code system of ours."""
    return f"{BASE}/CodeSystem/{name}"


def structure(name: str) -> str:
    """The URL of an extension of ours."""
    return f"{BASE}/StructureDefinition/{name}"


def canonical(resource_type: str, resource_id: str) -> str:
    """The URL of a resource of ours."""
    return f"{BASE}/{resource_type}/{resource_id}"


def value_set(concept: str) -> str:
    """The URL of a concept's value set; both have the same id."""
    return VALUE_SET + concept


def part_id(study: str, part: str) -> str:
    """`<study>-<part>`; of a study whose id leaves no room, the beginning and eight digits of its SHA-256."""
    plain = f"{study}-{part}"
    if len(plain) <= LONGEST_ID:
        return plain
    tail = f"-{hashlib.sha256(study.encode()).hexdigest()[:8]}-{part}"
    return study[: LONGEST_ID - len(tail)] + tail


def computer_name(resource_id: str) -> str:
    """A name as FHIR wants it for programs: a capital, then letters and digits."""
    plain = "".join(word.capitalize() for word in resource_id.split("-"))
    return plain if plain[:1].isalpha() else f"Trial{plain}"


def text(content: str) -> str:
    """Text between tags."""
    return escape(content, quote=False)


def element(tag: str, *content: str) -> str:
    """An element that holds XHTML."""
    return f"<{tag}>{''.join(content)}</{tag}>"


def listed(items: Iterable[str]) -> str:
    """A list of XHTML items; nothing for no items, since XHTML has no empty lists."""
    held = [element("li", item) for item in items]
    return element("ul", *held) if held else ""


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of texts; nothing without rows."""
    body = [element("tr", *(element("td", text(cell)) for cell in row)) for row in rows]
    if not body:
        return ""
    head = element("tr", *(element("th", text(name)) for name in heads))
    return element("table", element("thead", head), element("tbody", *body))


def narrative(*content: str) -> Json:
    """A generated Narrative."""
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{"".join(content)}</div>'}
