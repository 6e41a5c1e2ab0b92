"""A Bundle of any type, a list of resources or a single one -> its resources, each decoded by itself.

A bad resource can't spoil the others. Nested Bundles (a batch response holds searchsets) are opened. Of several
versions of a resource (Bundle type history, overlapping pages) the newest one stays; a deletion that is newer
removes it.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

from adapter.errors import InputError
from adapter.record.facts import Issue
from adapter.record.resources import ABSENT, Meta, Readable

MAX_NESTING = 3
"""How deep Bundles may stand in Bundles; servers nest once."""


MAX_VERSION_DIGITS = 18
_BOM = b"\xef\xbb\xbf"


class Entry(Struct, frozen=True, gc=False):
    """One resource: `key` is Type/id, or its place in the input where it has no id.

    `raw` is its JSON. `resource` is None where its type isn't read, or where it can't be; then `problem` says why.
    """

    type: str
    key: str
    full_url: str | None
    meta: Meta
    raw: bytes | Raw
    resource: Readable | None
    problem: Issue | None = None


class _Request(Struct, frozen=True, gc=False):
    method: str | None = None
    url: str | None = None


class _Response(Struct, frozen=True, gc=False):
    status: str | None = None


class _BundleEntry(Struct, frozen=True, gc=False):
    fullUrl: str | None = None
    resource: Raw = ABSENT
    request: _Request | None = None
    response: _Response | None = None


class _Bundle(Struct, frozen=True, gc=False):
    resourceType: str
    entry: tuple[_BundleEntry, ...] = ()


class _RawBundle(Struct, frozen=True, gc=False):
    resourceType: str
    entry: tuple[Raw, ...] = ()


class _Head(Struct, frozen=True, gc=False):
    resourceType: str
    id: str | None = None
    meta: Meta | None = None


_head = msgspec.json.Decoder(_Head)
_bundle = msgspec.json.Decoder(_Bundle)
_raw_bundle = msgspec.json.Decoder(_RawBundle)
_entry = msgspec.json.Decoder(_BundleEntry)
_list = msgspec.json.Decoder(list[Raw])
_readable = msgspec.json.Decoder(Readable)
_READ = frozenset(kind.__name__ for kind in Readable.__args__)
_NO_META = Meta()


def entries_of(data: bytes) -> tuple[tuple[Entry, ...], list[Issue]]:
    """The resources of the input, and an issue for each that isn't one.

    Raises InputError where the input as a whole isn't FHIR JSON.
    """
    issues: list[Issue] = []
    found: dict[str, Entry | None] = {}
    try:
        for key, entry in _flatten(data.removeprefix(_BOM), issues, "", 0):
            if key not in found:
                found[key] = entry
            elif entry is not None:
                found[key] = _newer(found[key], entry, issues)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        msg = f"the input is not FHIR JSON (a Bundle, a list of resources or a resource): {error}"
        raise InputError(msg) from error
    return tuple(entry for entry in found.values() if entry is not None), issues


def _flatten(data: bytes | Raw, issues: list[Issue], above: str, depth: int) -> Iterator[tuple[str, Entry | None]]:
    if isinstance(data, bytes) and data.lstrip()[:1] == b"[":
        for place, raw in enumerate(_list.decode(data)):
            yield from _one(raw, None, f"[{place}]", issues, depth)
    elif _head.decode(data).resourceType != "Bundle":
        yield from _one(data, None, "resource", issues, depth)
    else:
        try:
            items = _bundle.decode(data).entry
        except msgspec.ValidationError:
            for place, raw in enumerate(_raw_bundle.decode(data).entry):
                yield from _undecoded(raw, f"{above}Bundle.entry[{place}]", issues, depth)
        else:
            for place, item in enumerate(items):
                yield from _of_entry(item, f"{above}Bundle.entry[{place}]", issues, depth)


def _undecoded(raw: Raw, where: str, issues: list[Issue], depth: int) -> Iterator[tuple[str, Entry | None]]:
    """An entry beside one that is none: each for itself."""
    try:
        item = _entry.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        issues.append(Issue(where, where, f"not an entry of a Bundle: {error}"))
        return
    yield from _of_entry(item, where, issues, depth)


def _of_entry(item: _BundleEntry, where: str, issues: list[Issue], depth: int) -> Iterator[tuple[str, Entry | None]]:
    if item.resource:
        yield from _one(item.resource, item.fullUrl, where, issues, depth)
    elif item.request is not None and item.request.method == "DELETE" and item.request.url:
        yield "/".join(item.request.url.split("/")[-2:]), None
    elif item.response is None or not (item.response.status or "").startswith(("2", "3")):
        answered = f"answered {item.response.status}" if item.response else "neither a resource nor a deletion"
        issues.append(Issue(where, where, f"{answered}; nothing to read"))


def _one(
    raw: bytes | Raw, full_url: str | None, where: str, issues: list[Issue], depth: int
) -> Iterator[tuple[str, Entry | None]]:
    try:
        resource = _readable.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        yield from _not_read(raw, full_url, where, issues, depth, error)
        return
    kind = type(resource).__name__
    key = f"{kind}/{resource.id}" if resource.id else where
    yield key, Entry(kind, key, full_url, resource.meta or _NO_META, raw, resource)


def _not_read(
    raw: bytes | Raw, full_url: str | None, where: str, issues: list[Issue], depth: int, error: Exception
) -> Iterator[tuple[str, Entry | None]]:
    """A Bundle, a resource of a type that isn't read, or one that can't be."""
    try:
        head = _head.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as reason:
        issues.append(Issue(where, where, f"not a resource: {reason}"))
        return
    if head.resourceType == "Bundle":
        yield from _nested(raw, where, issues, depth)
        return
    key = f"{head.resourceType}/{head.id}" if head.id else where
    problem = _unreadable(key, head.resourceType, error) if head.resourceType in _READ else None
    yield key, Entry(head.resourceType, key, full_url, head.meta or _NO_META, raw, None, problem)


def _nested(raw: bytes | Raw, where: str, issues: list[Issue], depth: int) -> Iterator[tuple[str, Entry | None]]:
    if depth >= MAX_NESTING:
        issues.append(Issue(where, where, "Bundles nested too deep; send the inner one"))
        return
    try:
        yield from _flatten(raw, issues, f"{where}.", depth + 1)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        issues.append(Issue(where, where, f"not a Bundle: {error}"))


def _unreadable(key: str, kind: str, error: Exception) -> Issue:
    """msgspec says where below `$`; the path is that, from the resource's type on."""
    message, _, where = str(error).partition(" - at `$")
    return Issue(key, kind + where.rstrip("`"), f"{message}; the resource was not read")


def _newer(known: Entry | None, entry: Entry, issues: list[Issue]) -> Entry | None:
    """The newer of two versions; a deletion that came first in a history stands."""
    if known is None:
        return None
    if _order(entry) > _order(known):
        return entry
    if _order(entry) == _order(known) and entry.resource != known.resource:
        message = "two different versions, and no meta.versionId says which is newer; the first was read"
        issues.append(Issue(known.key, known.type, message))
    return known


def is_older(one: Meta, other: Meta) -> bool:
    """Whether a resource's meta names a version, and an older one than the other."""
    return one != _NO_META and _version(one) < _version(other)


def _order(entry: Entry) -> tuple[int, str]:
    return _version(entry.meta)


def _version(meta: Meta) -> tuple[int, str]:
    version = meta.versionId or ""
    numbered = version.isdecimal() and version.isascii() and len(version) <= MAX_VERSION_DIGITS
    return (int(version) if numbered else 0, meta.lastUpdated or "")
