"""Whose a resource is: the names by which resources refer to a patient.

A name is `Patient/p1` (also for absolute URLs), `urn:uuid:…`, or `system|value` of an identifier. Sorting by them is
generous; whether an address is the patient's own is for `adapter.record.subject`, which sees one patient's resources.
"""

from dataclasses import dataclass

import msgspec
from msgspec import Struct

from adapter.record.bundle import Resource
from adapter.record.references import identified, name_of
from adapter.record.resources import Identifier, PatientLink, Reference


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom a resource names as its patient, and the Medication that it needs."""

    patient: str | None
    medication: str | None


@dataclass(frozen=True, slots=True)
class Names:
    """What a Patient is called, the name to call them by first; and the name of who replaces them."""

    names: tuple[str, ...]
    replaced_by: str | None


class _Owned(Struct, frozen=True, gc=False):
    subject: Reference | None = None
    patient: Reference | None = None
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
    return Owner(_referred(owned.patient or owned.subject), name_of(medication) if medication else None)


def names_of(resource: Resource) -> Names:
    """The names of a Patient; none if nothing can refer to them. Raises msgspec.DecodeError as above."""
    patient = _patient.decode(resource.raw)
    named = filter(None, map(identified, patient.identifier))
    links = (link.other.reference for link in patient.link if link.type == "replaced-by" and link.other)
    target = next(filter(None, links), None)
    return Names(tuple(dict.fromkeys([*plain_names(resource), *named])), name_of(target) if target else None)


def plain_names(resource: Resource) -> list[str]:
    """The names that need no decoding: Type/id and fullUrl."""
    named = [resource.key] if resource.id else []
    return [*named, name_of(resource.full_url)] if resource.full_url else named


def _referred(reference: Reference | None) -> str | None:
    if reference is None:
        return None
    return name_of(reference.reference) if reference.reference else identified(reference.identifier)
