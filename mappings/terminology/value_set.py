"""A FHIR R4 ValueSet in JSON -> the core's ValueSet.

What is read of `compose`: listed concepts; a filter `code regex <escaped literal>.*`, which is a prefix of a
hierarchical code system, or `code regex (<one>|<another>).*`, which is several; `concept is-a <code>`, kept for a
terminology server or an imported release (its descendants that are packaged stand in the list). The number of a score's
answer is the extension ordinalValue; the code systems in which the set is exhaustive are the extension exhaustive-in,
those in which its roots with all below them come to the same are roots-complete-in. Every code says where it was read.

A site's FHIR R4 ConceptMap in JSON: its own codes -> codes that the value sets know.

A target is taken where the source code is at least a kind of the target: `equal`, `equivalent`, `wider` and `subsumes`
(R4 says what the target is to the source). Any other equivalence of R4 (`narrower`, `specializes`, `inexact`,
`relatedto`, `unmatched`, `disjoint`) would be a guess and is ignored; the code then stays unmapped. An equivalence that
R4 does not have, and a concept of ours that does not exist, are errors: the code would be lost without a word.
Source: hl7.org/fhir/R4/codesystem-concept-map-equivalence.html.
"""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapter.criteria.value_set import CONCEPTS, Coding, ValueSet
from adapter.errors import DefinitionError

BASE = "http://example.org/fhir-trial-adapter"
CODE_SOURCE = f"{BASE}/StructureDefinition/code-source"
EXHAUSTIVE = f"{BASE}/StructureDefinition/exhaustive-in"
ROOTED = f"{BASE}/StructureDefinition/roots-complete-in"
ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
_LITERAL = r"(?:[A-Za-z0-9-]|\\\.)+"
_Text = Annotated[str, Meta(min_length=1)]
PREFIXES = re.compile(rf"({_LITERAL})\.\*|\(({_LITERAL}(?:\|{_LITERAL})*)\)\.\*")


