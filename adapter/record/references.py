"""References between resources (FHIR R4, references.html): what one names, whether that is what is meant, whose it is.

And whether two Patients of one name can be one person.

The one reader of them. A relative reference and an absolute one to the same server name the same resource; an absolute
one to another server does not, where the input says on which server its resource is (Bundle.entry.fullUrl).

A name of a patient is `Patient/p1` (also for absolute URLs), `urn:uuid:…`, or `system|value` of an identifier. Sorting
by them is generous; whether an address is the patient's own is for `adapter.record.subject`, which sees one patient's
resources.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw, Struct

from adapter.record.bundle import Resource
from adapter.record.resources import Identifier, Patient, PatientLink, Reference

ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
"""A FHIR id."""

_KEY = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9.-]{1,64}", re.ASCII)
_SERVER = ("http://", "https://")
T = TypeVar("T")


def name_of(text: str) -> str:
    """A reference or fullUrl as a name: Type/id, whatever the address before it; a URN as it is."""
    plain = text.partition("/_history/")[0]
    return "/".join(plain.split("/")[-2:]) if plain.startswith(_SERVER) else plain


def key_of(text: str) -> str | None:
    """Type/id of a reference or URL, relative or absolute, of a version or not; None if it is none."""
    name = name_of(text.partition("?")[0])
    return name if _KEY.fullmatch(name) else None


def is_key(text: str) -> bool:
    """Whether a text is Type/id and nothing else."""
    return _KEY.fullmatch(text) is not None


def base_of(text: str) -> str | None:
    """The server's base in an absolute address of a resource; None for anything else."""
    plain = text.partition("/_history/")[0]
    return plain.rsplit("/", 2)[0] if plain.startswith(_SERVER) and key_of(plain) else None


def id_of(reference: Reference | None, type_: str, base: str | None = None) -> str | None:
    """The id of a resource of a type that is referred to; None for another type, and for another server than `base`."""
    key = key_of(reference.reference) if reference is not None and reference.reference else None
    if reference is None or key is None or not key.startswith(f"{type_}/"):
        return None
    there = base_of(reference.reference or "")
    return key.partition("/")[2] if there is None or base is None or there == base else None


def linked(links: Iterable[PatientLink], *types: str, base: str | None = None) -> list[str]:
    """The ids of the Patients that links of some types name."""
    return [id_ for each in links if each.type in types and (id_ := id_of(each.other, "Patient", base))]


def identified(identifier: Identifier | None) -> str | None:
    """An identifier as a name, system|value; None without a value."""
    return f"{identifier.system or ''}|{identifier.value}" if identifier is not None and identifier.value else None


class Referable(Generic[T]):
    """Things by the names by which resources refer to them."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        """Nothing yet."""
        self._held: dict[str, tuple[T, str | None]] = {}

    def add(self, thing: T, key: str, full_url: str | None) -> None:
        """A thing that is called Type/id, and has an address where it was sent with one."""
        self._held[key] = held = thing, full_url
        if full_url:
            self._held[full_url] = held

    def find(self, text: str) -> T | None:
        """What a reference names."""
        held = self._held.get(text)
        if held is not None:
            return held[0]
        plain = text.partition("/_history/")[0]
        held = self._held.get(plain)
        if held is None and plain.startswith(_SERVER):
            held = self._held.get(name_of(plain))
            there = base_of(held[1]) if held is not None and held[1] else None
            if there is not None and there != base_of(plain):
                return None
        return held[0] if held is not None else None


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a resource names as its patient, and the Medication that it needs."""

    patient: str | None
    medication: str | None


@dataclass(frozen=True, slots=True)
class PatientNames:
    """What a Patient is called, the name to call them by first; and the name of who replaces them."""

    names: tuple[str, ...]
    replaced_by: str | None


class _Owned(Struct, frozen=True, gc=False):
    subject: Reference | None = None
    patient: Reference | None = None
    individual: Reference | None = None
    medicationReference: Reference | None = None


class _Patient(Struct, frozen=True, gc=False):
    identifier: tuple[Identifier, ...] = ()
    link: tuple[PatientLink, ...] = ()


_owned = msgspec.json.Decoder(_Owned)
_patient = msgspec.json.Decoder(_Patient)


def links_of(resource: Resource) -> tuple[PatientLink, ...]:
    """The links of a Patient; none if they can't be read: the reader of the record names what is wrong with them."""
    try:
        return _patient.decode(resource.raw).link
    except msgspec.DecodeError:
        return ()


def owner_of(resource: Resource) -> Owner:
    """The owner that a resource names. Raises msgspec.DecodeError where its references can't be read."""
    owned = _owned.decode(resource.raw)
    medication = owned.medicationReference.reference if owned.medicationReference else None
    patient = _referred(owned.patient or owned.subject or owned.individual)
    return Owner(patient, name_of(medication) if medication else None)


def names_of(resource: Resource) -> PatientNames:
    """The names of a Patient; none if nothing can refer to them. Raises msgspec.DecodeError as above."""
    patient = _patient.decode(resource.raw)
    named = filter(None, map(identified, patient.identifier))
    links = (link.other.reference for link in patient.link if link.type == "replaced-by" and link.other)
    target = next(filter(None, links), None)
    return PatientNames(tuple(dict.fromkeys([*plain_names(resource), *named])), name_of(target) if target else None)


def plain_names(resource: Resource) -> list[str]:
    """The names that need no decoding: Type/id and fullUrl."""
    named = [resource.key] if resource.id else []
    return [*named, name_of(resource.full_url)] if resource.full_url else named


def _referred(reference: Reference | None) -> str | None:
    if reference is None:
        return None
    return name_of(reference.reference) if reference.reference else identified(reference.identifier)


def same_birth(one: str | None, other: str | None) -> bool:
    """Whether two birth dates may be the same day; one that is not given, or only to the month, contradicts nothing."""
    first, second = one or "", other or ""
    length = min(len(first), len(second))
    return first[:length] == second[:length]


def contradiction(one: Patient, other: Patient) -> str | None:
    """What says that these are two people, in words without their values; None if nothing does."""
    if not same_birth(one.birthDate, other.birthDate):
        return "another birth date"
    mine, theirs = _by_system(one), _by_system(other)
    for system in sorted(mine.keys() & theirs.keys()):
        if mine[system].isdisjoint(theirs[system]):
            return f"another identifier of {system[:128]}"
    return None


def _by_system(patient: Patient) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in patient.identifier:
        if each.system and each.value:
            found.setdefault(each.system, set()).add(each.value)
    return found


def with_list(name: str, raw: Raw) -> Raw | dict[str, Any]:
    """A code whose one coding stands without its list is the code all the same."""
    if name != "code":
        return raw
    code = msgspec.json.decode(raw)
    if isinstance(code, dict) and isinstance(code.get("coding"), dict):
        return {**code, "coding": [code["coding"]]}
    return raw
