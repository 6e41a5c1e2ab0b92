"""A Bundle of any type, a list of resources or a single one -> its resources, each as undecoded JSON.

One pass over the bytes; nothing of a resource is decoded but its type, id and version, so that a bad resource can't
spoil the others. Nested Bundles (a batch response holds searchsets) are opened. Of several versions of a resource
(Bundle type history, overlapping pages) the newest one stays; a deletion that is newer removes it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from msgspec import Raw, Struct

from adapter.errors import InputError
from adapter.record.facts import Issue
from adapter.record.resources import Meta


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource: `key` is Type/id, or its place in the input where it has no id."""

    type: str
    key: str
    id: str | None
    full_url: str | None
    version: str | None
    updated: str
    raw: Raw


class _Request(Struct, frozen=True, gc=False):
    method: str | None = None
    url: str | None = None


class _BundleEntry(Struct, frozen=True, gc=False):
    fullUrl: str | None = None
    resource: Raw | None = None
    request: _Request | None = None


class _Bundle(Struct, frozen=True, gc=False):
    resourceType: str
    entry: tuple[_BundleEntry, ...] = ()


class _Head(Struct, frozen=True, gc=False):
    resourceType: str
    id: str | None = None
    meta: Meta | None = None


_head = msgspec.json.Decoder(_Head)
_bundle = msgspec.json.Decoder(_Bundle)
_list = msgspec.json.Decoder(list[Raw])


def entries_of(data: bytes) -> tuple[tuple[Entry, ...], tuple[Issue, ...]]:
    """The resources of the input, and an issue for each that isn't one.

    Raises InputError where the input as a whole isn't FHIR JSON.
    """
    issues: list[Issue] = []
    found: dict[str, Entry | None] = {}
    try:
        for entry, key in _flatten(data, issues, "", 0):
            known = found.get(key)
            if key not in found or (entry and known and _order(entry) > _order(known)):
                found[key] = entry
            elif entry and known and _order(entry) == _order(known) and bytes(entry.raw) != bytes(known.raw):
                message = "two different versions, and no meta.versionId says which is newer; the first was read"
                issues.append(Issue(key, entry.type, message))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        msg = f"the input is not FHIR JSON (a Bundle, a list of resources or a resource): {error}"
        raise InputError(msg) from error
    return tuple(entry for entry in found.values() if entry is not None), tuple(issues)


def _flatten(data: bytes | Raw, issues: list[Issue], above: str, depth: int) -> Iterator[tuple[Entry | None, str]]:
    start = bytes(memoryview(data)[:1]) if depth else bytes(data[:256]).lstrip()[:1]
    if start == b"[" and not depth:
        for place, raw in enumerate(_list.decode(data)):
            yield from _one(raw, None, f"[{place}]", issues, depth)
        return
    if _head.decode(data).resourceType != "Bundle":
        yield from _one(Raw(data), None, "resource", issues, depth)
        return
    for place, item in enumerate(_bundle.decode(data).entry):
        where = f"{above}Bundle.entry[{place}]"
        if item.resource is not None:
            yield from _one(item.resource, item.fullUrl, where, issues, depth)
        elif item.request is not None and item.request.method == "DELETE" and item.request.url:
            yield None, "/".join(item.request.url.split("/")[-2:])


def _one(
    raw: Raw, full_url: str | None, where: str, issues: list[Issue], depth: int
) -> Iterator[tuple[Entry | None, str]]:
    try:
        head = _head.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        issues.append(Issue(where, where, f"not a resource: {error}"))
        return
    if head.resourceType == "Bundle":
        if depth < 3:  # noqa: PLR2004  # deeper than any server nests
            try:
                yield from _flatten(raw, issues, f"{where}.", depth + 1)
            except msgspec.DecodeError as error:
                issues.append(Issue(where, where, f"not a Bundle: {error}"))
        else:
            issues.append(Issue(where, where, "Bundles nested too deep; send the inner one"))
        return
    key = f"{head.resourceType}/{head.id}" if head.id else where
    meta = head.meta or Meta()
    yield Entry(head.resourceType, key, head.id, full_url, meta.versionId, meta.lastUpdated or "", raw), key


def _order(entry: Entry) -> tuple[int, str]:
    version = entry.version or ""
    return (int(version) if version.isdecimal() and version.isascii() else 0, entry.updated)
