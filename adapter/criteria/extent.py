"""What decides whether a code is a concept of a list: the value sets of all of that list's concepts together."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from adapter.criteria.catalogue import Catalogue, ListedConcept
from adapter.criteria.value_set import ValueSet, plain_code


class ListKind(Enum):
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


@dataclass(frozen=True, slots=True)
class Extent:
    """What decides about membership in a concept: its own value set, and those of what it may be and is not.

    `exhaustive`: the code systems of which its value sets hold every code of theirs. `heads`: the prefixes of its
    codes in hierarchical code systems, as (system, beginning).
    """

    id: str
    may_be: frozenset[str]
    elsewhere: frozenset[str]
    exhaustive: frozenset[str]
    heads: tuple[tuple[str, str], ...]


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
    }


def extents(catalogue: Catalogue, value_sets: Mapping[str, ValueSet]) -> dict[str, Extent]:
    """The extent of every concept that lists of a record are classified by."""
    found: dict[str, Extent] = {}
    for kind, concepts in lists(catalogue).items():
        others = {name: (name, *each.may_be, *getattr(each, "ended_by", ())) for name, each in concepts.items()}
        statements = frozenset(name for each in concepts.values() for name in each.absent)
        for id_, concept in concepts.items():
            own = value_sets.get(id_)
            held = [value_sets[name] for name in (id_, *concept.may_be) if name in value_sets]
            found[id_] = Extent(
                id=id_,
                may_be=frozenset(concept.may_be),
                elsewhere=statements.union(
                    {kind.value}, *(others[name] for name in set(concepts) - {id_, *concept.related})
                ),
                exhaustive=frozenset() if own is None else own.exhaustive,
                heads=tuple(
                    sorted({(each.system, plain_code(each.system, each.code)) for one in held for each in one.prefixes})
                ),
            )
    return found
