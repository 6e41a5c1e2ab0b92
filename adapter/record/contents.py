"""The one door for FHIR JSON: a Bundle of any type, a list of resources or a single one -> its resources.

Nothing of a resource is decoded (`adapter.record.decoded`) until it is known which resources there are.
Bundles in Bundles are opened (a batch response holds searchsets). What says that the input is not whole is a problem
beside the resources: a failed entry of a batch, a server's error, a search whose next page is missing.

Data from two sources are merged where they may be of one person.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from adapter.errors import InputError
from adapter.record.bundle import (
    BOM,
    Bundle,
    Entry,
    PlainObservation,
    Resource,
    bundle_of,
    plain_observation,
    resource_of,
    whole_bundle,
)
from adapter.record.facts import Issue
from adapter.record.references import contradiction
from adapter.record.resources import Patient

MAX_NESTING = 3
"""How deep Bundles may stand in Bundles; servers nest once."""

MAX_ENTRIES = 100_000
"""Entries that an input may hold, all its Bundles together: a long life in hospital has some 10,000 resources."""

MAX_PROBLEMS = 100
"""Problems of an input that are told one by one; the others are counted."""


class Contents(Struct, frozen=True, dict=True):
    """What an input holds, in its order; of a resource maybe several versions.

    `deleted`: keys (Type/id) of resources that it says are deleted. `problems`: what could not be read, or is missing.
    `lacking`: types that were asked of the source and that it gave away nothing of: there may be some.
    """

    resources: tuple[Resource, ...] = ()
    deleted: frozenset[str] = frozenset()
    problems: tuple[Issue, ...] = ()
    lacking: frozenset[str] = frozenset()

    @cached_property
    def plain(self) -> tuple[PlainObservation | None, ...]:
        """The plain Observations, each in its resource's place: no part of the contents, but found with them."""
        return tuple([plain_observation(each.raw) if each.type in LATER else None for each in self.resources])


class _BareBundle(Struct, frozen=True, gc=False):
    entry: tuple[Raw, ...] = ()


class _Issue(Struct, frozen=True, gc=False):
    severity: str | None = None


class _Outcome(Struct, frozen=True, gc=False):
    issue: tuple[_Issue, ...] = ()


_bare_bundle = msgspec.json.Decoder(_BareBundle)
_entry = msgspec.json.Decoder(Entry)
_outcome = msgspec.json.Decoder(_Outcome)
_list = msgspec.json.Decoder(list[Raw])
_patient = msgspec.json.Decoder(Patient)
_FIRST = datetime.min.replace(tzinfo=UTC)
_MAX_VERSION_DIGITS = 18
UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
"""What is raised where something can't be decoded."""

LATER = frozenset({"Observation"})
"""Types that `entries_of` leaves undecoded, for whoever reads them to decode: most need not be, as a whole."""

T = TypeVar("T")


def contents_of(data: bytes, max_entries: int = MAX_ENTRIES) -> Contents:
    """The resources of FHIR JSON; `max_entries`: of all its Bundles together.

    Raises InputError where the input as a whole is none, or is more than one input may be.
    """
    opened = _Opened(max_entries)
    try:
        plain = data.removeprefix(BOM)
        if plain.lstrip()[:1] == b"[":
            for number, raw in enumerate(opened.counted(_list.decode(plain))):
                opened.add(raw, None, f"[{number}]", 0)
        elif (found := whole_bundle(plain)) is not None:
            opened.entries_in(found, "Bundle", 0)
        else:
            opened.open(plain, None, "", 0)
    except UNREADABLE as error:
        msg = f"the input is not FHIR JSON (a Bundle, a list of resources or a resource): {error}"
        raise InputError(msg) from error
    return opened.contents()


