"""How the algebra's values stand in FHIR's datatypes, both ways: each is the value of an extension."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.model import Finding
from adapter.criteria.quantity import AgeBound, Comparator, LimitOfNormal, LimitThreshold, QuantityThreshold
from mappings.trial.fhir.element import Element
from mappings.trial.fhir.json_text import Json
from mappings.trial.fhir.names import UCUM, VALUE_SET, code_system, value_set

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


def duration(length: Duration) -> Json:
    """FHIR's Duration."""
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

_FINDING = code_of(Finding)


def _write_test(test: QuantityThreshold | LimitThreshold | Finding | bool) -> Json:  # noqa: FBT001  # a value to compare with
    if isinstance(test, Finding):
        return _FINDING.write(test)
    return BOOLEAN.write(test) if isinstance(test, bool) else {"valueQuantity": threshold(test)}


def _read_test(found: Element) -> QuantityThreshold | LimitThreshold | Finding | bool:
    if found.has("valueQuantity"):
        return _read_threshold(found)
    return _FINDING.read(found) if found.has("valueCode") else BOOLEAN.read(found)


TEST: Datatype[Any] = Datatype(_write_test, _read_test)
"""What a measurement is compared with: a Quantity, a finding's code, or a boolean."""
