"""A first look at a Bundle: who its one Patient is and what their Conditions are of, in one pass over the text.

Nothing else of it is opened, since of most patients that are screened no more need be known. What isn't plain (several
Patients, an entry without a resource, a Bundle in the Bundle, a page before the last, anything that can't be read) is
left to whoever opens it whole (`contents`): nothing is read otherwise here, only sooner.
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
from adapter.record.bundle import BOM, Link, Request, Resource, Search
from adapter.record.certainty import coded, modified
from adapter.record.contents import MAX_ENTRIES, Contents, contents_at, contents_of
from adapter.record.decoded import Decoded
from adapter.record.r4_types import RESOURCE_TYPES
from adapter.record.resources import ABSENT, CodeableConcept, Condition, Meta, Patient
from adapter.record.subject import Subject, find_subject

_MOST_DIAGNOSES, _LONGEST_KEPT = 4096, 1024  # of them a process remembers so many, of so many bytes each
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class _Undecoded(Condition, frozen=True, gc=False, tag="Condition"):
    """A Condition whose code is left undecoded, since most are of few."""

    code: Raw = ABSENT  # type: ignore[assignment]


_Nothing = Annotated[int, Limit(gt=0, lt=0)]
"""No value is of this type: an element that makes a Bundle another one than plain."""


class _Head(Struct, frozen=True, gc=False, tag_field="resourceType"):
    """Of another resource, what must be as it should for it to be one (`adapter.record.bundle`)."""

    id: str | None = None
    meta: Meta | None = None


_OPENED = frozenset({"Bundle", "OperationOutcome"})
_OTHERS = [
    msgspec.defstruct(f"_{name}", [], bases=(_Head,), tag=name, frozen=True, gc=False)
    for name in sorted(RESOURCE_TYPES - _OPENED - {"Patient", "Condition"})
]
_Entry = msgspec.defstruct(
    "_Entry",
    [
        ("resource", reduce(or_, [Patient, _Undecoded, *_OTHERS])),
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
        ("link", tuple[Link, ...], ()),
    ],
    frozen=True,
    gc=False,
)
_bundle: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_Bundle)
_LOOKED_AT = frozenset({Patient, _Undecoded})
_diagnosis = msgspec.json.Decoder(_Undecoded)
_concept = msgspec.json.Decoder(CodeableConcept | None)


class Glance(Struct, frozen=True):
    """A text and what a first look finds in it: the Patient (`sent` without text), every Condition's undecoded code.

    `diagnoses`: as of `codes_of_conditions`. `places`: where in the Bundle the Patient and the Conditions stand.
    """

    text: bytes
    sent: Resource
    subject: Subject
    diagnoses: tuple[bytes | None, ...]
    places: tuple[int, ...]

    @property
    def contents(self) -> Contents:
        """All that the text holds, opened anew."""
        return contents_of(self.text)

    @property
    def lists(self) -> Contents:
        """The Patient and the Conditions, opened anew; all where something else can't be read."""
        return contents_at(self.text, self.places)


def glance(text: bytes) -> Glance | None:
    """The first look at a JSON text; None where it is no plain Bundle of one Patient with an id."""
    try:
        found = _bundle.decode(text.removeprefix(BOM))
    except _UNREADABLE:
        return None
    entries = found.entry
    known = [(place, each) for place, each in enumerate(entries) if type(each.resource) in _LOOKED_AT]
    people = [(each.fullUrl, each.resource) for _, each in known if isinstance(each.resource, Patient)]
    if len(entries) > MAX_ENTRIES or len(people) != 1 or any(each.relation == "next" for each in found.link):
        return None
    full_url, patient = people[0]
    if not patient.id:
        return None
    meta = patient.meta or Meta()
    key = f"Patient/{patient.id}"
    sent = Resource("Patient", patient.id, meta.versionId, meta.lastUpdated, full_url, "", b"", key)
    said = tuple([_said(each.resource) for _, each in known if isinstance(each.resource, _Undecoded)])
    places = tuple([place for place, _ in known])
    return Glance(text, sent, find_subject((Decoded(sent, patient),), None, []), said, places)


def diagnoses(raws: Iterable[bytes | None], terminology: Terminology) -> Iterator[tuple[Coding, ...] | None]:
    """The codings of Conditions by what their `code` says, undecoded; None where that can't be read.

    They are the `codes` that a Condition's fact has, if it is a fact at all: those that its words say besides, too.
    """
    known: dict[bytes, tuple[Coding, ...]] = terminology.memos.setdefault("diagnoses", {})
    for raw in raws:
        said = None if raw is None else known.get(raw)
        if said is None and raw is not None:
            try:
                said = coded(_concept.decode(raw) if raw else None, terminology)[0]
            except _UNREADABLE:
                yield None
                continue
            kept(known, raw, said, raw, most=_MOST_DIAGNOSES, longest=_LONGEST_KEPT)
        yield said


def codes_of_conditions(resources: Iterable[Resource]) -> Iterator[bytes | None]:
    """The undecoded code of every Condition, empty if it has none; None where that does not say all."""
    for each in resources:
        if each.type == "Condition":
            try:
                yield _said(_diagnosis.decode(each.raw))
            except _UNREADABLE:
                yield None


def _said(condition: _Undecoded) -> bytes | None:
    """Its undecoded code; None where nobody knows what the rest makes of it, or whose it is."""
    subject = condition.subject
    by_number = subject is not None and subject.reference is None and subject.identifier is not None
    return None if by_number or modified(condition) else bytes(condition.code)
