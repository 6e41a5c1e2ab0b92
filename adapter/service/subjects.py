"""Whom a request asks about: Patients of the data, and the members of its Groups."""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from adapter.errors import InputError
from adapter.fhir.references import Reference
from adapter.record.entries import Entry, entries_of
from adapter.record.subject import find_subject
from adapter.service.errors import ParameterError, UnknownPatientError


class _Member(Struct, frozen=True):
    entity: Reference | None = None
    inactive: bool = False


class _Group(Struct, frozen=True):
    member: tuple[_Member, ...] = ()


_group = msgspec.json.Decoder(_Group)


def patients_asked(asked: Iterable[str], data: bytes) -> tuple[str, ...]:
    """The keys (Type/id) of the asked patients, each once, in the order asked; members stand for their Group.

    Whether a named patient is in the data shows when the record is read. Raises ParameterError for a reference to
    something else, UnknownPatientError for a Group that the data don't hold.
    """
    references = [_normal(text) for text in asked]
    if all(each.startswith("Patient/") and ":" not in text for each, text in zip(references, asked, strict=True)):
        return tuple(dict.fromkeys(references))
    entries, _ = entries_of(data)
    found = (key for text, plain in zip(asked, references, strict=True) for key in _keys(text, plain, entries))
    return tuple(dict.fromkeys(found))


def group_elsewhere(text: str, data: bytes | None) -> str | None:
    """The key (Group/id) that a reference names, if it is to a Group that the data don't hold."""
    plain = _normal(text)
    if not plain.startswith("Group/"):
        return None
    held = entries_of(data)[0] if data is not None else ()
    return None if any(entry.full_url == text or entry.key == plain for entry in held) else plain


def only_patient(data: bytes) -> str:
    """The key of the one patient of the data. Raises InputError if there are several, or none."""
    return find_subject(entries_of(data)[0], None, []).reference


def holds_patient(key: str, data: bytes) -> bool:
    """Whether the data hold this Patient, readable or not."""
    return any(entry.key == key for entry in entries_of(data)[0])


def _normal(text: str) -> str:
    """Type/id of a relative or absolute reference or a bare id; a URN as it is."""
    if text.startswith("urn:"):
        return text
    plain = text.partition("/_history/")[0]
    parts = plain.split("/")
    return f"Patient/{plain}" if len(parts) == 1 else "/".join(parts[-2:])


def _keys(text: str, plain: str, entries: tuple[Entry, ...]) -> Iterator[str]:
    named = next((entry for entry in entries if entry.full_url == text or entry.key == plain), None)
    kind = named.type if named is not None else plain.partition("/")[0]
    if kind == "Patient":
        yield named.key if named is not None else plain
    elif kind == "Group" and named is not None:
        for member in _members(named):
            yield from _keys(member, _normal(member), entries)
    elif kind == "Group" or plain.startswith("urn:"):
        msg = f"{text[:128]!r} is not in the data; add it, or name the patients themselves"
        raise UnknownPatientError(msg)
    else:
        msg = f"{text[:128]!r} is no reference to a Patient or a Group; write Patient/<id>"
        raise ParameterError(msg, expression="subject")


def _members(group: Entry) -> list[str]:
    try:
        members = _group.decode(group.raw).member
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"{group.key} can't be read: {error}"
        raise InputError(msg) from error
    found = [each.entity.reference for each in members if not each.inactive and each.entity and each.entity.reference]
    if any(_normal(reference).startswith("Group/") for reference in found):
        msg = f"{group.key} holds other Groups; ask for each of them by itself"
        raise InputError(msg)
    if not found:
        msg = f"{group.key} has no active member; name the patients themselves"
        raise InputError(msg)
    return found
