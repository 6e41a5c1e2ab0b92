"""Which studies a change can touch: the definitions' data needs, turned round once. Pure.

Looking up a change costs the same however many studies there are that it doesn't touch.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from adapter.evaluator.bound import BoundCriterion, BoundDefinition
from adapter.evaluator.reads import every_read
from adapter.screening.react.touched import (
    CONSENT,
    EVERYTHING,
    MEDICATION,
    PATIENT,
    attestation,
    stands,
    study,
    unmapped,
    unread,
)
from adapter.screening.setup import Setup

_DRUGS = frozenset({"MedicationAdministration", "MedicationStatement", "MedicationRequest", "MedicationDispense"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """The studies, by what touches them.

    `by_name`: names of `touched` -> studies. `index`: value sets any of which indicates a study's disease. `types`:
    resource types that any study reads.
    """

    by_name: Mapping[str, frozenset[str]]
    everything: frozenset[str]
    index: frozenset[str]
    types: frozenset[str]

    def known(self, names: Iterable[str]) -> frozenset[str]:
        """Those of the names that some study reads."""
        return frozenset(name for name in names if name in self.by_name)

    def indicates(self, names: Iterable[str]) -> bool:
        """Whether one of the names indicates a study's disease."""
        return not self.index.isdisjoint(names)

    def studies(self, names: Iterable[str]) -> frozenset[str]:
        """The studies that a change of these names can touch."""
        return frozenset().union(*(self.by_name.get(name, frozenset()) for name in names))


def interest_of(setup: Setup) -> Interest:
    """What a site's studies read, under its policy."""
    by_name: dict[str, set[str]] = {}
    types: set[str] = set()
    for bound in setup.bounds:
        name = bound.definition.id
        read, reads_types = _reads(bound, setup)
        types |= reads_types
        special = (PATIENT, CONSENT, MEDICATION, EVERYTHING, study(name), stands(name))
        for each in (*read, *special, *(f(type_) for type_ in reads_types | {PATIENT} for f in (unmapped, unread))):
            by_name.setdefault(each, set()).add(name)
    return Interest(
        by_name={name: frozenset(studies) for name, studies in by_name.items()},
        everything=frozenset(bound.definition.id for bound in setup.bounds),
        index=frozenset(name for bound in setup.bounds for name in bound.index_sets),
        types=frozenset(types | {PATIENT} | ({MEDICATION} if types & _DRUGS else set())),
    )


def _reads(bound: BoundDefinition, setup: Setup) -> tuple[set[str], set[str]]:
    """The names and the types that a study reads."""
    names: set[str] = set(bound.index_sets)
    for leaf in bound.definition.leaves():
        names |= every_read(leaf, setup.terminology, setup.policy)
    names.update(attestation(code) for _, criterion in bound.criteria for code in _attested(criterion))
    return names, set(bound.types)


def _attested(criterion: BoundCriterion) -> Iterable[str]:
    if criterion.attestation is not None:
        yield criterion.attestation
    for part in criterion.parts:
        yield from _attested(part)
