"""How the algebra's values stand in FHIR's datatypes, both ways, and dataclasses as lists of extensions."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from adapter.criteria.calendar import CalendarUnit, Duration, Hours
from adapter.criteria.model import AnswerRange, Answers, Done, Finding
from adapter.criteria.quantity import (
    AgeBound,
    Comparator,
    LimitOfNormal,
    LimitThreshold,
    QuantityRange,
    QuantityThreshold,
)
from mappings.trial.fhir.element import UCUM, VALUE_SET, Element, Json, code_system, value_set

Value = TypeVar("Value")
Code = TypeVar("Code", bound=StrEnum)

LIMITS = code_system("limit-of-normal")
"""ULN and LLN as units of a Quantity: a threshold of 1.5 ULN is `value` 1.5 with the code ULN."""


@dataclass(frozen=True, slots=True)
class Datatype(Generic[Value]):
    """What an extension holds.

    `write` makes all of the extension but its URL. `read` takes the extension; it raises DefinitionError with the path
    of what it does not understand.
    """

    write: Callable[[Value], Json]
    read: Callable[[Element], Value]


STRING: Datatype[str] = Datatype(lambda value: {"valueString": value}, lambda found: found.need("valueString"))
BOOLEAN: Datatype[bool] = Datatype(lambda value: {"valueBoolean": value}, lambda found: found.boolean("valueBoolean"))
INTEGER: Datatype[int] = Datatype(lambda value: {"valueInteger": value}, lambda found: found.integer("valueInteger"))
ID: Datatype[str] = Datatype(lambda value: {"valueId": value}, lambda found: found.need("valueId"))


def enum_of(kind: type[Code], word: str, where: Element, name: str) -> Code:
    """The member that a code stands for."""
    member = next((member for member in kind if member.value == word), None)
    if member is None:
        known = ", ".join(member.value for member in kind)
        where.refuse(f"{word!r} is not known here; write one of {known}", name)
    return member


def code_of(kind: type[Code]) -> Datatype[Code]:
    """A member of an enum, as its code."""
    return Datatype(
        lambda value: {"valueCode": value.value},
        lambda found: enum_of(kind, found.need("valueCode"), found, "valueCode"),
    )


def _read_concept(found: Element) -> str:
    url = found.need("valueCanonical").partition("|")[0]
    if not url.startswith(VALUE_SET) or url == VALUE_SET:
        found.refuse(f"{url} is not understood; write {VALUE_SET} and the id of a concept", "valueCanonical")
    return url.removeprefix(VALUE_SET)


CONCEPT: Datatype[str] = Datatype(lambda concept: {"valueCanonical": value_set(concept)}, _read_concept)
"""A concept of the catalogue, as the canonical URL of its value set."""


_MINUTES = {"h": 60, "min": 1}


def duration(length: Duration | Hours) -> Json:
    """FHIR's Duration; minutes only where hours don't do."""
    if isinstance(length, Hours):
        unit, of = next((unit, of) for unit, of in _MINUTES.items() if length.minutes % of == 0)
        return {"value": length.minutes // of, "unit": unit, "system": UCUM, "code": unit}
    return {"value": length.count, "unit": length.unit.value, "system": UCUM, "code": length.unit.value}


def _length(found: Element) -> Duration:
    if found.text("system") != UCUM:
        found.refuse(f"a length of time is written in UCUM's units; write {UCUM}", "system")
    return Duration(found.integer("value"), enum_of(CalendarUnit, found.need("code"), found, "code"))


def _read_duration(found: Element) -> Duration:
    value = found.need_below("valueDuration")
    if value.has("comparator"):
        value.refuse("a window has one length; leave the comparator out", "comparator")
    return _length(value)


def _read_duration_or_hours(found: Element) -> Duration | Hours:
    value = found.need_below("valueDuration")
    minutes = _MINUTES.get(value.text("code") or "")
    if minutes is None or value.text("system") != UCUM or value.has("comparator"):
        return _read_duration(found)
    return Hours(value.integer("value") * minutes)


DURATION_OR_HOURS: Datatype[Duration | Hours] = Datatype(
    lambda length: {"valueDuration": duration(length)}, _read_duration_or_hours
)
DURATION: Datatype[Duration] = Datatype(lambda length: {"valueDuration": duration(length)}, _read_duration)


def _age(strict: Comparator, inclusive: Comparator) -> Datatype[AgeBound]:
    """One end of an age range."""

    def write(bound: AgeBound) -> Json:
        return {"valueAge": {"comparator": inclusive if bound.inclusive else strict, **duration(bound.age)}}

    def read(found: Element) -> AgeBound:
        value = found.need_below("valueAge")
        comparator = value.need("comparator")
        if comparator not in (strict, inclusive):
            value.refuse(f"{comparator!r} is not known here; write {strict} or {inclusive}", "comparator")
        return AgeBound(_length(value), inclusive=comparator == inclusive)

    return Datatype(write, read)


LOWER_AGE = _age(Comparator.GREATER, Comparator.AT_LEAST)
UPPER_AGE = _age(Comparator.LESS, Comparator.AT_MOST)


def threshold(test: QuantityThreshold | LimitThreshold) -> Json:
    """A Quantity with a comparator; its unit is UCUM's, or a limit of normal."""
    if isinstance(test, LimitThreshold):
        value, unit, system = test.factor, test.limit.value, LIMITS
    else:
        value, unit, system = test.value, test.unit, UCUM
    return {"value": value, "comparator": test.comparator.value, "unit": unit, "system": system, "code": unit}


