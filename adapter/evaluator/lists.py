"""The entries of a record's lists by what their codes say of each concept (CONFORMANCE: Codes)."""

from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from adapter.criteria.extent import ListKind
from adapter.criteria.terminology import Membership, Terminology
from adapter.criteria.value_set import Coding
from adapter.record.facts import Coded


class _Coded(Protocol):
    @property
    def codes(self) -> tuple[Coding, ...]: ...


Fact = TypeVar("Fact", bound=_Coded)


class Listed(Struct, Generic[Fact], gc=False):
    """The entries that are a concept, may be it, or have not been looked up for it; all others are something else."""

    is_: list[Fact] = []
    may_be: list[Fact] = []
    unclassified: list[Fact] = []

    def take(self, more: "Listed[Fact]") -> None:
        """Add the entries of another list."""
        self.is_ += more.is_
        self.may_be += more.may_be
        self.unclassified += more.unclassified


def by_concept(facts: Iterable[Fact], kind: ListKind, terminology: Terminology) -> dict[str, Listed[Fact]]:
    """The entries of each concept that some entry bears on, in the order of `facts`."""
    found: dict[str, Listed[Fact]] = {}
    for fact in facts:
        said = terminology.classified(kind, fact.codes)
        for concept in said.is_:
            _of(found, concept).is_.append(fact)
        for concept in said.may_be:
            _of(found, concept).may_be.append(fact)
        for concept in said.unclassified:
            _of(found, concept).unclassified.append(fact)
    return found


def _of(found: dict[str, Listed[Fact]], concept: str) -> Listed[Fact]:
    listed = found.get(concept)
    if listed is None:
        listed = found[concept] = Listed()
    return listed


_STRONGEST_FIRST = (Membership.IS, Membership.MAY_BE, Membership.UNCLASSIFIED, Membership.NOT)


def said_of(concepts: Iterable[str], said: Iterable[Coded], terminology: Terminology) -> Membership:
    """What is said of concepts that are alternatives: one code that is one of them decides; nothing is unclassified."""
    found = {terminology.membership(concept, each.codes) for each in said for concept in concepts}
    return next((each for each in _STRONGEST_FIRST if each in found), Membership.UNCLASSIFIED)
