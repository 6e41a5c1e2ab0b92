"""Which table holds what, and what the codings of some facts say of what leaves ask: once a combination of codes."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from adapter.criteria.catalogue import Breadth
from adapter.criteria.extent import ListKind
from adapter.criteria.terminology import Classified, Terminology
from adapter.criteria.value_set import CONCEPTS, Coding
from adapter.evaluator.reads import ALLERGY, ANY_ALLERGY, CONDITION, CONSENT, EXPOSURE, OBSERVATION, VACCINE, Data

TABLE_OF: Final[Mapping[Data, str]] = {
    OBSERVATION: "observations",
    CONDITION: "conditions",
    ALLERGY: "allergies",
    ANY_ALLERGY: "allergies",
    EXPOSURE: "exposures",
    VACCINE: "exposures",
    CONSENT: "consents",
}
"""The table that holds each sort of data; `entries` holds all others."""


class Codings(NamedTuple):
    """A row of the table `coded`: its key, the codings, and the value sets of the fact."""

    key: int
    codes: tuple[Coding, ...]
    value_sets: frozenset[str]

    def bearing(self, kind: ListKind, terminology: Terminology, concepts: tuple[str, ...]) -> "Bearing":
        """What they say of the asked concepts of a list, each a bit in its order."""
        said = terminology.classified(kind, self.codes)
        return Bearing(bits(said.is_, concepts), bits(said.may_be, concepts), bits(said.unclassified, concepts))

    def is_whole(self, concept: str, terminology: Terminology) -> bool:
        """Whether a drug that is not taken is the whole concept: the one drug that it is, or the class itself."""
        if concept not in self.value_sets:
            return False
        if terminology.catalogue.exposures[concept].breadth is Breadth.ENTITY:
            return True
        heads = {(each.system, each.code) for each in terminology.value_sets[concept].prefixes} | {(CONCEPTS, concept)}
        return any((each.system, each.code) in heads for each in self.codes)


class Bearing(NamedTuple):
    """Of the asked concepts those that it is, that it only may be, and for which nobody has classified it, as bits."""

    is_: int
    may_be: int
    unclassified: int


def bits(found: Iterable[str], concepts: tuple[str, ...]) -> int:
    """Names as bits, each at its place among the concepts."""
    return sum(1 << concepts.index(name) for name in set(found) if name in concepts)


def holding(codings: Iterable[Codings], sets: Collection[str]) -> set[int]:
    """The keys of what any of the value sets holds."""
    asked = frozenset(sets)
    return {each.key for each in codings if not asked.isdisjoint(each.value_sets)}


def speaking(
    codings: Iterable[Codings], sets: Collection[str], assumed: Collection[str], terminology: Terminology
) -> set[int]:
    """The keys of what a record is not without, where a statement reads these value sets (`Chart.present`)."""
    asked = frozenset(sets)
    found = set()
    for each in codings:
        if not asked.isdisjoint(each.value_sets) or any(
            _speaks(said, asked, assumed) for said in _said(each, terminology)
        ):
            found.add(each.key)
    return found


def _said(codings: Codings, terminology: Terminology) -> Iterator[Classified]:
    for kind in (ListKind.CONDITIONS, ListKind.EXPOSURES, ListKind.SUBSTANCES):
        yield terminology.classified(kind, codings.codes)


def _speaks(said: Classified, asked: frozenset[str], assumed: Collection[str]) -> bool:
    return not asked.isdisjoint(said.may_be) or any(name in assumed and name in asked for name in said.unclassified)
