"""A definition as a tree: criteria that join others (`join.py`), and leaves, each of a kind (`adapter.kinds`).

Every field is data: concepts are ids of the terminology's catalogue, never codes. What each kind means for a patient
is in its room; the words are fixed in CONFORMANCE.md.

A trial definition: its identity, its criteria, and what the study is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from adapter.criteria.fields import concepts
from adapter.criteria.study import CLINICAL_TRIALS, Identifier, Study


class Finding(StrEnum):
    """A qualitative result."""

    POSITIVE = "positive"
    NEGATIVE = "negative"


class Done(StrEnum):
    """That something was measured, whatever came out."""

    MEASURED = "measured"


@dataclass(frozen=True, slots=True)
class Answers:
    """Coded answers of an analyte, by their ids; any one of them."""

    any_of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnswerRange:
    """Coded answers of an analyte that has an order of them: from the lowest to the highest; None: no such end."""

    low: str | None = None
    high: str | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A statement that reads data or asks a person. `kind`: its class's `adapter.evaluator.kind.Kind`."""

    kind: ClassVar[Any]


@dataclass(frozen=True, slots=True)
class Combinator:
    """A statement that joins criteria. `join`: its class's `adapter.criteria.join.Join`."""

    join: ClassVar[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """A statement with a label in our own words, and an id unless it only joins others.

    A criterion without an id lends its parts to the one above it in every output.
    """

    statement: Leaf | Combinator
    id: str | None = None
    label: str = ""


def parts_of(statement: Leaf | Combinator) -> tuple[Criterion, ...]:
    """The criteria directly below a statement, in order; none below a leaf."""
    if isinstance(statement, Leaf):
        return ()
    parts: tuple[Criterion, ...] = statement.join.parts(statement)
    return parts


class CriterionRole(StrEnum):
    """Whether a met statement is asked for, or excludes."""

    INCLUSION = "inclusion"
    EXCLUSION = "exclusion"


class Completeness(StrEnum):
    """Whether the source publishes all of its criteria."""

    FULL = "full"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityCriterion:
    """A top-level criterion; `source` says where it is published (registry id and number)."""

    role: CriterionRole
    criterion: Criterion
    source: str

    @property
    def id(self) -> str:
        """The criterion's id, as I5 or E3."""
        return self.criterion.id or ""


Index = tuple[str, ...] | Criterion | None
"""What makes a patient worth screening (`TrialDefinition`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialDefinition:
    """One trial.

    `index`: what makes a patient worth screening: condition concepts, any of which on record is enough, whatever its
    status; or any criterion; None: nothing in particular (healthy volunteers).
    """

    id: str
    version: str
    identifiers: tuple[Identifier, ...]
    completeness: Completeness
    index: Index
    criteria: tuple[EligibilityCriterion, ...]
    study: Study

    @property
    def registry_number(self) -> str | None:
        """Its NCT number, if ClinicalTrials.gov has it."""
        return next((each.value for each in self.identifiers if each.system == CLINICAL_TRIALS), None)

    @property
    def names(self) -> frozenset[str]:
        """Its id and identifiers, as resources may name it."""
        return frozenset({self.id, *(identifier.value for identifier in self.identifiers)})

    @property
    def registry_page(self) -> str | None:
        """The public page of its number."""
        return f"{CLINICAL_TRIALS}/study/{self.registry_number}" if self.registry_number else None

    def walk(self) -> Iterator[Criterion]:
        """Every criterion of the definition, top-level ones and parts, in document order."""
        for top in self.criteria:
            yield from _walk(top.criterion)

    def leaves(self) -> Iterator[Leaf]:
        """Every statement that reads data or asks a person, in document order."""
        for criterion in self.walk():
            if not parts_of(criterion.statement):
                yield criterion.statement  # type: ignore[misc]  # what has no parts is a leaf

    def index_leaves(self) -> Iterator[Leaf]:
        """The statements of an index that is a criterion, in document order."""
        if isinstance(self.index, Criterion):
            for criterion in _walk(self.index):
                if not parts_of(criterion.statement):
                    yield criterion.statement  # type: ignore[misc]  # as above

    def index_concepts(self) -> tuple[str, ...]:
        """The concepts that the index names."""
        if isinstance(self.index, tuple):
            return self.index
        named = (each for leaf in self.index_leaves() for each in concepts(leaf, leaf.kind.form.fields))
        return tuple(dict.fromkeys(concept for _, concept in named))


def _walk(criterion: Criterion) -> Iterator[Criterion]:
    yield criterion
    for part in parts_of(criterion.statement):
        yield from _walk(part)