def contents_at(data: bytes, places: Sequence[int]) -> Contents:
    """Of a Bundle of nothing but resources, those at some places; what is said of the rest stays.

    Raises InputError as `contents_of` does.
    """
    found = whole_bundle(data.removeprefix(BOM))
    if found is None:  # something in it is wrong, perhaps elsewhere
        return contents_of(data)
    opened = _Opened(MAX_ENTRIES)
    opened.linked(found, "Bundle")
    for place in places:
        entry = found.entry[place]
        opened.add(entry.resource, entry.full_url, f"Bundle.entry[{place}]", 1)
    return opened.contents()


def merged(sent: Contents, held: Contents) -> Contents:
    """A record that was sent, and what a server holds of the same patient.

    Of a resource that is in both, the sent one counts, unless it names a version that is older than the server's.
    Raises InputError where a Patient that is in both can't be one person.
    """
    newest = {each.key: each for each in held.resources}
    for each in sent.resources:
        if each.type == "Patient" and each.key in newest:
            _check_same_person(each, newest[each.key])
    wins = {each.key for each in sent.resources if each.key in newest and not _is_older(each, newest[each.key])}
    kept = (each for each in held.resources if each.key not in wins)
    return Contents((*sent.resources, *kept), sent.deleted | held.deleted, sent.problems + held.problems, held.lacking)


def _check_same_person(sent: Resource, held: Resource) -> None:
    try:
        found = contradiction(_patient.decode(sent.raw), _patient.decode(held.raw))
    except UNREADABLE:  # the reader of the record says what is wrong with it
        return
    if found is not None:
        advice = "two people, or a wrong id; correct it, or set useServerData to false"
        msg = f"the server has {found} for {sent.key}: {advice}"
        raise InputError(msg)


def newer(one: Resource, other: Resource) -> Resource | None:
    """The newer of two versions of a resource; None where neither says that it is."""
    first, second = _version(one), _version(other)
    return None if first == second else max((first, one), (second, other), key=lambda each: each[0])[1]


def _is_older(one: Resource, other: Resource) -> bool:
    """Whether a resource names a version, and an older one than the other."""
    return (one.version is not None or one.last_updated is not None) and _version(one) < _version(other)


def _version(resource: Resource) -> tuple[int, datetime]:
    """What orders versions: a number as versionId, else the instant of the last update."""
    version = resource.version or ""
    numbered = version.isdecimal() and version.isascii() and len(version) <= _MAX_VERSION_DIGITS
    return int(version) if numbered else 0, _instant(resource.last_updated)


def _instant(text: str | None) -> datetime:
    try:
        found = datetime.fromisoformat(text) if text else _FIRST
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return _FIRST


