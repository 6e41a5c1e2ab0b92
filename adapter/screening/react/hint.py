"""What a notification says of one resource: whose it is and what it touches. Pure.

Only a hint: it decides which patient is looked at, never what is found there. That is read from the FHIR server.
"""

import re
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from adapter.criteria.terminology import Terminology
from adapter.errors import InputError
from adapter.record import read_record
from adapter.record.resources import Meta, PatientLink, Reference
from adapter.screening.react.touched import MEDICATION, PATIENT, touched_by, unread
from adapter.screening.source.ownership import name_of

_ID = r"[A-Za-z0-9.-]{1,64}"
_KEY = re.compile(rf"([A-Z][A-Za-z]{{1,63}})/({_ID})", re.ASCII)
_PATIENT = re.compile(rf"Patient/{_ID}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """One resource that was created, changed or deleted.

    `patient`: whom it names, None if nothing says so. `touches`: what it touches (adapter.screening.react.touched);
    None: it is not known, and the resource must be read. `identifier`: system|value of a patient who is named by it
    alone. `merges`: a Patient that is linked to another.
    """

    resource: str
    patient: str | None = None
    touches: frozenset[str] | None = None
    identifier: str | None = None
    version: str | None = None
    updated: str | None = None
    deleted: bool = False
    merges: bool = False

    @property
    def type(self) -> str:
        """The resource type."""
        return self.resource.partition("/")[0]


class _Head(Struct, frozen=True, gc=False, rename="camel"):
    resource_type: str
    id: str | None = None
    meta: Meta | None = None
    subject: Reference | None = None
    patient: Reference | None = None
    link: tuple[PatientLink, ...] = ()


_head = msgspec.json.Decoder(_Head)


def key_of(text: str) -> str | None:
    """Type/id of a reference or URL, relative or absolute, of a version or not; None if it is none."""
    name = name_of(text.partition("?")[0])
    return name if _KEY.fullmatch(name) else None


def hint_of(raw: bytes, terminology: Terminology) -> Hint:
    """What a resource in full says. Raises InputError where it is no resource with an id."""
    try:
        head = _head.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = "not a FHIR resource"
        raise InputError(msg) from error
    key = f"{head.resource_type}/{head.id}"
    if head.id is None or not _KEY.fullmatch(key):
        msg = f"a {head.resource_type[:64]!r} without an id"
        raise InputError(msg)
    meta = head.meta or Meta()
    patient, touches = _owner(head, key), _touches(raw, key, head, terminology)
    return Hint(
        resource=key,
        patient=patient,
        touches=touches if patient or head.resource_type == MEDICATION or _names_other(head) else None,
        identifier=_identifier(head),
        version=meta.versionId,
        updated=meta.lastUpdated,
        merges=any(link.type in {"replaced-by", "replaces"} for link in head.link),
    )


def _owner(head: _Head, key: str) -> str | None:
    if head.resource_type == PATIENT:
        return key
    reference = head.patient or head.subject
    name = name_of(reference.reference) if reference is not None and reference.reference else ""
    return name if _PATIENT.fullmatch(name) else None


def _identifier(head: _Head) -> str | None:
    reference = head.patient or head.subject
    if reference is None or reference.reference or reference.identifier is None or not reference.identifier.value:
        return None
    return f"{reference.identifier.system or ''}|{reference.identifier.value}"


def _names_other(head: _Head) -> bool:
    """Whether it names somebody or something that is no Patient: a Group, a Device, a Location."""
    reference = head.patient or head.subject
    name = name_of(reference.reference) if reference is not None and reference.reference else ""
    return bool(_KEY.fullmatch(name)) and not name.startswith("Patient/")


def _touches(raw: bytes, key: str, head: _Head, terminology: Terminology) -> frozenset[str]:
    """What the reader makes of it, beside a Patient of whom nothing else is known."""
    if head.resource_type in {PATIENT, MEDICATION}:
        return frozenset({head.resource_type})
    owner = (_owner(head, key) or "Patient/unknown").partition("/")[2]
    patient = msgspec.json.encode({"resourceType": "Patient", "id": owner})
    try:
        record = read_record(b"[" + patient + b"," + raw + b"]", terminology, subject=f"Patient/{owner}")
    except InputError:
        return frozenset({unread(head.resource_type)})
    return touched_by(record).get(key, frozenset())