class _Extension(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    url: str
    valueString: str | None = None  # noqa: N815  # element names are FHIR's
    valueDecimal: Decimal | None = None  # noqa: N815
    valueUri: str | None = None  # noqa: N815


class _Concept(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    code: _Text
    display: _Text
    extension: tuple[_Extension, ...] = ()


class _Filter(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    property: Literal["code", "concept"]
    op: Literal["regex", "is-a"]
    value: str


class _Include(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    system: str
    concept: tuple[_Concept, ...] = ()
    filter: tuple[_Filter, ...] = ()
    extension: tuple[_Extension, ...] = ()


class _Compose(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    include: Annotated[tuple[_Include, ...], Meta(min_length=1)]
    exclude: tuple[_Include, ...] = ()


class _Meta(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    profile: tuple[str, ...] = ()


class _ValueSet(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    resourceType: Literal["ValueSet"]  # noqa: N815
    id: str
    url: str
    version: str
    name: str
    title: str
    status: Literal["draft", "active", "retired", "unknown"]
    compose: _Compose
    extension: tuple[_Extension, ...] = ()
    meta: _Meta | None = None
    experimental: bool = False
    publisher: str = ""
    description: str = ""
    copyright: str = ""


_decoder = msgspec.json.Decoder(_ValueSet)


def read_value_set(name: str, data: bytes) -> ValueSet:
    """The value set in `data`; `name` is what errors call the file. Raises DefinitionError."""
    try:
        read = _decoder.decode(data)
    except msgspec.DecodeError as error:
        msg = f"{name}: {error}"
        raise DefinitionError(msg) from error
    if read.url != f"{BASE}/ValueSet/{read.id}" or not name.endswith(f"{read.id}.json"):
        msg = f"{name}: id, url and file name must agree; {read.id} and {read.url} don't"
        raise DefinitionError(msg)
    include, exclude = read.compose.include, read.compose.exclude
    return ValueSet(
        id=read.id,
        codes=tuple(_codes(name, include)),
        prefixes=tuple(_prefixes(name, include)),
        excluded_prefixes=(*_codes(name, exclude), *_prefixes(name, exclude)),
        roots=tuple(
            Coding(part.system, filter_.value) for part in include for filter_ in part.filter if filter_.op == "is-a"
        ),
        ordinals={
            (part.system, concept.code): extension.valueDecimal
            for part in include
            for concept in part.concept
            for extension in concept.extension
            if extension.url == ORDINAL and extension.valueDecimal is not None
        },
        exhaustive=_systems(read.extension, EXHAUSTIVE),
        rooted=_systems(read.extension, ROOTED),
    )


def _systems(extensions: Iterable[_Extension], url: str) -> frozenset[str]:
    return frozenset(each.valueUri for each in extensions if each.url == url and each.valueUri)


def _codes(name: str, parts: Iterable[_Include]) -> Iterator[Coding]:
    for part in parts:
        sourced = bool(_source(part))
        for concept in part.concept:
            if not (sourced or _source(concept)):
                msg = f"{name}: {part.system}|{concept.code} has no source; say where the code was read (code-source)"
                raise DefinitionError(msg)
            yield Coding(part.system, concept.code, concept.display)


def _prefixes(name: str, parts: Iterable[_Include]) -> Iterator[Coding]:
    for part in parts:
        for filter_ in part.filter:
            if not _source(part):
                msg = f"{name}: the filter {filter_.value} has no source; say where the codes were read (code-source)"
                raise DefinitionError(msg)
            if (filter_.property, filter_.op) == ("concept", "is-a"):
                continue  # for a terminology server; the packaged descendants are listed
            if (filter_.property, filter_.op) != ("code", "regex") or not PREFIXES.fullmatch(filter_.value):
                msg = f"{name}: filter {filter_.property} {filter_.op} {filter_.value}; write `code regex C91\\.0.*`"
                raise DefinitionError(msg)
            for prefix in beginnings(filter_.value):
                yield Coding(part.system, prefix)


def beginnings(pattern: str) -> list[str]:
    """The beginnings of codes that a regular expression of the form above means; none of another form."""
    found = PREFIXES.fullmatch(pattern)
    return [] if found is None else (found[1] or found[2]).replace("\\", "").split("|")


def _source(sourced: _Include | _Concept) -> str:
    return next((each.valueString for each in sourced.extension if each.url == CODE_SOURCE and each.valueString), "")


TAKEN = frozenset({"equal", "equivalent", "wider", "subsumes"})

_EQUIVALENCES = TAKEN | {"narrower", "specializes", "inexact", "relatedto", "unmatched", "disjoint"}

_JSON_LINE = re.compile(r"at line (\d+)")
"""Where pydantic says that JSON ends."""

LocalMap = Mapping[tuple[str, str], tuple[Coding, ...]]
"""(system, code) of a site -> what it stands for."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)  # a ConceptMap holds much that is not needed here


class _Target(_Part):
    code: str | None = None
    display: str = ""
    equivalence: str


class _Element(_Part):
    code: str | None = None
    target: tuple[_Target, ...] = ()


class _Group(_Part):
    source: str = Field(min_length=1)
    target: str = Field(min_length=1)
    element: tuple[_Element, ...] = ()


class _ConceptMap(_Part):
    resourceType: Literal["ConceptMap"]  # noqa: N815  # FHIR's name
    group: tuple[_Group, ...] = ()


def read_concept_map(name: str, data: bytes, concepts: Collection[str]) -> LocalMap:
    """The local codes in `data`, a ConceptMap; `name` is what errors call the file. Raises DefinitionError.

    `concepts`: the codes of our own code system of concepts, which a group may have as its target.
    """
    try:
        read = _ConceptMap.model_validate_json(data.removeprefix(BOM_UTF8))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        said = f"{where + ': ' if where else ''}{first['msg']}; local codes are an R4 ConceptMap in JSON"
        line = _JSON_LINE.search(first["msg"])
        raise _at(name, int(line[1]) if line else 1, said) from error
    found: dict[tuple[str, str], tuple[Coding, ...]] = {}
    for group in read.group:
        for element in group.element:
            _check(name, data, group.target, element, concepts)
            targets = tuple(
                Coding(group.target, target.code, target.display)
                for target in element.target
                if target.code and target.equivalence in TAKEN
            )
            if element.code and targets:
                key = group.source, element.code
                found[key] = found.get(key, ()) + targets
    return found


def _check(name: str, data: bytes, system: str, element: _Element, concepts: Collection[str]) -> None:
    for target in element.target:
        if target.equivalence not in _EQUIVALENCES:
            raise _unknown(name, data, element, "equivalence", target.equivalence, _EQUIVALENCES)
        if system == CONCEPTS and target.code and target.code not in concepts:
            raise _unknown(name, data, element, "concept", target.code, concepts)


def _unknown(name: str, data: bytes, element: _Element, what: str, said: str, known: Iterable[str]) -> DefinitionError:
    near = get_close_matches(said, sorted(known), n=1, cutoff=0)
    line = data[: max(data.find(json.dumps(said).encode()), 0)].count(b"\n") + 1
    return _at(name, line, f"{element.code}: no {what} {said!r}; the nearest is {near[0]!r}")


def _at(name: str, line: int, said: str) -> DefinitionError:
    return DefinitionError(f"{name}:{line}: {said}", file=name, line=line, said=said)
