"""What decides whether a code is a concept of a list: the value sets of all of that list's concepts together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from adapter.criteria.catalogue import Catalogue, ListedConcept
from adapter.criteria.value_set import Coding, ValueSet, plain_code


class ListKind(StrEnum):
    """The lists of a record whose entries are classified; the value set of common others of each."""

    CONDITIONS = "other-conditions"
    EXPOSURES = "other-exposures"
    SUBSTANCES = "other-substances"
    DEVICES = "other-devices"
    ENCOUNTERS = "other-encounters"
    REPORTS = "other-reports"
    SPECIMENS = "other-specimens"
    RELATIVES = "other-relatives"
    BODY_SITES = "other-body-sites"
    METHODS = "other-methods"
    ROUTES = "other-routes"


EVERYDAY = "everyday-conditions"
"""Everyday diagnoses and complaints, held against the concepts of the shipped trials only: others may mean them."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What decides about membership in a concept: its own value set, and those of what it may be and is not.

    `others`: the list of common others. `exhaustive`: the code systems of which its value sets hold every code of
    theirs. `heads`: the prefixes of its codes in hierarchical code systems, as (system, beginning). `unseen`: of a
    concept that whoever wrote the list of common others had not before them, what else it may mean.
    """

    id: str
    may_be: frozenset[str]
    elsewhere: frozenset[str]
    others: str
    exhaustive: frozenset[str]
    heads: tuple[tuple[str, str], ...]
    unseen: "Unseen | None" = None


@dataclass(frozen=True, slots=True)
class Unseen:
    """What a concept of a site, or of the wider catalogue, may mean of the common others: their list was made before.

    `related`: concepts that its own codes don't rule out. `title`: its words. `systems`: the code systems of which any
    code may be it: RxNorm where it names drugs by their classes alone, and one whose codes the list holds by how they
    begin, without words, and of which it names none.
    """

    related: frozenset[str]
    title: frozenset[str]
    systems: frozenset[str]

    def may_mean(self, system: str, words: str) -> bool:
        """Whether a code may be the concept: by its system, or by its words."""
        return system in self.systems or (bool(self.title) and self.title <= words_of(words))


ATC, RXNORM = "http://www.whocc.no/atc", "http://www.nlm.nih.gov/research/umls/rxnorm"
_WORD = re.compile(r"[a-z0-9]+")
_SMALL = frozenset({"a", "an", "and", "by", "for", "in", "of", "on", "or", "the", "to", "with"})


def words_of(text: str) -> frozenset[str]:
    """The words of a title or a display, without those that name nothing."""
    return frozenset(_WORD.findall(text.casefold())) - _SMALL


def naming(catalogue: Catalogue) -> dict[str, frozenset[str]]:
    """Value set -> the diagnoses, exposures, substances and devices that its codes name, or may."""
    found: dict[str, frozenset[str]] = {}
    for id_, concept in {**catalogue.conditions, **catalogue.exposures, **catalogue.substances}.items():
        for name in (id_, *concept.may_be):
            found[name] = found.get(name, frozenset()) | {id_}
    for id_, device in catalogue.devices.items():
        for name in (id_, *device.may_be, *device.implanted_by):
            found[name] = found.get(name, frozenset()) | {id_}
    for id_, exposure in catalogue.exposures.items():
        for name in exposure.told_by:
            found[name] = found.get(name, frozenset()) | {id_}
    return found


def lists(catalogue: Catalogue) -> dict[ListKind, Mapping[str, ListedConcept]]:
    """The concepts that each list of a record is classified by."""
    return {
        ListKind.CONDITIONS: catalogue.conditions,
        ListKind.EXPOSURES: catalogue.exposures,
        ListKind.SUBSTANCES: catalogue.substances,
        ListKind.DEVICES: catalogue.devices,
        ListKind.ENCOUNTERS: catalogue.encounters,
        ListKind.REPORTS: catalogue.reports,
        ListKind.SPECIMENS: catalogue.specimens,
        ListKind.RELATIVES: catalogue.relatives,
        ListKind.BODY_SITES: catalogue.body_sites,
        ListKind.METHODS: catalogue.methods,
        ListKind.ROUTES: catalogue.routes,
    }


def extents(catalogue: Catalogue, value_sets: Mapping[str, ValueSet]) -> dict[str, Extent]:
    """The extent of every concept that lists of a record are classified by."""
    found: dict[str, Extent] = {}
    for kind, concepts in lists(catalogue).items():
        others = {name: (name, *each.may_be, *getattr(each, "ended_by", ())) for name, each in concepts.items()}
        statements = frozenset(name for each in concepts.values() for name in each.absent)
        for id_, concept in concepts.items():
            own = value_sets.get(id_)
            unseen = own is not None and (own.local or own.wide)
            everyday = () if unseen or kind is not ListKind.CONDITIONS else (EVERYDAY,)
            held = [value_sets[name] for name in (id_, *concept.may_be) if name in value_sets]
            found[id_] = Extent(
                id=id_,
                may_be=frozenset(concept.may_be),
                elsewhere=statements.union(
                    getattr(concept, "apart", ()),
                    everyday,
                    *(others[name] for name in set(concepts) - {id_, *concept.related}),
                ),
                others=kind.value,
                exhaustive=frozenset() if own is None else own.exhaustive,
                heads=tuple(
                    sorted({(each.system, plain_code(each.system, each.code)) for one in held for each in one.prefixes})
                ),
                unseen=_unseen(concept, held, value_sets.get(kind.value)) if unseen else None,
            )
    return found


def _unseen(concept: ListedConcept, held: list[ValueSet], others: ValueSet | None) -> Unseen:
    named = frozenset(each.system for one in held for each in (*one.codes, *one.prefixes))
    wordless = frozenset(each.system for each in others.prefixes) if others is not None else frozenset()
    classes = {RXNORM} if ATC in named else set[str]()
    return Unseen(frozenset(concept.related), words_of(concept.title), (wordless | classes) - named)


def overlap(held: list[ValueSet], other: ValueSet) -> bool:
    """Whether a value set shares a code with others, or the beginning of one."""
    exact, heads = _plain(held, heads=False), _plain(held, heads=True)
    theirs, their_heads = _plain([other], heads=False), _plain([other], heads=True)
    return not exact.isdisjoint(theirs) or _begin(theirs | their_heads, heads) or _begin(exact | heads, their_heads)


def _plain(held: list[ValueSet], *, heads: bool) -> frozenset[Coding]:
    return frozenset(
        Coding(each.system, plain_code(each.system, each.code))
        for one in held
        for each in (one.prefixes if heads else one.codes)
    )


def _begin(codes: frozenset[Coding], heads: frozenset[Coding]) -> bool:
    return bool(heads) and any(
        Coding(each.system, each.code[:length]) in heads for each in codes for length in range(1, len(each.code) + 1)
    )
