"""Finds the resources in FHIR JSON without decoding them: enough to sort them by patient.

What each resource says, and which of its versions counts, is for `adapter.record` to read.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from msgspec import Raw, Struct

from adapter.errors import InputError
from adapter.record.entries import MAX_NESTING


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as sent. `place`: where in the input, empty if the input is the resource itself."""

    type: str
    id: str | None
    full_url: str | None
    place: str
    raw: Raw | bytes

    @property
    def key(self) -> str:
        """Type/id, or the place of one without an id."""
        return f"{self.type}/{self.id}" if self.id else self.place or self.type


@dataclass(frozen=True, slots=True)
class NoResource:
    """Something that stands where a resource should, and why it is none."""

    place: str
    reason: str


class _Request(Struct, frozen=True, gc=False):
    method: str | None = None
    url: str | None = None


class _Entry(Struct, frozen=True, gc=False):
    fullUrl: str | None = None
    resource: Raw = Raw()  # msgspec knows no Raw | None; an empty one is none
    request: _Request | None = None


class _Bundle(Struct, frozen=True, gc=False):
    entry: tuple[_Entry, ...] = ()


class _Head(Struct, frozen=True, gc=False):
    resourceType: str
    id: str | None = None


_head = msgspec.json.Decoder(_Head)
_bundle = msgspec.json.Decoder(_Bundle)
_list = msgspec.json.Decoder(list[Raw])


def scan(data: bytes) -> list[Resource | NoResource]:
    """The resources of a Bundle of any type, of a JSON list, or the single one that the input is.

    Raises InputError where the input as a whole is none of these.
    """
    try:
        if data[:256].lstrip()[:1] == b"[":
            items = enumerate(_list.decode(data))
            return [found for place, raw in items for found in _one(raw, None, f"[{place}]", 1)]
        found = list(_one(data, None, "", 0))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        msg = f"not FHIR JSON (a Bundle, a list of resources or a resource): {error}"
        raise InputError(msg) from error
    if found and isinstance(found[0], NoResource) and not found[0].place:
        raise InputError(found[0].reason)
    return found


def _one(raw: Raw | bytes, full_url: str | None, place: str, depth: int) -> Iterator[Resource | NoResource]:
    try:
        head = _head.decode(raw)
        if head.resourceType != "Bundle":
            yield Resource(head.resourceType, head.id, full_url, place, raw)
            return
        entries = _bundle.decode(raw).entry
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        yield NoResource(place, f"not a FHIR resource: {error}")
        return
    if depth > MAX_NESTING:
        yield NoResource(place, "Bundles nested too deep; send the inner one")
        return
    deleted: set[str] = set()
    for number, entry in enumerate(entries):
        if not entry.resource:
            if entry.request is not None and entry.request.method == "DELETE" and entry.request.url:
                deleted.add("/".join(entry.request.url.split("/")[-2:]))
            continue
        below = f"{place}.entry[{number}]" if place else f"entry[{number}]"
        for found in _one(entry.resource, entry.fullUrl, below, depth + 1):
            if isinstance(found, NoResource) or found.key not in deleted:  # a history is sent newest first
                yield found
