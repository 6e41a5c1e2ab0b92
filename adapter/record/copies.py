"""Copies of one entry or result under one business identifier that contradict each other (CONFORMANCE: Conditions).

Two systems send one diagnosis, drug or result, each as a resource of its own; which of them was last put right, nobody
says.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import TypeVar, cast

import msgspec
from msgspec import Raw, Struct

from adapter.criteria.terminology import Terminology
from adapter.record.decoded import Entries
from adapter.record.facts import (
    CLOSED,
    UNREADABLE,
    AllergyFact,
    ConditionFact,
    ExposureFact,
    ObservationFact,
    Verification,
)
from adapter.record.read_observation import effective, measured
from adapter.record.resources import Identifier, Observation
from adapter.record.trust import NEVER
from adapter.record.values import IssueCollector
from adapter.record.when import When, readable

Said = ConditionFact | AllergyFact
Listed = Said | ExposureFact
L = TypeVar("L", ConditionFact, AllergyFact, ExposureFact)

REPLACING = frozenset({"entered-in-error", "corrected", "amended"})
"""Observation.status by which a copy of another status says the same no longer."""

_IN_ERROR = "entered-in-error"
_MOST = 200
"""So many are compared with each other: what more of them bear is no identifier of an entry."""

_ZONES = timedelta(days=1)
_identifiers = msgspec.json.Decoder(tuple[Identifier, ...])


class _Numbered(Struct, frozen=True, gc=False):
    """An entry of a list. `error`: it was entered in error, or says that it was not done."""

    fact: Listed
    error: bool


class _Replacing(Struct, frozen=True, gc=False):
    """A result that was entered in error, or corrected: which one, when it was measured, and when that was told."""

    key: str
    status: str
    numbers: frozenset[tuple[str, str]]
    sets: frozenset[str]
    when: When | None
    issued: When | None


class Copies:
    """Collects what has a business identifier in one record, and settles what contradicts its copies."""

    def __init__(self) -> None:
        """Of a record that is yet to be read."""
        self._listed: defaultdict[tuple[str, str, str], list[_Numbered]] = defaultdict(list)
        self._replacing: list[_Replacing] = []

    def note(self, type_: str, identifiers: Raw, fact: Listed, *, error: bool) -> bool:
        """An entry of a list with its identifiers, as they were sent; whether it is in error, and says nothing else."""
        for number in _numbers(identifiers) if identifiers else ():
            self._listed[(type_, *number)].append(_Numbered(fact, error))
        return error

    def note_result(self, resource: Observation, key: str, terminology: Terminology) -> bool:
        """A result, which may replace another one; whether it never says anything else."""
        numbers = _numbers(resource.identifier) if resource.identifier and resource.status in REPLACING else ()
        if numbers:
            collector = IssueCollector("", "", [])
            sets = frozenset[str]().union(*(each or () for _, _, each in measured(resource, terminology)))
            when, issued = effective(resource, collector), readable(resource.issued)
            self._replacing.append(_Replacing(key, resource.status or "", frozenset(numbers), sets, when, issued))
        return resource.status in NEVER

    def settle(self, *lists: list[L]) -> None:
        """Entries that contradict their copies, in the lists: nobody knows which of them holds."""
        if not self._listed:
            return
        found: dict[int, Listed] = {}
        for copies in self._listed.values():
            for one, other in _pairs(copies[:_MOST]):
                if one.fact.source.resource != other.fact.source.resource:
                    so_far = found.get(id(one.fact), one.fact)
                    beside = _beside(so_far, one.fact, other)
                    if beside is not so_far:
                        found[id(one.fact)] = beside
        for held in lists if found else ():
            held[:] = [cast("L", found.get(id(each), each)) for each in held]

    def settle_results(self, entries: Entries, results: dict[str, list[ObservationFact]]) -> None:
        """Results of which a copy was entered in error, or corrected: they can't be relied on."""
        doubted = self._doubted(entries) if self._replacing else {}
        if not doubted:
            return
        places: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        for of, held in results.items():
            for place, fact in enumerate(held):
                if fact.source.resource in doubted:
                    places[fact.source.resource].append((of, place))
        for key, held_at in places.items():
            _doubt(doubted[key], held_at, results)

    def _doubted(self, entries: Entries) -> dict[str, list[_Replacing]]:
        """What may take the place of each result, by its key."""
        replacing: defaultdict[tuple[str, str], list[_Replacing]] = defaultdict(list)
        for one in self._replacing:
            for number in one.numbers:
                replacing[number].append(one)
        found: defaultdict[str, list[_Replacing]] = defaultdict(list)
        for numbers, key, issued in _numbered(entries):
            copies = [each for number in numbers for each in replacing.get(number, ())[:_MOST]]
            if copies := [each for each in copies if _replaces(each, key, issued)]:
                found[key] += copies
        return found


def _replaces(one: _Replacing, key: str, issued: When | None) -> bool:
    """Whether it may take the place of a result of its number; one that was told later corrects an error."""
    return one.key != key and not (one.status == _IN_ERROR and _is_later(issued, one.issued))


