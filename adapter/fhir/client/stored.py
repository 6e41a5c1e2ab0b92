"""Resources and Bundles as a server sends them: the little that the client needs of them, and their JSON as it came."""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw, Struct


class _Meta(Struct, frozen=True, rename="camel"):
    version_id: str | None = None
    last_updated: str | None = None


class _Head(Struct, frozen=True, rename="camel"):
    resource_type: str
    id: str | None = None
    meta: _Meta | None = None


class Stored(Struct, frozen=True):
    """A resource on a server. `raw`: its JSON as sent."""

    type: str
    id: str
    version: str | None
    last_updated: str | None
    raw: bytes

    @property
    def key(self) -> str:
        """Type/id."""
        return f"{self.type}/{self.id}"

    def json(self) -> dict[str, Any]:
        """The resource as plain Python; numbers with a point are Decimals."""
        found: dict[str, Any] = _plain.decode(self.raw)
        return found


class Link(Struct, frozen=True):
    """A link of a Bundle."""

    relation: str | None = None
    url: str | None = None


class Response(Struct, frozen=True):
    """What a batch or transaction says of one of its entries."""

    status: str = ""
    etag: str | None = None
    location: str | None = None
    outcome: Raw = Raw()  # msgspec knows no Raw | None; an empty one is none


class Request(Struct, frozen=True):
    """What an entry of a history was."""

    method: str | None = None
    url: str | None = None


class Search(Struct, frozen=True):
    """Why an entry is in a searchset."""

    mode: str | None = None


class Entry(Struct, frozen=True, rename="camel"):
    """One entry of a Bundle."""

    full_url: str | None = None
    resource: Raw = Raw()
    response: Response | None = None
    request: Request | None = None
    search: Search | None = None


class Bundle(Struct, frozen=True, rename="camel"):
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


_head = msgspec.json.Decoder(_Head)
_bundle = msgspec.json.Decoder(Bundle)
_plain = msgspec.json.Decoder(float_hook=Decimal)


def stored(raw: bytes | Raw) -> Stored:
    """A resource with its type, id and version. Raises msgspec.DecodeError where it is none."""
    head = _head.decode(raw)
    meta = head.meta or _Meta()
    return Stored(head.resource_type, head.id or "", meta.version_id, meta.last_updated, bytes(raw))


def bundle_of(body: bytes | Raw) -> Bundle:
    """A Bundle. Raises msgspec.DecodeError where it is none."""
    found = _bundle.decode(body)
    if found.resource_type != "Bundle":
        msg = f"a {found.resource_type[:64]!r} where a Bundle is wanted"
        raise msgspec.ValidationError(msg)
    return found
