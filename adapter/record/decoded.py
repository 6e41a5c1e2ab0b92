"""The resources of an input, each once and decoded by itself, so that a bad one can't spoil the others.

Of several versions of a resource (Bundle type history, overlapping pages) the newest one stays. Where nothing says
which that is, both are evidence: what they differ in must not be settled by their order (CONFORMANCE: Time). Of what
can't be decoded the part that can is kept.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import Raw, Struct, structs

from adapter.record.bundle import PlainObservation, Resource, plain_observation
from adapter.record.contents import LATER, UNREADABLE, Contents, newer
from adapter.record.facts import Issue
from adapter.record.inside import results_inside
from adapter.record.listed import LISTED, Readable
from adapter.record.references import with_list
from adapter.record.resources import Condition, Observation


class Decoded(Struct, frozen=True, gc=False):
    """One resource, decoded; `resource` is None where its type isn't read, or where it can't be: then `problem`.

    Beside a problem there may be what is left of it (`remnant`).
    """

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


Line = tuple[Resource, PlainObservation | None, Decoded | None]
"""A resource, and the plain Observation that it is, which is left undecoded; or what else it is."""


class Entries(Struct, frozen=True):
    """The resources of an input in their order: the parts of each `Line`, in columns, since most are plain."""

    sent: Sequence[Resource]
    plain: Sequence[PlainObservation | None]
    others: Sequence[Decoded | None]

    def lines(self) -> Iterator[Line]:
        """One after another."""
        return zip(self.sent, self.plain, self.others, strict=True)

    @property
    def not_plain(self) -> list[Decoded]:
        """All but the plain Observations."""
        return [each for each in self.others if each is not None]

    @property
    def one_of_each(self) -> list[Decoded]:
        """The same with the first of the plain Observations, in their order."""
        first = next((place for place, each in enumerate(self.plain) if each is not None), None)
        found = self.not_plain
        if first is not None:
            found.insert(first, Decoded(self.sent[first], None))
        return found


_readable = msgspec.json.Decoder(Readable)
_ONE = frozenset({"Patient", "Medication"})
"""Types of which one version must be chosen: others refer to them."""

_READ = frozenset(kind.__name__ for kind in Readable.__args__)


def entries_of(contents: Contents, types: frozenset[str] | None = None) -> tuple[Entries, list[Issue]]:
    """The resources of an input, each once, and an issue for what is none; those of `LATER` undecoded.

    `types`: of those that only some studies read (`listed.LISTED`), the ones to decode; None: all.
    """
    issues = list(contents.problems)
    left = LATER if types is None else LATER | LISTED - types
    newest = _newest(contents.resources, issues)
    plain = (contents if newest is contents.resources else Contents(tuple(newest))).plain
    others: list[Decoded | None] = [None] * len(newest)
    inside: dict[int, list[Resource]] = {}
    for place, looked in enumerate(plain):
        if looked is None:  # as few are
            one = newest[place]
            others[place] = Decoded(one, None) if one.type in left else decoded(one)
            if results := results_inside(one):
                inside[place] = results
    found = Entries(newest, plain, others)
    return _with_inside(found, inside) if inside else found, issues


def _with_inside(entries: Entries, inside: Mapping[int, list[Resource]]) -> Entries:
    """The same with the results that stand in what has a place, each behind it."""
    lines: list[Line] = []
    for place, line in enumerate(entries.lines()):
        lines.append(line)
        for each in inside.get(place, ()):
            looked = plain_observation(each.raw)
            lines.append((each, looked, None if looked is not None else Decoded(each, None)))
    sent, plain, others = zip(*lines, strict=True)
    return Entries(sent, plain, others)


def _newest(resources: Sequence[Resource], issues: list[Issue]) -> Sequence[Resource]:
    if len({each.key for each in resources}) == len(resources):
        return resources
    found: dict[str, list[Resource]] = {}
    said: dict[str, set[bytes]] = {}  # thousands may have one id
    for each in resources:
        known = found.setdefault(each.key, [each])
        if known[0] is each:
            continue
        later = newer(known[0], each)
        if later is each:
            found[each.key] = [each]
            said.pop(each.key, None)
        elif later is None and each.raw != known[0].raw:
            contents = said.get(each.key) or said.setdefault(each.key, {_content(known[0])})
            if (content := _content(each)) in contents:
                continue
            message = "two different versions, and no meta.versionId or lastUpdated says which is newer"
            both = each.type not in _ONE
            if both:
                known.append(each)
                contents.add(content)
            issues.append(Issue(each.key, each.type, f"{message}; {'both were' if both else 'the first was'} read"))
    return [each for versions in found.values() for each in versions]


def _content(sent: Resource) -> bytes:
    """What it says, whatever its version: the same bytes for the same."""
    resource = decoded(sent).resource
    return msgspec.json.encode(None if resource is None else structs.replace(resource, meta=None))


def decoded(sent: Resource) -> Decoded:
    """A resource, decoded whole."""
    if sent.type not in _READ:
        return Decoded(sent, None)
    try:
        return Decoded(sent, _readable.decode(sent.raw))
    except UNREADABLE as error:
        left = remnant(sent)
        read = "the rest of it was not read" if left else "the resource was not read"
        return Decoded(sent, left, _unreadable(sent, error, read))


def whole(line: Line) -> Decoded:
    """What was left undecoded (`LATER`), decoded; the others as they are."""
    sent, _, other = line
    return decoded(sent) if other is None or sent.type in LATER else other


def _unreadable(sent: Resource, error: Exception, read: str) -> Issue:
    """msgspec says where below `$`; the path is that, from the resource's type on."""
    message, _, where = str(error).partition(" - at `$")
    return Issue(sent.key, sent.type + where.rstrip("`"), f"{message}; {read}")


_WHOSE = ("resourceType", "id", "meta", "status", "code", "subject", "focus")
_WHEN = ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "issued")
_OF = ("resourceType", "id", "meta", "code", "subject")
_ITS = ("resourceType", "id", "meta", "status", "code")  # as any that names no subject, it is then the patient's
_WHAT = ("resourceType", "id", "meta", "subject")

_parts = msgspec.json.Decoder(dict[str, Raw])
_REMNANTS: Mapping[str, tuple[msgspec.json.Decoder[Observation | Condition], tuple[tuple[str, ...], ...]]] = {
    "Observation": (
        msgspec.json.Decoder(Observation),
        ((*_WHOSE, *_WHEN), _WHOSE, (*_OF, *_WHEN), _OF, (*_ITS, *_WHEN), _ITS),
    ),
    "Condition": (msgspec.json.Decoder(Condition), ((*_WHAT, "code", "verificationStatus"), (*_WHAT, "code"), _WHAT)),
}
"""Of what is left, how it is decoded, and which elements are kept; the most first."""


def remnant(sent: Resource) -> Observation | Condition | None:
    """Of an Observation what was measured of whom and, if that can be read, when; never its value. Of a Condition what.

    An older result must not decide instead of one that can't be read, and a diagnosis that can't keeps its patient in a
    screening. None where not even that is left, and for other types: it is enough that something is missing.
    """
    decoder, keeps = _REMNANTS.get(sent.type, (None, ()))
    for kept in keeps:
        try:
            parts = _parts.decode(sent.raw)
            held = msgspec.json.encode({name: with_list(name, parts[name]) for name in kept if name in parts})
            return decoder.decode(held) if decoder else None
        except UNREADABLE:
            continue
    return None