class _Opened:
    """Collects what an input holds; lives for one call."""

    def __init__(self, max_entries: int) -> None:
        self.max_entries = max_entries
        self.entries = 0
        self.resources: list[Resource] = []
        self.plain: list[PlainObservation | None] = []
        self.gone: set[str] = set()
        self.deleted: set[str] = set()
        self.problems: list[Issue] = []
        self.untold = 0
        self.pages: set[str] = set()
        self.next_pages: dict[str, str] = {}

    def contents(self) -> Contents:
        for address, place in self.next_pages.items():
            if address not in self.pages:
                self.problem(place, "a page of a search whose next page is missing; send all pages")
        if self.untold:
            self.problems.append(Issue("Bundle", "Bundle.entry", f"{self.untold} more entries can't be read"))
        kept = (each for each in self.resources if each.key not in self.deleted) if self.deleted else self.resources
        found = Contents(tuple(kept), frozenset(self.deleted), tuple(self.problems))
        if not self.deleted:
            found.__dict__["plain"] = tuple(self.plain)
        return found

    def problem(self, place: str, message: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Issue(place, place, message))
        else:
            self.untold += 1

    def counted(self, items: Sequence[T]) -> Sequence[T]:
        self.entries += len(items)
        if self.entries > self.max_entries:
            msg = f"more than {self.max_entries:,} entries; send them in parts"
            raise InputError(msg)
        return items

    def add(self, raw: bytes | Raw, full_url: str | None, place: str, depth: int, *, may_be_plain: bool = True) -> None:
        """What stands where a resource should. `may_be_plain`: nobody has seen yet that it is no plain Observation."""
        try:
            self.open(raw, full_url, place, depth, may_be_plain=may_be_plain)
        except UNREADABLE as error:
            self.problem(place, f"not a resource: {error}")

    def open(
        self, raw: bytes | Raw, full_url: str | None, place: str, depth: int, *, may_be_plain: bool = True
    ) -> None:
        """The same. Raises an error of UNREADABLE where it is no resource."""
        plain = plain_observation(raw) if may_be_plain else None  # as most are: so it need not be decoded again
        resource = resource_of(raw, full_url, place, plain)
        if plain is not None:
            self.keep(resource, plain)
        elif resource.type == "Bundle":
            self.bundle(resource.raw, place, depth)
        else:
            self.keep(resource, None)
            if resource.type == "OperationOutcome" and _says_error(resource.raw):
                self.problem(resource.key, "an error of the sender's; data may be missing")

    def keep(self, resource: Resource, plain: PlainObservation | None) -> None:
        if not self.gone or resource.key not in self.gone:
            self.resources.append(resource)
            self.plain.append(plain)

    def bundle(self, raw: bytes, place: str, depth: int) -> None:
        if depth > MAX_NESTING:
            self.problem(place, "Bundles nested too deep; send the inner one")
            return
        where = f"{place}.Bundle" if place else "Bundle"
        try:
            found = bundle_of(raw)
        except msgspec.ValidationError:  # something in it is wrong: each entry for itself
            bare = _bare_bundle.decode(raw)
            for number, item in enumerate(self.counted(bare.entry)):
                self.undecoded(item, f"{where}.entry[{number}]", depth)
            return
        self.entries_in(found, where, depth)

    def linked(self, found: Bundle, where: str) -> None:
        self.pages.update(each.url for each in found.link if each.url and each.relation == "self")
        self.next_pages.update({each.url or "": where for each in found.link if each.relation == "next"})

    def entries_in(self, found: Bundle, where: str, depth: int) -> None:
        if found.link:
            self.linked(found, where)
        gone = self.gone if found.type == "history" else self.deleted
        for number, entry in enumerate(self.counted(found.entry)):
            raw = entry.resource
            plain = plain_observation(raw) if entry.response is None and raw else None
            if plain is not None:  # as most are: so it is not tried as anything else
                place = where if plain.id else f"{where}.entry[{number}]"
                self.keep(resource_of(raw, entry.full_url, place, plain), plain)
            elif entry.response is not None or not raw:
                self.entry(entry, f"{where}.entry[{number}]", depth, gone)
            else:
                self.add(raw, entry.full_url, f"{where}.entry[{number}]", depth + 1, may_be_plain=False)

    def undecoded(self, raw: Raw, place: str, depth: int) -> None:
        try:
            entry = _entry.decode(raw)
        except UNREADABLE as error:
            self.problem(place, f"not an entry of a Bundle: {error}")
        else:
            self.entry(entry, place, depth, self.gone)

    def entry(self, entry: Entry, place: str, depth: int, gone: set[str]) -> None:
        """`gone`: where to note a deletion: a history is sent newest first, and takes away only what follows."""
        status = entry.response.status if entry.response else ""
        if status and not status.startswith(("2", "3")):
            self.problem(place, f"answered {status[:64]}; nothing to read")
        elif entry.resource:
            self.add(entry.resource, entry.full_url, place, depth + 1)
        elif entry.request is not None and entry.request.method == "DELETE" and entry.request.url:
            gone.add("/".join(entry.request.url.split("/")[-2:]))
        elif not status:
            self.problem(place, "neither a resource nor a deletion; nothing to read")


def _says_error(raw: bytes) -> bool:
    try:
        return any(each.severity in {"error", "fatal"} for each in _outcome.decode(raw).issue)
    except UNREADABLE:
        return True