def _read_threshold(found: Element) -> QuantityThreshold | LimitThreshold:
    value = found.need_below("valueQuantity")
    comparator = enum_of(Comparator, value.need("comparator"), value, "comparator")
    number, code, system = value.decimal("value"), value.need("code"), value.text("system")
    if system == LIMITS:
        return LimitThreshold(comparator, number, enum_of(LimitOfNormal, code, value, "code"))
    if system != UCUM:
        value.refuse(f"the unit system {system} is not understood; write {UCUM} or {LIMITS}", "system")
    return QuantityThreshold(comparator, number, code)


def _read_quantity(found: Element) -> QuantityThreshold:
    test = _read_threshold(found)
    if isinstance(test, LimitThreshold):
        found.refuse(f"a limit of normal is not understood here; write a unit of {UCUM}", "valueQuantity")
    return test


QUANTITY: Datatype[QuantityThreshold] = Datatype(lambda test: {"valueQuantity": threshold(test)}, _read_quantity)


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


THRESHOLD: Datatype[QuantityThreshold | LimitThreshold] = Datatype(
    lambda test: {"valueQuantity": threshold(test)}, _read_threshold
)
_FINDING = code_of(Finding)
_ANSWERS = Record(Answers, many("answer", CONCEPT, "any_of")).datatype
_ANSWER_RANGE = Record(AnswerRange, one("lowest", CONCEPT, "low"), one("highest", CONCEPT, "high")).datatype
_RANGE = Record(QuantityRange, one("low", THRESHOLD), one("high", THRESHOLD)).datatype

Test = QuantityThreshold | LimitThreshold | QuantityRange | Finding | Answers | AnswerRange | Done | bool


def _write_test(test: Test) -> Json:
    match test:
        case Finding() | Done():
            return {"valueCode": test.value}
        case QuantityRange():
            return _RANGE.write(test)
        case Answers():
            return _ANSWERS.write(test)
        case AnswerRange():
            return _ANSWER_RANGE.write(test)
        case bool():
            return BOOLEAN.write(test)
        case _:
            return THRESHOLD.write(test)


def _read_test(found: Element) -> Test:
    if found.has("extension"):
        urls = {each.text("url") for each in found.each("extension")}
        if urls & {"lowest", "highest"}:
            return _ANSWER_RANGE.read(found)
        return _ANSWERS.read(found) if "answer" in urls else _RANGE.read(found)
    if found.has("valueQuantity"):
        return _read_threshold(found)
    if found.text("valueCode") == Done.MEASURED.value:
        return Done.MEASURED
    return _FINDING.read(found) if found.has("valueCode") else BOOLEAN.read(found)


TEST: Datatype[Any] = Datatype(_write_test, _read_test)
"""What a measurement is held against.

One or two Quantities, a finding's code, answers (some, or from one to another), `measured`, or a boolean.
"""
