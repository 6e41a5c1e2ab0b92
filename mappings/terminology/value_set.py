"""A FHIR R4 ValueSet in JSON -> the core's ValueSet.

What is read of `compose`: listed concepts; a filter `code regex <escaped literal>.*`, which is a prefix of a
hierarchical code system, or `code regex (<one>|<another>).*`, which is several; `concept is-a <code>`, kept for a
terminology server or an imported release (its descendants that are packaged stand in the list). The number of a score's
answer is the extension ordinalValue; the code systems in which the set is exhaustive are the extension exhaustive-in,
those in which its roots with all below them come to the same are roots-complete-in. Every code says where it was read.
"""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from adapter.criteria.terminology import Coding, ValueSet
from adapter.errors import DefinitionError
from mappings.terminology.durations import STRICT

BASE = "http://example.org/fhir-trial-adapter"
CODE_SOURCE = f"{BASE}/StructureDefinition/code-source"
EXHAUSTIVE = f"{BASE}/StructureDefinition/exhaustive-in"
ROOTED = f"{BASE}/StructureDefinition/roots-complete-in"
ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
_LITERAL = r"(?:[A-Za-z0-9]|\\\.)+"
_PREFIXES = re.compile(rf"({_LITERAL})\.\*|\(({_LITERAL}(?:\|{_LITERAL})*)\)\.\*")


class _Extension(BaseModel):
    model_config = STRICT
    url: str
    valueString: str | None = None  # noqa: N815  # element names are FHIR's
    valueDecimal: Decimal | None = None  # noqa: N815
    valueUri: str | None = None  # noqa: N815


class _Sourced(BaseModel):
    model_config = STRICT
    extension: tuple[_Extension, ...] = ()

    def source(self) -> str:
        return next((e.valueString for e in self.extension if e.url == CODE_SOURCE and e.valueString), "")


class _Concept(_Sourced):
    code: str = Field(min_length=1)
    display: str = Field(min_length=1)


class _Filter(BaseModel):
    model_config = STRICT
    property: Literal["code", "concept"]
    op: Literal["regex", "is-a"]
    value: str


class _Include(_Sourced):
    system: str
    concept: tuple[_Concept, ...] = ()
    filter: tuple[_Filter, ...] = ()


class _Compose(BaseModel):
    model_config = STRICT
    include: tuple[_Include, ...] = Field(min_length=1)
    exclude: tuple[_Include, ...] = ()


class _Meta(BaseModel):
    model_config = STRICT
    profile: tuple[str, ...] = ()


class _ValueSet(BaseModel):
    model_config = STRICT
    extension: tuple[_Extension, ...] = ()
    resourceType: Literal["ValueSet"]  # noqa: N815
    id: str
    meta: _Meta | None = None
    url: str
    version: str
    name: str
    title: str
    status: Literal["draft", "active", "retired", "unknown"]
    experimental: bool = False
    publisher: str = ""
    description: str = ""
    copyright: str = ""
    compose: _Compose


def read_value_set(name: str, data: bytes) -> ValueSet:
    """The value set in `data`; `name` is what errors call the file. Raises DefinitionError."""
    try:
        read = _ValueSet.model_validate_json(data)
    except ValidationError as error:
        first: Any = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        msg = f"{name}: {where}: {first['msg']}"
        raise DefinitionError(msg) from error
    if read.url != f"{BASE}/ValueSet/{read.id}" or not name.endswith(f"{read.id}.json"):
        msg = f"{name}: id, url and file name must agree; {read.id} and {read.url} don't"
        raise DefinitionError(msg)
    included = [each for part in read.compose.include for each in _entries(name, part)]
    excluded = [each for part in read.compose.exclude for each in _entries(name, part)]
    return ValueSet(
        id=read.id,
        codes=tuple(coding for coding, is_prefix in included if not is_prefix),
        prefixes=tuple(coding for coding, is_prefix in included if is_prefix),
        excluded_prefixes=tuple(coding for coding, _ in excluded),
        roots=tuple(
            Coding(part.system, filter_.value)
            for part in read.compose.include
            for filter_ in part.filter
            if filter_.op == "is-a"
        ),
        ordinals={
            (part.system, concept.code): extension.valueDecimal
            for part in read.compose.include
            for concept in part.concept
            for extension in concept.extension
            if extension.url == ORDINAL and extension.valueDecimal is not None
        },
        exhaustive=_systems(read.extension, EXHAUSTIVE),
        rooted=_systems(read.extension, ROOTED),
    )


def _systems(extensions: Iterable[_Extension], url: str) -> frozenset[str]:
    return frozenset(each.valueUri for each in extensions if each.url == url and each.valueUri)


def _entries(name: str, part: _Include) -> Iterator[tuple[Coding, bool]]:
    """Each coding of one include, and whether it is a prefix."""
    for concept in part.concept:
        if not (concept.source() or part.source()):
            msg = f"{name}: {part.system}|{concept.code} has no source; say where the code was read (code-source)"
            raise DefinitionError(msg)
        yield Coding(part.system, concept.code, concept.display), False
    for filter_ in part.filter:
        if not part.source():
            msg = f"{name}: the filter {filter_.value} has no source; say where the codes were read (code-source)"
            raise DefinitionError(msg)
        if (filter_.property, filter_.op) == ("concept", "is-a"):
            continue  # for a terminology server; the packaged descendants are listed
        prefixes = _PREFIXES.fullmatch(filter_.value)
        if filter_.property != "code" or filter_.op != "regex" or prefixes is None:
            msg = f"{name}: filter {filter_.property} {filter_.op} {filter_.value}; write `code regex C91\\.0.*`"
            raise DefinitionError(msg)
        for prefix in (prefixes[1] or prefixes[2]).replace("\\", "").split("|"):
            yield Coding(part.system, prefix), True
