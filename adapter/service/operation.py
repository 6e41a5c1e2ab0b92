"""What `$evaluate` is asked: reading it from a query and from a body."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from adapter.record.bundle import type_of
from adapter.record.contents import MAX_ENTRIES, Contents, contents_of
from adapter.record.resources import Reference
from adapter.service.errors import ParameterError
from adapter.service.operation_definitions import IN

T = TypeVar("T")

_QUERY = {each.name: each for each in IN if each.in_query}
_BODY = {each.name: each for each in IN}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateRequest:
    """What one request asks; None where it says nothing. `data`: of a Bundle."""

    subjects: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    data: Contents | None = None
    use_server_data: bool | None = None
    as_of: str | None = None
    policy: str | None = None
    detail: str | None = None
    recruiting: bool | None = None

    @property
    def whole(self) -> bool:
        """Whether the answer is to tell all. Raises ParameterError for a detail that there is not."""
        if self.detail not in {None, "full", "decision"}:
            msg = f"no detail {str(self.detail)[:64]!r}; write full or decision"
            raise ParameterError(msg, expression="detail")
        return self.detail != "decision"

    def and_also(self, other: "EvaluateRequest") -> "EvaluateRequest":
        """Both together: a URL's query beside a body. Raises ParameterError where both say a thing once."""
        return EvaluateRequest(
            subjects=self.subjects + other.subjects,
            studies=self.studies + other.studies,
            data=_only((self.data, other.data), "data"),
            use_server_data=_only((self.use_server_data, other.use_server_data), "useServerData"),
            as_of=_only((self.as_of, other.as_of), "asOf"),
            policy=_only((self.policy, other.policy), "policy"),
            detail=_only((self.detail, other.detail), "detail"),
            recruiting=_only((self.recruiting, other.recruiting), "recruiting"),
        )


class _Parameter(Struct, frozen=True, rename="camel"):
    name: str
    value_string: str | None = None
    value_uri: str | None = None
    value_canonical: str | None = None
    value_id: str | None = None
    value_code: str | None = None
    value_boolean: bool | None = None
    value_date_time: str | None = None
    value_date: str | None = None
    value_instant: str | None = None
    value_reference: Reference | None = None
    resource: Raw = Raw()  # msgspec knows no Raw | None; an empty one is none


class _Parameters(Struct, frozen=True):
    parameter: tuple[_Parameter, ...] = ()


_parameters = msgspec.json.Decoder(_Parameters)
_ELEMENTS = {field.encode_name: field.name for field in msgspec.structs.fields(_Parameter)}


def request_in_query(pairs: Iterable[tuple[str, str]]) -> EvaluateRequest:
    """What a query asks; `_format` and `_pretty` are for others to read. Raises ParameterError."""
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        if name in {"_format", "_pretty"}:
            continue
        if name not in _QUERY:
            raise _unknown(name, _QUERY)
        if not value:
            msg = f"{name} is empty; give it a value or leave it out"
            raise ParameterError(msg, expression=name)
        given.setdefault(name, []).append(value)
    for name, values in given.items():
        if len(values) > 1 and _QUERY[name].max == "1":
            raise _twice(name)
    return EvaluateRequest(
        subjects=tuple(given.get("subject", ())),
        studies=tuple(given.get("study", ())),
        use_server_data=_boolean(given, "useServerData"),
        as_of=next(iter(given.get("asOf", ())), None),
        policy=next(iter(given.get("policy", ())), None),
        detail=next(iter(given.get("detail", ())), None),
        recruiting=_boolean(given, "recruiting"),
    )


def request_in_body(body: bytes, max_entries: int = MAX_ENTRIES) -> EvaluateRequest:
    """What a body of strict JSON asks: a Parameters resource, or a Bundle, which is the `data`.

    Raises ParameterError, and InputError for a Bundle that can't be read.
    """
    kind = _decoded(type_of, body, "the body")
    if kind == "Bundle":
        return EvaluateRequest(data=contents_of(body, max_entries))
    if kind != "Parameters":
        msg = f"the body is a {kind[:64]!r}; send Parameters, or a Bundle with the patient's record"
        raise ParameterError(msg)
    found = _decoded(_parameters.decode, body, "Parameters").parameter
    values: dict[str, list[tuple[object, str]]] = {}
    for place, parameter in enumerate(found):
        where = f"Parameters.parameter[{place}]"
        if parameter.name not in _BODY:
            raise _unknown(parameter.name, _BODY, where)
        values.setdefault(parameter.name, []).append((_value(parameter, where, max_entries), where))
    for name, given in values.items():
        if len(given) > 1 and _BODY[name].max == "1":
            raise _twice(name, given[1][1])
    return EvaluateRequest(
        subjects=_texts(values, "subject"),
        studies=_texts(values, "study"),
        data=_first(values, "data", Contents),
        use_server_data=_first(values, "useServerData", bool),
        as_of=_first(values, "asOf", str),
        policy=_first(values, "policy", str),
        detail=_first(values, "detail", str),
        recruiting=_first(values, "recruiting", bool),
    )


def _value(parameter: _Parameter, where: str, max_entries: int) -> object:
    """The one value of a parameter, from the elements that its definition allows."""
    allowed = _BODY[parameter.name].values
    given = [getattr(parameter, _ELEMENTS[element]) for element in allowed]
    held = [value for value in given if value is not None and value != Raw()]
    if len(held) != 1:
        msg = f"{parameter.name} needs exactly one of {', '.join(allowed)}"
        raise ParameterError(msg, code="value", expression=where)
    value = held[0]
    if isinstance(value, Raw):
        return _bundle(bytes(value), where, max_entries)
    if isinstance(value, Reference):
        value = value.reference
    if value is None or value == "":
        msg = f"{parameter.name} is empty; give it a value or leave the parameter out"
        raise ParameterError(msg, code="value", expression=where)
    return value


def _bundle(resource: bytes, where: str, max_entries: int) -> Contents:
    if _decoded(type_of, resource, f"{where}.resource") != "Bundle":
        msg = "data must be a Bundle; put the patient's resources into one (type collection)"
        raise ParameterError(msg, code="value", expression=f"{where}.resource")
    return contents_of(resource, max_entries)


def _decoded(decode: Callable[[bytes], T], data: bytes, what: str) -> T:
    try:
        return decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"{what} can't be read: {error}; send a FHIR R4 Parameters or Bundle resource"
        raise ParameterError(msg, code="structure") from None


def _boolean(given: Mapping[str, list[str]], name: str) -> bool | None:
    if name not in given:
        return None
    if given[name] not in (["true"], ["false"]):
        msg = f"{name} is a boolean; write true or false"
        raise ParameterError(msg, expression=name)
    return given[name] == ["true"]


def _texts(values: dict[str, list[tuple[object, str]]], name: str) -> tuple[str, ...]:
    return tuple(str(value) for value, _ in values.get(name, ()))


def _first(values: dict[str, list[tuple[object, str]]], name: str, kind: type[T]) -> T | None:
    value = values[name][0][0] if name in values else None
    return value if isinstance(value, kind) else None


def _only(given: tuple[T | None, T | None], name: str) -> T | None:
    said = [value for value in given if value is not None]
    if len(said) > 1:
        raise _twice(name)
    return said[0] if said else None


def _unknown(name: str, known: Iterable[str], where: str | None = None) -> ParameterError:
    msg = f"no parameter {name[:64]!r}; known are {', '.join(known)}"
    return ParameterError(msg, code="not-supported", expression=where)


def _twice(name: str, where: str | None = None) -> ParameterError:
    return ParameterError(f"{name} is given more than once; give it once", expression=where or name)
