"""A first look at a Bundle: who its one Patient is and what their Conditions are of, in one pass over the text.

Nothing else of it is opened, since of most patients that are screened no more need be known. What isn't plain (several
Patients, an entry without a resource, a Bundle in the Bundle) is left to whoever opens it whole (`contents`): nothing
is read otherwise here, only sooner.
"""

from collections.abc import Iterable, Iterator
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta as Limit
from msgspec import Raw, Struct

from adapter.criteria.terminology import Terminology, kept
from adapter.criteria.value_set import Coding
from adapter.record.bundle import BOM, Request, Resource, Search
from adapter.record.contents import MAX_ENTRIES, Contents, contents_of
from adapter.record.decoded import Decoded
from adapter.record.r4_types import RESOURCE_TYPES
from adapter.record.resources import ABSENT, CodeableConcept, Meta, Patient
from adapter.record.subject import Subject, find_subject
from adapter.record.values import codes

_MOST_DIAGNOSES, _LONGEST_KEPT = 4096, 1024  # of them a process remembers so many, of so many bytes each
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class _Condition(Struct, frozen=True, gc=False, tag_field="resourceType", tag="Condition"):
    """Of a Condition, what it is a diagnosis of, undecoded."""

    code: Raw = ABSENT


_Nothing = Annotated[int, Limit(gt=0, lt=0)]
"""No value is of this type: an element that makes a Bundle another one than plain."""

_OPENED = frozenset({"Bundle", "OperationOutcome"})
_OTHERS = [
    msgspec.defstruct(f"_{name}", [], tag_field="resourceType", tag=name, frozen=True, gc=False)
    for name in sorted(RESOURCE_TYPES - _OPENED - {"Patient", "Condition"})
]
_Entry = msgspec.defstruct(
    "_Entry",
    [
        ("resource", reduce(or_, [Patient, _Condition, *_OTHERS])),
        ("fullUrl", str | None, None),
        ("response", _Nothing, 0),
        ("request", Request | None, None),
        ("search", Search | None, None),
    ],
    frozen=True,
    gc=False,
)
_Bundle = msgspec.defstruct(
    "_Bundle",
    [
        ("resourceType", Literal["Bundle"]),  # a tag may be left out where there is one type only
        ("entry", tuple[_Entry, ...]),  # type: ignore[valid-type]
        ("id", str | None, None),
        ("meta", Meta | None, None),
    ],
    frozen=True,
    gc=False,
)
_bundle: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_Bundle)
_LOOKED_AT = frozenset({Patient, _Condition})
_diagnosis = msgspec.json.Decoder(_Condition)
_concept = msgspec.json.Decoder(CodeableConcept | None)


class Glance(Struct, frozen=True):
    """A text and what a first look finds in it: the Patient (`sent` without text), every Condition's undecoded code."""

    text: bytes
    sent: Resource
    subject: Subject
    diagnoses: tuple[bytes, ...]

    @property
    def contents(self) -> Contents:
        """All that the text holds, opened anew."""
        return contents_of(self.text)


def glance(text: bytes) -> Glance | None:
    """The first look at a JSON text; None where it is no plain Bundle of one Patient with an id."""
    try:
        entries = _bundle.decode(text.removeprefix(BOM)).entry
    except _UNREADABLE:
        return None
    known = [(each, each.resource) for each in entries if type(each.resource) in _LOOKED_AT]
    people = [(each.fullUrl, resource) for each, resource in known if isinstance(resource, Patient)]
    if len(entries) > MAX_ENTRIES or len(people) != 1:
        return None
    full_url, patient = people[0]
    if not patient.id:
        return None
    meta = patient.meta or Meta()
    key = f"Patient/{patient.id}"
    sent = Resource("Patient", patient.id, meta.versionId, meta.lastUpdated, full_url, "", b"", key)
    said = tuple([bytes(resource.code) for _, resource in known if isinstance(resource, _Condition)])
    return Glance(text, sent, find_subject((Decoded(sent, patient),), None, []), said)


def diagnoses(raws: Iterable[bytes | None], terminology: Terminology) -> Iterator[tuple[Coding, ...] | None]:
    """The codings of Conditions by what their `code` says, undecoded; None where that can't be read.

    They are the `codes` that a Condition's fact has, if it is a fact at all.
    """
    known: dict[bytes, tuple[Coding, ...]] = terminology.memos.setdefault("diagnoses", {})
    for raw in raws:
        said = None if raw is None else known.get(raw)
        if said is None and raw is not None:
            try:
                said = codes(_concept.decode(raw) if raw else None)
            except _UNREADABLE:
                yield None
                continue
            kept(known, raw, said, raw, most=_MOST_DIAGNOSES, longest=_LONGEST_KEPT)
        yield said


def codes_of_conditions(resources: Iterable[Resource]) -> Iterator[bytes | None]:
    """The undecoded code of every Condition, empty if it has none; None where the Condition can't be read."""
    for each in resources:
        if each.type == "Condition":
            try:
                yield bytes(_diagnosis.decode(each.raw).code)
            except _UNREADABLE:
                yield None
