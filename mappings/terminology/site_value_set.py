"""A site's FHIR R4 ValueSet in JSON -> the core's ValueSet.

Read are lists of codes, whole code systems, references to other value sets (the site's and ours), exclusions, and an
expansion. Filters: `code regex C91.*` and the like are beginnings of codes; `concept is-a X` and all others are kept
for a terminology server or an imported release; where an expansion stands in the file, it says what they find.
Sources: hl7.org/fhir/R4/valueset.html#compositions, hl7.org/fhir/R4/valueset.html#expansion.
"""

import json
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

import msgspec
from msgspec import Struct

from adapter.criteria.value_set import Coding, Filter, ValueSet, plain_code
from adapter.errors import DefinitionError, MalformedError
from adapter.record.bundle import json_text
from mappings.terminology.codes import FIRST_SIGNS, Systems
from mappings.terminology.value_set import EXHAUSTIVE, ORDINAL, PREFIXES, ROOTED, beginnings


class _Extension(Struct, frozen=True):
    url: str = ""
    valueUri: str | None = None  # noqa: N815  # element names are FHIR's
    valueDecimal: Decimal | None = None  # noqa: N815


class _Concept(Struct, frozen=True):
    code: str
    display: str = ""
    extension: tuple[_Extension, ...] = ()


class _Filter(Struct, frozen=True):
    property: str
    op: str
    value: str


class _Include(Struct, frozen=True):
    system: str | None = None
    concept: tuple[_Concept, ...] = ()
    filter: tuple[_Filter, ...] = ()
    valueSet: tuple[str, ...] = ()  # noqa: N815


class _Compose(Struct, frozen=True):
    include: tuple[_Include, ...] = ()
    exclude: tuple[_Include, ...] = ()


class _Contains(Struct, frozen=True):
    system: str | None = None
    code: str | None = None
    display: str = ""
    abstract: bool = False
    contains: "tuple[_Contains, ...]" = ()
    extension: tuple[_Extension, ...] = ()


class _Expansion(Struct, frozen=True):
    total: int | None = None
    contains: tuple[_Contains, ...] = ()


class SiteValueSet(Struct, frozen=True):
    """What is read of the file, before the references are followed."""

    resourceType: str = ""  # noqa: N815
    id: str = ""
    url: str = ""
    title: str = ""
    name: str = ""
    extension: tuple[_Extension, ...] = ()
    compose: _Compose | None = None
    expansion: _Expansion | None = None


_decoder = msgspec.json.Decoder(SiteValueSet)

Others = Callable[[str], ValueSet | None]
"""The value set of a canonical URL (without its version) or an id."""


