"""A definition bound to a terminology: every criterion with its evaluation, made once, used for every patient."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from adapter.criteria.definition import CriterionKind, TrialDefinition
from adapter.criteria.model import (
    Age,
    Allergy,
    Combinator,
    Condition,
    Criterion,
    DiseaseCourse,
    Exposure,
    Judgement,
    Leaf,
    Measurement,
    ResearchConsent,
    Sex,
    parts_of,
)
from adapter.criteria.terminology import Terminology
from adapter.evaluator.absence import CONDITIONS
from adapter.evaluator.chart import Chart, Situation
from adapter.evaluator.kinds.allergy import bind_allergy
from adapter.evaluator.kinds.condition import bind_condition
from adapter.evaluator.kinds.consent import bind_consent
from adapter.evaluator.kinds.disease_course import bind_disease_course
from adapter.evaluator.kinds.exposure import bind_exposure
from adapter.evaluator.kinds.judgement import bind_judgement
from adapter.evaluator.kinds.measurement import bind_measurement
from adapter.evaluator.kinds.patient import bind_age, bind_sex
from adapter.evaluator.moment import Moment
from adapter.evaluator.outcome import Outcome
from adapter.evaluator.reads import OBSERVATIONS, reads, resource_types
from adapter.evaluator.verdict import CriterionResult, DataNeed
from adapter.evaluator.wording import Words, words

Evaluation = Callable[[Chart, Moment], Outcome]


@dataclass(frozen=True, slots=True)
class BoundCriterion:
    """One criterion: its evaluation if it is a leaf, else its parts. `attestation`: the code that settles it.

    `key`: leaves with the same key, of this or another definition, come to the same and are evaluated once. `reads`:
    the value sets that it reads, None if also the Patient or Consents. `blanks`, `told`: what it comes to where the
    record holds none of them, worked out once a situation.
    """

    criterion: Criterion
    attestation: str | None
    evaluation: Evaluation | None
    key: str
    words: Words
    reads: frozenset[str] | None
    parts: "tuple[BoundCriterion, ...]"
    blanks: dict[Situation, Any] = field(default_factory=dict, compare=False, repr=False)
    told: dict[tuple[Situation, CriterionKind, bool], CriterionResult] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def statement(self) -> Leaf | Combinator:
        """The criterion's statement."""
        return self.criterion.statement


@dataclass(frozen=True, slots=True)
class BoundDefinition:
    """A trial definition, ready to be evaluated.

    `index_sets`: any Condition of these is an indication. `types`: the resource types that it reads beside the Patient;
    always with Observations, which may be attestations, and Conditions, for the indication. `needs`: data needs found
    already, by policy and criterion.
    """

    definition: TrialDefinition
    terminology: Terminology
    criteria: tuple[tuple[CriterionKind, BoundCriterion], ...]
    index_sets: tuple[str, ...]
    types: frozenset[str]
    needs: dict[tuple[str, str, str, bool], tuple[DataNeed, ...]] = field(
        default_factory=dict, compare=False, repr=False
    )


def bind(definition: TrialDefinition, terminology: Terminology) -> BoundDefinition:
    """Resolve a definition's concepts, thresholds and windows.

    Raises KeyError for a concept that the catalogue doesn't hold; the definition's schema says so earlier and better.
    """
    conditions = terminology.catalogue.conditions
    index = [name for concept in definition.index for name in (concept, *conditions[concept].possible)]
    return BoundDefinition(
        definition=definition,
        terminology=terminology,
        criteria=tuple((top.kind, _bind(top.criterion, definition, terminology)) for top in definition.criteria),
        index_sets=tuple(dict.fromkeys(index)),
        types=frozenset(OBSERVATIONS | CONDITIONS).union(
            *(resource_types(top.criterion.statement) for top in definition.criteria)
        ),
    )


def _bind(criterion: Criterion, definition: TrialDefinition, terminology: Terminology) -> BoundCriterion:
    parts = tuple(_bind(part, definition, terminology) for part in parts_of(criterion.statement))
    return BoundCriterion(
        criterion=criterion,
        attestation=f"{definition.id}.{criterion.id}" if criterion.id else None,
        evaluation=None if parts else _evaluation(criterion.statement, definition, terminology),
        key=_key(criterion.statement, definition),
        reads=reads(criterion.statement, terminology),
        words=words(criterion, terminology.catalogue),
        parts=parts,
    )


def _key(statement: Leaf | Combinator, definition: TrialDefinition) -> str:
    return f"{definition.id} consent" if isinstance(statement, ResearchConsent) else repr(statement)


def _evaluation(  # noqa: PLR0911  # one line a kind
    statement: Leaf | Combinator, definition: TrialDefinition, terminology: Terminology
) -> Evaluation:
    match statement:
        case Age():
            return bind_age(statement)
        case Sex():
            return bind_sex(statement)
        case Condition():
            return bind_condition(statement, terminology)
        case DiseaseCourse():
            return bind_disease_course(statement, terminology)
        case Measurement():
            return bind_measurement(statement, terminology)
        case Exposure():
            return bind_exposure(statement, terminology)
        case Allergy():
            return bind_allergy(statement, terminology)
        case ResearchConsent():
            return bind_consent(definition.id, (identifier.value for identifier in definition.identifiers))
        case Judgement():
            return bind_judgement(statement, terminology)
        case _:
            msg = f"{type(statement).__name__} has no parts"
            raise ValueError(msg)
