"""Resources and Bundles (FHIR R4) as somebody sends them: the little that sorting and fetching need, and their JSON.

Nothing of a resource is decoded here but its name, so that a bad one can't spoil the others.
"""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw, Struct

from adapter.record.resources import ABSENT, Meta

BOM = b"\xef\xbb\xbf"


class Resource(Struct, frozen=True, gc=False):
    """A resource as it was sent; `id` is empty if it has none.

    `place`: where in the input; empty if the input is the resource itself.
    """

    type: str
    id: str
    version: str | None
    last_updated: str | None
    full_url: str | None
    place: str
    raw: bytes

    @property
    def key(self) -> str:
        """Type/id, or the place of one without an id."""
        return f"{self.type}/{self.id}" if self.id else self.place or "resource"

    def json(self) -> dict[str, Any]:
        """The resource as plain Python; numbers with a point are Decimals."""
        found: dict[str, Any] = _plain.decode(self.raw)
        return found


class Link(Struct, frozen=True, gc=False):
    """A link of a Bundle."""

    relation: str | None = None
    url: str | None = None


class Response(Struct, frozen=True, gc=False):
    """What a batch or transaction says of one of its entries."""

    status: str = ""
    etag: str | None = None
    location: str | None = None
    outcome: Raw = ABSENT


class Request(Struct, frozen=True, gc=False):
    """What an entry of a history was."""

    method: str | None = None
    url: str | None = None


class Search(Struct, frozen=True, gc=False):
    """Why an entry is in a searchset."""

    mode: str | None = None


class Entry(Struct, frozen=True, gc=False, rename="camel"):
    """One entry of a Bundle."""

    full_url: str | None = None
    resource: Raw = ABSENT
    response: Response | None = None
    request: Request | None = None
    search: Search | None = None


class Bundle(Struct, frozen=True, gc=False, rename="camel"):
    """A Bundle as sent."""

    resource_type: str
    type: str | None = None
    total: int | None = None
    link: tuple[Link, ...] = ()
    entry: tuple[Entry, ...] = ()

    @property
    def next(self) -> str | None:
        """The address of the next page."""
        return next((link.url for link in self.link if link.relation == "next"), None)


class _Head(Struct, frozen=True, gc=False, rename="camel"):
    resource_type: str
    id: str | None = None
    meta: Meta | None = None


_head = msgspec.json.Decoder(_Head)
_bundle = msgspec.json.Decoder(Bundle)
_plain = msgspec.json.Decoder(float_hook=Decimal)
_NO_META = Meta()


def type_of(raw: bytes | Raw) -> str:
    """The type of a resource. Raises msgspec.DecodeError where it is none."""
    return _head.decode(raw).resource_type


def resource_of(raw: bytes | Raw, full_url: str | None = None, place: str = "") -> Resource:
    """One resource by itself. Raises msgspec.DecodeError where it is none."""
    head = _head.decode(raw)
    meta = head.meta or _NO_META
    return Resource(head.resource_type, head.id or "", meta.versionId, meta.lastUpdated, full_url, place, bytes(raw))


def bundle_of(body: bytes | Raw) -> Bundle:
    """A Bundle. Raises msgspec.DecodeError where it is none."""
    found = _bundle.decode(body)
    if found.resource_type != "Bundle":
        msg = f"a {found.resource_type[:64]!r} where a Bundle is wanted"
        raise msgspec.ValidationError(msg)
    return found
