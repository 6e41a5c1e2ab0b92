"""Resources as sent -> decoded, of each its newest version (CONFORMANCE: Time).

Of several versions of a resource (Bundle type history, overlapping pages) the newest one stays. Where nothing says
which that is, both are evidence: what they differ in must not be settled by their order.
"""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct, structs

from adapter.record.bundle import Resource
from adapter.record.contents import Contents, newer
from adapter.record.facts import Issue
from adapter.record.resources import Readable


class Entry(Struct, frozen=True, gc=False):
    """One resource, decoded; `resource` is None where its type isn't read, or where it can't be: then `problem`."""

    sent: Resource
    resource: Readable | None
    problem: Issue | None = None

    @property
    def type(self) -> str:
        """The resource type."""
        return self.sent.type

    @property
    def key(self) -> str:
        """Type/id, or its place in the input where it has no id."""
        return self.sent.key


_readable = msgspec.json.Decoder(Readable)
_ONE = frozenset({"Patient", "Medication"})
"""Types of which one version must be chosen: others refer to them."""

_READ = frozenset(kind.__name__ for kind in Readable.__args__)


def entries_of(contents: Contents) -> tuple[tuple[Entry, ...], list[Issue]]:
    """The resources of an input, each once, and an issue for what is none."""
    issues = list(contents.problems)
    return tuple(_decoded(each) for each in _newest(contents.resources, issues)), issues


def _newest(resources: Iterable[Resource], issues: list[Issue]) -> Iterator[Resource]:
    found: dict[str, tuple[Resource, ...]] = {}
    for each in resources:
        known = found.setdefault(each.key, (each,))
        if known[0] is each:
            continue
        later = newer(known[0], each)
        if later is each:
            found[each.key] = (each,)
        elif later is None and not any(_says_the_same(each, one) for one in known):
            message = "two different versions, and no meta.versionId or lastUpdated says which is newer"
            both = each.type not in _ONE
            found[each.key] = (*known, each) if both else known
            issues.append(Issue(each.key, each.type, f"{message}; {'both were' if both else 'the first was'} read"))
    for versions in found.values():
        yield from versions


def _says_the_same(one: Resource, other: Resource) -> bool:
    return one.raw == other.raw or _content(one) == _content(other)


def _content(sent: Resource) -> Readable | None:
    resource = _decoded(sent).resource
    return None if resource is None else structs.replace(resource, meta=None)


def _decoded(sent: Resource) -> Entry:
    if sent.type not in _READ:
        return Entry(sent, None)
    try:
        return Entry(sent, _readable.decode(sent.raw))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return Entry(sent, None, _unreadable(sent, error))


def _unreadable(sent: Resource, error: Exception) -> Issue:
    """msgspec says where below `$`; the path is that, from the resource's type on."""
    message, _, where = str(error).partition(" - at `$")
    return Issue(sent.key, sent.type + where.rstrip("`"), f"{message}; the resource was not read")
