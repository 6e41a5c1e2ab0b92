"""A record that was sent and what a server holds of the same patient -> one input for the reader."""

import msgspec
from msgspec import Raw, Struct

from adapter.record.entries import entries_of, is_older


class _Bundle(Struct, frozen=True):
    entry: tuple[Raw, ...] = ()


class _Entry(Struct, frozen=True):
    resource: Raw = Raw()


class _Head(Struct, frozen=True, rename="camel"):
    resource_type: str
    id: str | None = None


def merged(sent: bytes, held: bytes) -> bytes:
    """Both as one input. `held`: a Bundle whose entries are resources, as adapter.fhir.patient_record makes it.

    Of a resource that is in both, the sent one counts, unless it names a version (meta.versionId, else lastUpdated)
    that is older than the server's. Raises InputError where `sent` isn't FHIR JSON.
    """
    newest = {entry.key: entry.meta for entry in entries_of(held)[0]}
    wins = {
        entry.key
        for entry in entries_of(sent)[0]
        if entry.key in newest and not is_older(entry.meta, newest[entry.key])
    }
    kept = [raw for raw in msgspec.json.decode(held, type=_Bundle).entry if _key(raw) not in wins]
    return (
        b"[" + sent + b',{"resourceType":"Bundle","type":"collection","entry":[' + b",".join(map(bytes, kept)) + b"]}]"
    )


def _key(entry: Raw) -> str:
    head = msgspec.json.decode(msgspec.json.decode(entry, type=_Entry).resource, type=_Head)
    return f"{head.resource_type}/{head.id}"