def open_value_set(name: str, stem: str, data: bytes) -> SiteValueSet:
    """The resource in `data`; `name` is what errors call the file. Without an id its id is the file's, `stem`.

    Raises DefinitionError.
    """
    text = data.removeprefix(BOM_UTF8)
    try:
        json.loads(text)
        read = _decoder.decode(json_text(text))
    except json.JSONDecodeError as error:
        said = f"not readable as JSON ({error.msg}); correct it"
        raise _wrong(name, said, error.lineno) from error
    except (MalformedError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _wrong(name, f"{error}; a value set is a FHIR R4 ValueSet in JSON") from error
    if read.resourceType != "ValueSet":
        raise _wrong(name, f"a {read.resourceType or 'resource without a type'}; only ValueSets stand in this folder")
    held = read.id or stem
    if read.compose is None and read.expansion is None:
        raise _wrong(name, "neither compose nor expansion; it says nothing of its codes")
    return msgspec.structs.replace(read, id=held)


def resolved(name: str, read: SiteValueSet, systems: Systems, others: Others) -> ValueSet:
    """The value set. Raises DefinitionError for a reference that leads nowhere, and what can't be said here."""
    compose = read.compose or _Compose()
    parts = [_part(name, each, systems, others) for each in compose.include]
    held = _union(read.id, parts)
    if read.expansion is not None:
        held = replace(held, codes=(*held.codes, *_expanded(name, read.expansion, systems)), roots=(), filters=())
    without = _union("", [_part(name, each, systems, others) for each in compose.exclude])
    if without.roots or without.filters:
        raise _wrong(name, "a filter can't be excluded here; write the excluded codes, or an expansion")
    listed = [*((c.code, c.extension, p.system) for p in compose.include for c in p.concept), *_answers(read)]
    return replace(
        _without(held, without, systems),
        exhaustive=_named(read, EXHAUSTIVE, systems),
        rooted=_named(read, ROOTED, systems),
        ordinals={
            (systems.canonical(system or "") or system or "", code): each.valueDecimal
            for code, extensions, system in listed
            for each in extensions
            if each.url == ORDINAL and each.valueDecimal is not None
        },
        local=True,
    )


def _answers(read: SiteValueSet) -> Iterator[tuple[str, tuple[_Extension, ...], str | None]]:
    for each in _flat(read.expansion.contains if read.expansion else ()):
        yield each.code or "", each.extension, each.system


def _named(read: SiteValueSet, url: str, systems: Systems) -> frozenset[str]:
    found = (each.valueUri for each in read.extension if each.url == url and each.valueUri)
    return frozenset(systems.canonical(uri) or uri for uri in found)


def _part(name: str, part: _Include, systems: Systems, others: Others) -> ValueSet:
    """What one include holds: what its system's part and every value set that it names have in common."""
    found = [_of_system(name, part, systems)] if part.system is not None else []
    for url in part.valueSet:
        other = others(url.partition("|")[0])
        if other is None:
            said = f"no value set {url}; add it to value-sets/, or write its codes here"
            raise _wrong(name, said)
        found.append(other)
    if not found:
        raise _wrong(name, "an include names neither a system nor a value set")
    first, *rest = found
    for each in rest:
        first = _common(name, first, each)
    return first


def _of_system(name: str, part: _Include, systems: Systems) -> ValueSet:
    uri = systems.canonical(part.system or "")
    if uri is None:
        raise _wrong(name, f"{part.system!r} is no code system; write its URI")
    if part.concept:
        return ValueSet(id="", codes=tuple(Coding(uri, each.code, each.display) for each in part.concept))
    if not part.filter:
        return ValueSet(id="", prefixes=tuple(Coding(uri, sign) for sign in FIRST_SIGNS))
    if len(part.filter) > 1:
        raise _wrong(name, "several filters in one include; write an expansion into the file")
    return _filtered(uri, part.filter[0], systems)


def _filtered(uri: str, only: _Filter, systems: Systems) -> ValueSet:
    if (only.property, only.op) == ("code", "regex") and PREFIXES.fullmatch(only.value):
        return ValueSet(id="", prefixes=tuple(Coding(uri, each) for each in beginnings(only.value)))
    if (only.property, only.op) == ("concept", "is-a"):
        if uri in systems.classifications:
            return ValueSet(id="", prefixes=(Coding(uri, only.value),))
        return ValueSet(id="", codes=(Coding(uri, only.value),), roots=(Coding(uri, only.value),))
    return ValueSet(id="", filters=(Filter(uri, only.property, only.op, only.value),))


def _union(id_: str, parts: Iterable[ValueSet]) -> ValueSet:
    held = tuple(parts)
    return ValueSet(
        id=id_,
        codes=tuple(dict.fromkeys(code for each in held for code in each.codes)),
        roots=tuple(dict.fromkeys(code for each in held for code in each.roots)),
        prefixes=tuple(dict.fromkeys(code for each in held for code in each.prefixes)),
        excluded_prefixes=tuple(dict.fromkeys(code for each in held for code in each.excluded_prefixes)),
        filters=tuple(dict.fromkeys(each for part in held for each in part.filters)),
        excluded=frozenset().union(*(each.excluded for each in held)),
    )


def _common(name: str, one: ValueSet, other: ValueSet) -> ValueSet:
    """The codes and beginnings that both hold."""
    if any((each.roots or each.filters) and not _is_packaged(each) for each in (one, other)):
        raise _wrong(name, "a filter beside a value set in one include; write an expansion, or separate includes")
    begun = [
        Coding(each.system, max(each.code, head.code, key=len))
        for each in one.prefixes
        for head in other.prefixes
        if each.system == head.system and (_begins(each, head) or _begins(head, each))
    ]
    return ValueSet(
        id="",
        codes=(*(c for c in one.codes if holds(other, c)), *(c for c in other.codes if _begun(one, c))),
        prefixes=tuple(dict.fromkeys(begun)),
        excluded_prefixes=(*one.excluded_prefixes, *other.excluded_prefixes),
        excluded=one.excluded | other.excluded,
    )


def _is_packaged(held: ValueSet) -> bool:
    """Whether it is one of ours: what is known below its roots is listed."""
    return bool(held.id) and not held.local


def holds(held: ValueSet, coding: Coding) -> bool:
    """Whether a value set holds a code as it is written there, or by its beginning."""
    plain = plain_code(coding.system, coding.code)
    listed = {(each.system, plain_code(each.system, each.code)) for each in held.codes}
    return ((coding.system, plain) in listed or _begun(held, coding)) and not any(
        _begins(coding, each) for each in held.excluded_prefixes
    )


def _begun(held: ValueSet, coding: Coding) -> bool:
    return any(_begins(coding, each) for each in held.prefixes)


def _begins(coding: Coding, head: Coding) -> bool:
    return coding.system == head.system and plain_code(coding.system, coding.code).startswith(
        plain_code(head.system, head.code)
    )


def _without(held: ValueSet, without: ValueSet, systems: Systems) -> ValueSet:
    """A value set without the codes of another one; in a classification, without what is below them either."""
    headed = [*without.prefixes, *(each for each in without.codes if each.system in systems.classifications)]
    return replace(
        held,
        codes=tuple(each for each in held.codes if not holds(without, each)),
        excluded_prefixes=(*held.excluded_prefixes, *headed),
        excluded=held.excluded | {(each.system, each.code) for each in without.codes},
    )


def _expanded(name: str, expansion: _Expansion, systems: Systems) -> Iterator[Coding]:
    found = [each for each in _flat(expansion.contains) if each.system and each.code and not each.abstract]
    if expansion.total is not None and len(found) < expansion.total:
        raise _wrong(name, f"the expansion holds {len(found)} of {expansion.total} codes; expand it without paging")
    for each in found:
        yield Coding(systems.canonical(each.system or "") or each.system or "", each.code or "", each.display)


def _flat(contains: Iterable[_Contains]) -> Iterator[_Contains]:
    for each in contains:
        yield each
        yield from _flat(each.contains)


def _wrong(name: str, said: str, line: int = 1) -> DefinitionError:
    return DefinitionError(f"{name}:{line}: {said}", file=name, line=line, said=said)
