"""A trial definition: its identity, its criteria, and what the study is."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from adapter.criteria.model import Criterion, Leaf, parts_of
from adapter.criteria.study import Identifier, Study


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialDefinition:
    """One trial.

    `index`: the condition concepts any of which makes a patient worth screening.
    """

    id: str
    version: str
    identifiers: tuple[Identifier, ...]
    completeness: Completeness
    index: tuple[str, ...]
    criteria: tuple[EligibilityCriterion, ...]
    study: Study

    def walk(self) -> Iterator[Criterion]:
        """Every criterion of the definition, top-level ones and parts, in document order."""
        for top in self.criteria:
            yield from _walk(top.criterion)

    def leaves(self) -> Iterator[Leaf]:
        """Every statement that reads data or asks a person, in document order."""
        for criterion in self.walk():
            if not parts_of(criterion.statement):
                yield criterion.statement  # type: ignore[misc]  # what has no parts is a leaf


def _walk(criterion: Criterion) -> Iterator[Criterion]:
    yield criterion
    for part in parts_of(criterion.statement):
        yield from _walk(part)