def _doubt(copies: list[_Replacing], places: list[tuple[str, int]], results: dict[str, list[ObservationFact]]) -> None:
    """Take a result as preliminary, with all that it holds, where a copy is of the same analyte and day."""
    facts = [(of, results[of][place]) for of, place in places]
    replaced = {one.status for one in copies if any(of in one.sets and _is_same(fact, one) for of, fact in facts)}
    if not replaced:
        return
    doubtful = {"final"} if _IN_ERROR not in replaced else {"final", "corrected", "amended"}
    made: dict[int, ObservationFact] = {}
    for of, place in places:
        fact = results[of][place]
        if fact.status in doubtful:
            changed = made.get(id(fact)) or msgspec.structs.replace(fact, status="preliminary")
            made[id(fact)] = results[of][place] = changed


def _is_same(fact: ObservationFact, one: _Replacing) -> bool:
    return not _are_apart(fact.when, one.when)


def _numbered(entries: Entries) -> Iterator[tuple[set[tuple[str, str]], str, When | None]]:
    """Every result that has identifiers, with when it was told."""
    for sent, plain, other in entries.lines():
        resource = plain if other is None else other.resource
        if sent.type == "Observation" and resource is not None and (raw := getattr(resource, "identifier", None)):
            yield _numbers(raw), sent.key, readable(getattr(resource, "issued", None))


def _pairs(copies: list[_Numbered]) -> Iterator[tuple[_Numbered, _Numbered]]:
    """Each entry that is none in error beside each that may contradict it."""
    denying = [each for each in copies if each.error or not isinstance(each.fact, ExposureFact) or each.fact.denied]
    ended = [each for each in copies if isinstance(each.fact, ExposureFact) and not each.fact.open_end]
    for one in copies:
        others = (*denying, *ended) if isinstance(one.fact, ExposureFact) and one.fact.open_end else denying
        yield from ((one, other) for other in others if not one.error)


def _beside(so_far: Listed, fact: Listed, other: _Numbered) -> Listed:
    """What an entry is beside a copy; itself where the two agree, or are none of each other."""
    copy = other.fact
    if isinstance(fact, ExposureFact):
        if not isinstance(copy, ExposureFact) or not _is_of_same(fact, copy) or _are_apart(fact.start, copy.start):
            return so_far
        disputed = other.error or copy.denied or (fact.open_end and not copy.open_end)
        return msgspec.structs.replace(so_far, open=True) if disputed and not fact.denied else so_far
    if isinstance(copy, ExposureFact) or not _is_copy(fact, copy):
        return so_far
    return _beside_copy(so_far, fact, copy, error=other.error)


def _beside_copy(so_far: Listed, fact: Said, copy: Said, *, error: bool) -> Listed:
    """What a diagnosis or an allergy is beside a copy: over or not, confirmed or not, nobody knows where they differ.

    One that was written down after its copy, which was entered in error, corrects it. One that is over and one that was
    refuted agree that there is none today; that there ever was one is open.
    """
    said = {fact.verification, copy.verification}
    contrary = not error and said == {Verification.CONFIRMED, Verification.REFUTED}
    over = contrary and all(_is_over(each) for each in (fact, copy) if each.verification is not Verification.REFUTED)
    if (contrary and not (over and fact.verification is Verification.REFUTED)) or (
        error and fact.verification is Verification.CONFIRMED and not _is_later(fact.recorded, copy.recorded)
    ):
        so_far = msgspec.structs.replace(so_far, verification=Verification.UNCONFIRMED)
    if not error and not over and _is_over(fact) != _is_over(copy):
        so_far = msgspec.structs.replace(so_far, clinical=UNREADABLE)
    return so_far


def _numbers(identifiers: Raw) -> set[tuple[str, str]]:
    try:
        return {(each.system, each.value) for each in _identifiers.decode(identifiers) if each.system and each.value}
    except msgspec.DecodeError:
        return set()


def _is_of_same(one: Listed, other: Listed) -> bool:
    return not one.value_sets.isdisjoint(other.value_sets) or not set(one.codes).isdisjoint(other.codes)


def _is_copy(one: Said, other: Said) -> bool:
    """Whether two of one number are of one disease or substance, and may have begun on the same day."""
    if _was_over_before(one, other) or _was_over_before(other, one):
        return False
    return _is_of_same(one, other) and not _are_apart(one.onset, other.onset)


def _are_apart(one: When | None, other: When | None) -> bool:
    """Whether two days are sure to be different ones, whatever the zones."""
    if one is None or other is None:
        return False
    return one.first > other.last + _ZONES or other.first > one.last + _ZONES


def _is_later(one: When | None, other: When | None) -> bool:
    if one is None or other is None:
        return False
    if one.moment is not None and other.moment is not None:
        return one.moment > other.moment
    return one.first > other.last


def _was_over_before(one: Said, other: Said) -> bool:
    """Whether the one had ended when the other began: it came back, under the number of the problem."""
    ended = one.abatement if isinstance(one, ConditionFact) else None
    return ended is not None and other.onset is not None and ended.last + _ZONES < other.onset.first


def _is_over(fact: Said) -> bool:
    if isinstance(fact, AllergyFact):
        return fact.clinical in CLOSED
    return fact.clinical in CLOSED or (fact.abated and fact.clinical is None) or "course-remission" in fact.value_sets
