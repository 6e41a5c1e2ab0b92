"""A bound terminology: which value sets a code belongs to, and how units convert. Look-ups only, nothing is loaded.

Hierarchical codes (ICD, ATC) match by prefix where a value set says so, everything else by the exact code; the dots of
ICD codes are ignored, `C9100` is `C91.00`. Local codes go through the site's ConceptMaps. What has been looked up once
is remembered.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import Enum, auto
from itertools import islice, takewhile
from operator import or_
from typing import Any, TypeVar

from msgspec import Struct

from adapter.criteria.catalogue import Analyte, Catalogue
from adapter.criteria.extent import Extent, ListKind, extents, lists, naming, overlap
from adapter.criteria.quantity import Linear
from adapter.criteria.unit import UnitFactor, conversion, unit_of
from adapter.criteria.value_set import CONCEPTS, Coding, ReleasedCodes, ValueSet, inverted, plain_code
from adapter.criteria.written import Writing

K = TypeVar("K")
V = TypeVar("V")


class Membership(Enum):
    """What the codes of an entry say of a concept (CONFORMANCE: Codes).

    `IS`: the concept. `MAY_BE`: too coarse to tell. `NOT`: something else. `UNCLASSIFIED`: nobody has looked.
    """

    IS = auto()
    MAY_BE = auto()
    NOT = auto()
    UNCLASSIFIED = auto()


class Classified(Struct, frozen=True, gc=False):
    """The concepts of a list that some codes are, may be, or have not been looked up for; all others they are not."""

    is_: tuple[str, ...]
    may_be: tuple[str, ...]
    unclassified: tuple[str, ...]


class Memos(dict[str, Any]):
    """What follows from a terminology; a copy in another process begins with none."""

    def __reduce__(self) -> tuple[type["Memos"], tuple[()]]:
        """None of them."""
        return Memos, ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminology:
    """Catalogue, value sets, local maps, synonyms and units, bound together.

    `hash`: names the whole content. `systems`: other URIs of a code system -> its canonical one, each canonical one
    among the keys; a code of any other system that no local map knows is unmapped. `known`: by system, the codes that
    imported releases tell apart. `unit_synonyms` (to UCUM) have the keys that `unit_key` makes. `writing`: what people
    write for a result. `status_words`: (`clinical`, `severity`, …; what people write, casefolded and stripped) ->
    status. `histories`: ICD's headings of a personal history -> the categories, from and to, that they are it of.
    """

    hash: str
    catalogue: Catalogue
    value_sets: Mapping[str, ValueSet]
    systems: Mapping[str, str]
    unit_synonyms: Mapping[str, str]
    unit_factor: UnitFactor
    writing: Writing = field(default_factory=Writing)
    local_maps: Mapping[tuple[str, str], tuple[Coding, ...]] = field(default_factory=dict)
    known: Mapping[str, frozenset[str]] = field(default_factory=dict)
    status_words: Mapping[tuple[str, str], str] = field(default_factory=dict)
    histories: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    _exact: dict[tuple[str, str], frozenset[str]] = field(init=False, repr=False, compare=False)
    _prefix: dict[tuple[str, str], frozenset[str]] = field(init=False, repr=False, compare=False)
    _excluded: dict[tuple[str, str], frozenset[str]] = field(init=False, repr=False, compare=False)
    _longest: int = field(init=False, repr=False, compare=False)
    _displays: dict[tuple[str, str], str] = field(init=False, repr=False, compare=False)
    _ordinals: dict[tuple[str, str], Decimal] = field(init=False, repr=False, compare=False)
    _seen: dict[tuple[str | None, str | None], frozenset[str] | None] = field(init=False, repr=False, compare=False)
    _conversions: dict[tuple[str, str | None, str | None], Linear | None] = field(init=False, repr=False, compare=False)
    _classifications: frozenset[str] = field(init=False, repr=False, compare=False)
    _extents: dict[str, Extent] = field(init=False, repr=False, compare=False)
    _memberships: dict[tuple[str, tuple[Coding, ...]], Membership] = field(init=False, repr=False, compare=False)
    _classified: dict[tuple[ListKind, tuple[Coding, ...]], Classified] = field(init=False, repr=False, compare=False)
    memos: Memos = field(init=False, repr=False, compare=False)
    """What its users keep with it, under a name of their own: bounded, and never but what follows from it."""
    _naming: dict[str, frozenset[str]] = field(init=False, repr=False, compare=False)
    _named: dict[tuple[Coding, ...], frozenset[str]] = field(init=False, repr=False, compare=False)
    _heads: list[tuple[str, str, str]] = field(init=False, repr=False, compare=False)
    """(system, beginning of codes, concept that it names), sorted."""

    def __post_init__(self) -> None:
        """Turn the value sets round: from code to the ids of those that hold it."""
        sets = self.value_sets.values()
        put = object.__setattr__
        put(self, "_exact", inverted((s.id, s.codes) for s in sets))
        put(self, "_prefix", inverted((s.id, s.prefixes) for s in sets))
        put(self, "_excluded", inverted((s.id, s.excluded_prefixes) for s in sets))
        put(self, "_longest", max((len(head) for _, head in (*self._prefix, *self._excluded)), default=0))
        put(
            self,
            "_displays",
            {(c.system, c.code): c.display for s in sets for c in (*s.prefixes, *s.codes) if c.display},
        )
        put(self, "_ordinals", {key: value for s in sets for key, value in s.ordinals.items()})
        put(self, "_seen", {})
        put(self, "_conversions", {})
        put(self, "_classifications", frozenset(coding.system for s in sets for coding in s.prefixes))
        put(self, "_extents", extents(self.catalogue, self.value_sets))
        put(self, "_memberships", {})
        put(self, "_classified", {})
        put(self, "memos", Memos())
        put(self, "_naming", naming(self.catalogue))
        put(self, "_named", {})
        nameable = frozenset().union(*self._naming.values())
        put(self, "_heads", sorted((*head, id_) for id_ in nameable for head in self._extents[id_].heads))

    def with_local_maps(self, maps: Mapping[tuple[str, str], tuple[Coding, ...]]) -> "Terminology":
        """The same terminology with a site's own codes: (system, code) -> what they stand for."""
        if not maps:
            return self
        content = repr(sorted((*key, *(repr(target) for target in targets)) for key, targets in maps.items()))
        named = hashlib.sha256(f"{self.hash}{content}".encode()).hexdigest()
        return replace(self, hash=named, local_maps={**self.local_maps, **maps})

    def with_codes(self, more: Mapping[str, Iterable[Coding]], *, exhaustive: Iterable[str] = ()) -> "Terminology":
        """The same terminology with further codes of some value sets, as a terminology server or a release knows them.

        `exhaustive`: the code systems of which those value sets now hold every code of theirs.
        """
        added = {
            name: tuple(sorted({Coding(each.system, each.code) for each in codes} - self.value_sets[name].bare))
            for name, codes in more.items()
        }
        systems = frozenset(exhaustive)
        if not any(added.values()) and not systems:
            return self
        named = hashlib.sha256(f"{self.hash}{sorted(added.items())!r}{sorted(systems)!r}".encode()).hexdigest()
        sets = {
            name: held.widened(added[name], systems) if name in added else held
            for name, held in self.value_sets.items()
        }
        return replace(self, hash=named, value_sets=sets)

    def with_release(self, release: ReleasedCodes) -> "Terminology":
        """The same terminology with what an imported release says of its codes."""
        sets = dict(self.value_sets)
        for name, held in self.value_sets.items():
            systems = frozenset(system for system, names in release.complete.items() if name in names)
            bare = held.bare
            more = tuple(code for code in release.members.get(name, ()) if code not in bare)
            if more or systems:
                sets[name] = held.widened(more, systems)
        known = {system: self.known.get(system, frozenset()) | codes for system, codes in release.known.items()}
        return replace(
            self,
            hash=hashlib.sha256(f"{self.hash}{release.hash}".encode()).hexdigest(),
            value_sets=sets,
            systems={**{system: system for system in release.known}, **self.systems},
            known={**self.known, **known},
        )

    def display(self, system: str | None, code: str | None) -> str | None:
        """What a listed code says in words; None for one that no value set lists."""
        return self._displays.get((self.systems.get(system or "", system or ""), code or ""))

    def membership(self, concept: str, codes: tuple[Coding, ...]) -> Membership:
        """What an entry's codes, all codings of one CodeableConcept, say of a concept; no codes are unclassified.

        One coding that is the concept decides, then one that may be it, then one that is known to be something else:
        of a code system that the concept's value set exhausts, or held by a concept that is not related to this one,
        or on the list of other common codes. Of a diagnosis that has a coding of the concept, and one of a concept
        that is not related to it, nobody knows which is meant. A local code is what the site's map says.
        """
        key = (concept, codes)
        try:
            return self._memberships[key]
        except KeyError:
            found = self._member(self._extents[concept], codes)
        return kept(self._memberships, key, found, *_texts_of(codes))

    def extent(self, concept: str) -> Extent:
        """What decides about membership in a concept of the lists."""
        return self._extents[concept]

    def classified(self, kind: ListKind, codes: tuple[Coding, ...]) -> Classified:
        """What an entry's codes say of every concept of its list."""
        key = (kind, codes)
        try:
            return self._classified[key]
        except KeyError:
            is_ = may_be = told = against = 0
            for each in self._targets(codes):
                said = self._said(kind, each)
                is_, may_be, told, against = map(or_, (is_, may_be, told, against), said)
            concepts = tuple(enumerate(lists(self.catalogue)[kind]))
            parts = (is_ & ~against, is_ & against | may_be & ~is_, ~told)
            found = Classified(*(tuple(each for place, each in concepts if bits >> place & 1) for bits in parts))
        return kept(self._classified, key, found, *_texts_of(codes))

    def _said(self, kind: ListKind, coding: Coding) -> tuple[int, int, int, int]:
        """Which concepts of a list a coding is, may be, tells of at all, and denies: a bit a concept."""
        known: dict[Any, tuple[int, int, int, int]] = self.memos.setdefault("codings", {})
        key = (kind, coding.system, coding.code)
        try:
            return known[key]
        except KeyError:
            bits, against = dict.fromkeys(Membership, 0), 0
            for place, concept in enumerate(lists(self.catalogue)[kind]):
                extent = self._extents[concept]
                said = self._coding_member(extent, coding)
                bits[said] |= 1 << place
                against |= (said is Membership.NOT and self._denies(extent, coding)) << place
            is_, may_be = bits[Membership.IS], bits[Membership.MAY_BE]
        return kept(known, key, (is_, may_be, is_ | may_be | bits[Membership.NOT], against), coding.system, coding.code)

    def named_by(self, codes: tuple[Coding, ...]) -> frozenset[str]:
        """The diagnoses, exposures and substances that some codes name, or may: by code alone, whatever the list.

        A heading may be each of the concepts whose codes stand under it.
        """
        try:
            return self._named[codes]
        except KeyError:
            sets = frozenset().union(*(self.value_sets_of(each.system, each.code) or () for each in codes))
            found = frozenset().union(*(self._naming.get(each, ()) for each in sets), *map(self._under, codes))
        return kept(self._named, codes, found, *_texts_of(codes))

    def _under(self, heading: Coding) -> frozenset[str]:
        """The concepts that have codes under a heading."""
        system = self.systems.get(heading.system, heading.system)
        code = plain_code(system, heading.code)
        behind = islice(self._heads, bisect_left(self._heads, (system, code, "")), None)
        under = takewhile(lambda each: each[0] == system and each[1].startswith(code), behind if code else ())
        return frozenset(id_ for _, _, id_ in under)

    def is_disputed(self, concept: str, codes: tuple[Coding, ...]) -> bool:
        """Whether one of a diagnosis' codes is the concept and another says that it is something else.

        What is closed or refuted then may have been the other one.
        """
        return (
            len(codes) > 1
            and self.membership(concept, codes) is Membership.MAY_BE
            and any(self.membership(concept, (each,)) is Membership.IS for each in codes)
        )

    def _member(self, extent: Extent, codes: tuple[Coding, ...]) -> Membership:
        targets = self._targets(codes)
        known = [self._coding_member(extent, each) for each in targets]
        found = next((each for each in _STRONGEST_FIRST if each in known), Membership.UNCLASSIFIED)
        if found is Membership.IS:
            others = [each for each, said in zip(targets, known, strict=True) if said is Membership.NOT]
            if any(self._denies(extent, each) for each in others):
                return Membership.MAY_BE
        return found

    def _targets(self, codes: tuple[Coding, ...]) -> list[Coding]:
        """The codings, a site's own as what its map says."""
        return [each for coding in codes for each in self.local_maps.get((coding.system, coding.code), (coding,))]

    def _denies(self, extent: Extent, coding: Coding) -> bool:
        """Whether a diagnosis that is not related to this one holds the code."""
        sets = self.value_sets_of(coding.system, coding.code) or ()
        return extent.others == ListKind.CONDITIONS and not extent.elsewhere.isdisjoint(sets)

    def _coding_member(self, extent: Extent, coding: Coding) -> Membership:
        sets = self.value_sets_of(coding.system, coding.code)
        if sets is None:
            return Membership.UNCLASSIFIED
        if extent.id in sets:
            return Membership.IS
        if not sets.isdisjoint(extent.may_be):
            return Membership.MAY_BE
        canonical = self.systems.get(coding.system, coding.system)
        plain = plain_code(canonical, coding.code)
        first = bisect_left(extent.heads, (canonical, plain))
        if any(system == canonical and head.startswith(plain) for system, head in extent.heads[first : first + 1]):
            return Membership.MAY_BE  # the heading above the concept's codes
        is_other = (
            (canonical in extent.exhaustive and self._is_told_apart(canonical, plain))
            or not sets.isdisjoint(extent.elsewhere)
            or (extent.others in sets and not self._may_mean(extent, canonical, coding.code, sets))
        )
        return Membership.NOT if is_other else Membership.UNCLASSIFIED

    def _may_mean(self, extent: Extent, system: str, code: str, sets: frozenset[str]) -> bool:
        """Whether a common other code may be a concept that its list was made without.

        Also where the narrowest of the related concepts that hold it shares codes with it.
        """
        unseen = extent.unseen
        if unseen is None:
            return False
        if unseen.may_mean(system, self._displays.get((system, code), "")):
            return True
        holding = [self.value_sets[name] for name in sets & unseen.related]
        if not holding:
            return False
        narrowest = min(holding, key=lambda each: (len(each.codes) + len(each.prefixes), each.id))
        own = [self.value_sets[name] for name in (extent.id, *extent.may_be) if name in self.value_sets]
        return overlap(own, narrowest)

    def _is_told_apart(self, system: str, code: str) -> bool:
        """Whether a code is one that an imported release knows; of a system that none was imported of, each is."""
        return system not in self.known or code in self.known[system]

    def value_sets_of(self, system: str | None, code: str | None) -> frozenset[str] | None:
        """The ids of the value sets that hold the code; None if no code system or local map knows of it."""
        key = (system, code)
        try:
            return self._seen[key]
        except KeyError:
            found = self._look_up(system, code)
        return kept(self._seen, key, found, system, code)

    def ordinal(self, system: str | None, code: str | None) -> Decimal | None:
        """The number that a score's answer code stands for."""
        return self._ordinals.get((self.systems.get(system or "", system or ""), code or ""))

    def conversion(self, analyte: Analyte, unit: str | None, text: str | None) -> Linear | None:
        """What turns a number in a unit into the analyte's canonical unit (`adapter.criteria.unit.conversion`)."""
        key = (analyte.id, unit, text)
        try:
            return self._conversions[key]
        except KeyError:
            found = conversion(analyte, unit, text, self.unit_synonyms, self.unit_factor)
        return kept(self._conversions, key, found, unit, text)

    def unit_of(self, text: str, kind: str | None = None) -> str | None:
        """The UCUM unit that a text means, by the table of synonyms; None if it isn't there. `kind`: `Analyte.kind`."""
        return unit_of(text, self.unit_synonyms, kind)

    def canonical_system(self, system: str) -> str | None:
        """The canonical URI of a code system, None if it isn't known."""
        return self.systems.get(system)

    def classifies(self, system: str | None) -> bool:
        """Whether a code system is a classification: its codes tell by their prefix what they don't belong to."""
        return self.systems.get(system or "") in self._classifications

    def codes(self, value_set: str) -> tuple[Coding, ...]:
        """The codes and prefixes that a request for data of this concept names."""
        found = self.value_sets.get(value_set)
        return () if found is None else found.codes + found.prefixes

    def _look_up(self, system: str | None, code: str | None) -> frozenset[str] | None:
        if not system or not code:
            return None
        mapped = self.local_maps.get((system, code))
        if mapped is not None:
            found = [self.value_sets_of(target.system, target.code) or frozenset() for target in mapped]
            return frozenset().union(*found)
        if system == CONCEPTS:
            return frozenset({code}) if code in self.value_sets else None
        canonical = self.systems.get(system)
        if canonical is None:
            return None
        plain = plain_code(canonical, code)
        heads = [(canonical, plain[:length]) for length in range(1, min(len(plain), self._longest) + 1)]
        matched = frozenset().union(self._exact.get((canonical, plain), ()), *(self._prefix.get(h, ()) for h in heads))
        if not matched and not self._is_told_apart(canonical, plain):
            return None
        return matched - frozenset().union(*(self._excluded.get(h, ()) for h in heads))


_MOST_SEEN, _LONGEST_SEEN = 50_000, 512
"""How many look-ups of a sort are remembered at once, and how many characters of what was sent one may have."""


def kept(
    known: dict[K, V], key: K, found: V, *sent: Sized | None, most: int | None = None, longest: int | None = None
) -> V:
    """What was found, which is remembered: who sends what may be of any number, and of any length.

    `most`, `longest`: how many at once, and of what length all that was sent may be; None: as terminologies have it.
    """
    if sum(len(each) for each in sent if each) <= (longest or _LONGEST_SEEN):
        if len(known) >= (most or _MOST_SEEN):
            known.clear()
        known[key] = found
    return found


def _texts_of(codes: Iterable[Coding]) -> Iterable[str]:
    """All that codes keep in memory."""
    return (text for each in codes for text in (each.system, each.code, each.display))


_STRONGEST_FIRST = (Membership.IS, Membership.MAY_BE, Membership.NOT)
