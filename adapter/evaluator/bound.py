"""A definition bound to a terminology: every criterion with its evaluation, made once, used for every patient."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapter.criteria.join import Join, join_of
from adapter.criteria.model import Combinator, Criterion, CriterionRole, Leaf, TrialDefinition, parts_of
from adapter.criteria.terminology import Terminology
from adapter.criteria.truth import Truth
from adapter.evaluator.chart import Situation
from adapter.evaluator.kind import Evaluation, Trial, kind_of, reads_of
from adapter.evaluator.reads import CONDITION, OBSERVATION, only_coded, resource_types
from adapter.evaluator.reason import Reason
from adapter.evaluator.verdict import CriterionResult, DataNeed
from adapter.evaluator.wording import Words, words


@dataclass(frozen=True, slots=True)
class BoundCriterion:
    """One criterion: its evaluation if it is a leaf, else its parts. `attestation`: the code that settles it.

    `name`: its id. `key`: leaves with the same key, of this or another definition, come to the same and are evaluated
    once. `reads`: the value sets that it reads, and the attestations that would settle it or its parts; None if also
    the Patient or Consents. `join`: how it joins its parts;
    `ends`, `untaken`: of that (`criteria.join.Join`). `lends`: it has parts without an id, which lend it theirs.

    `blanks`, `told`: what it comes to where the record holds nothing that it reads, and what is told and missing then,
    worked out once a situation. `needs`: of a leaf, what is missing, by policy, reason and what it lacks.
    """

    criterion: Criterion
    attestation: str | None
    evaluation: Evaluation | None
    key: str
    words: Words
    reads: frozenset[str] | None
    parts: "tuple[BoundCriterion, ...]"
    name: str | None
    join: Join | None
    ends: tuple[Truth, Truth] | None
    untaken: Mapping[int, Truth]
    lends: bool
    blanks: dict[Situation, Any] = field(default_factory=dict, compare=False, repr=False)
    told: dict[tuple[Situation, bool], tuple[CriterionResult, tuple[DataNeed, ...]]] = field(
        default_factory=dict, compare=False, repr=False
    )
    needs: dict[tuple[str, Reason, tuple[str, ...]], tuple[DataNeed, ...]] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def statement(self) -> Leaf | Combinator:
        """The criterion's statement."""
        return self.criterion.statement


@dataclass(frozen=True, slots=True)
class BoundDefinition:
    """A trial definition, ready to be evaluated.

    `index`: the criterion by which a patient is worth screening, where it is one. `index_sets`: value sets any entry of
    which may be an indication. `types`: the resource types that it reads beside the Patient;
    always with Observations, which may be attestations, and Conditions, for the indication.
    """

    definition: TrialDefinition
    terminology: Terminology
    criteria: tuple[tuple[CriterionRole, BoundCriterion], ...]
    index: BoundCriterion | None
    index_sets: tuple[str, ...]
    types: frozenset[str]


def types_read(bounds: Iterable[BoundDefinition]) -> frozenset[str]:
    """The resource types that some studies read beside the Patient."""
    return frozenset().union(*(bound.types for bound in bounds))


def bind(definition: TrialDefinition, terminology: Terminology) -> BoundDefinition:
    """Resolve a definition's concepts, thresholds and windows.

    Raises KeyError for a concept that the catalogue doesn't hold; the definition's schema says so earlier and better.
    """
    trial = Trial(definition.id, definition.names, terminology)
    index = definition.index if isinstance(definition.index, Criterion) else None
    read = [each for top in definition.criteria for each in reads_of(top.criterion.statement, terminology.catalogue)]
    read += reads_of(index.statement, terminology.catalogue) if index else ()
    return BoundDefinition(
        definition=definition,
        terminology=terminology,
        criteria=tuple((top.role, _bind(top.criterion, trial)) for top in definition.criteria),
        index=_bind(index, trial) if index else None,
        index_sets=tuple(dict.fromkeys(_index_sets(definition, terminology))),
        types=frozenset(OBSERVATION.types | CONDITION.types | resource_types(read)),
    )


def _index_sets(definition: TrialDefinition, terminology: Terminology) -> Iterator[str]:
    conditions = terminology.catalogue.conditions
    if isinstance(definition.index, tuple):
        for concept in definition.index:
            yield from (concept, *conditions[concept].may_be)
    for leaf in definition.index_leaves():
        yield from (read.value_set for read in reads_of(leaf, terminology.catalogue) if read.value_set)


def bind_leaf(statement: Leaf, bound: BoundDefinition) -> BoundCriterion:
    """A statement that stands by itself, as that study would ask it."""
    return _bind(Criterion(statement=statement), Trial(bound.definition.id, bound.definition.names, bound.terminology))


def _bind(criterion: Criterion, trial: Trial) -> BoundCriterion:
    statement = criterion.statement
    kind, join = (kind_of(statement), None) if isinstance(statement, Leaf) else (None, join_of(statement))
    parts = tuple(_bind(part, trial) for part in parts_of(statement))
    attestation = f"{trial.study}.{criterion.id}" if criterion.id else None
    reads = only_coded(reads_of(statement, trial.terminology.catalogue))
    return BoundCriterion(
        criterion=criterion,
        attestation=attestation,
        evaluation=kind.bind(statement, trial) if kind else None,
        key=f"{trial.study} {statement!r}" if kind and kind.of_study else repr(statement),
        reads=None if reads is None else reads.union([attestation or ""], *(part.reads or () for part in parts)) - {""},
        words=words(criterion, trial.terminology.catalogue),
        parts=parts,
        name=criterion.id,
        join=join,
        ends=None if join is None else join.ends,
        untaken={} if join is None else join.untaken,
        lends=not all(part.name for part in parts),
    )


def by_diagnoses(bounds: Iterable[BoundDefinition]) -> bool:
    """Whether diagnoses alone say who has an indication, of each of the studies."""
    return all(isinstance(bound.definition.index, tuple) for bound in bounds)
