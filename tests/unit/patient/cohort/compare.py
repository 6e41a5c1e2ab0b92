"""Verdicts of a record before and after conversion, criterion by criterion."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from adapter.criteria.model import Combinator, Leaf
from adapter.criteria.truth import Truth
from adapter.evaluator import evaluate
from adapter.evaluator.bound import BoundCriterion, BoundDefinition
from adapter.evaluator.kind import reads_of
from adapter.evaluator.reads import only_coded
from adapter.evaluator.verdict import CriterionResult
from adapter.kinds.age import Age
from adapter.kinds.allergy import Allergy
from adapter.kinds.condition.statement import Condition
from adapter.kinds.consent import ResearchConsent
from adapter.kinds.judgement import Judgement
from adapter.kinds.person import Sex
from adapter.record.patient_record import PatientRecord
from adapter.screening.setup import Setup


@dataclass(frozen=True, slots=True)
class Difference:
    """A criterion whose truth or reason is another than before. `reads`: everything that may have made it so."""

    study: str
    criterion: str
    before: tuple[Truth, str]
    after: tuple[Truth, str]
    reads: frozenset[str]

    @property
    def is_contradiction(self) -> bool:
        """Whether a definite answer became the opposite one."""
        return Truth.UNKNOWN not in (self.before[0], self.after[0]) and self.before[0] is not self.after[0]


def differences(before: PatientRecord, after: PatientRecord, as_of: datetime, setup: Setup) -> Iterator[Difference]:
    """What is different in any study's verdict."""
    for bound in setup.bounds:
        known = dict(_named(bound))
        old, new = (dict(_flat(evaluate(bound, each, as_of, setup.policy).criteria)) for each in (before, after))
        for id_, said in old.items():
            if new[id_] != said and id_ in known:
                yield Difference(bound.definition.id, id_, said, new[id_], known[id_])


def count(setup: Setup) -> int:
    """How many criteria and parts are compared for each patient."""
    return sum(len(dict(_named(bound))) for bound in setup.bounds)


def _flat(results: tuple[CriterionResult, ...]) -> Iterator[tuple[str, tuple[Truth, str]]]:
    for result in results:
        if result.id:
            yield result.id, (result.result, result.reason)
        yield from _flat(result.parts)


def _named(bound: BoundDefinition) -> Iterator[tuple[str, frozenset[str]]]:
    for _, criterion in bound.criteria:
        yield from _with_reads(criterion, bound)


def _with_reads(criterion: BoundCriterion, bound: BoundDefinition) -> Iterator[tuple[str, frozenset[str]]]:
    for part in criterion.parts:
        yield from _with_reads(part, bound)
    if criterion.criterion.id:
        yield criterion.criterion.id, frozenset(_reads(criterion, bound))


def _reads(criterion: BoundCriterion, bound: BoundDefinition) -> Iterator[str]:
    """The value sets that a criterion reads, and in words what it reads beside them."""
    if criterion.attestation:
        yield criterion.attestation
    for part in criterion.parts:
        yield from _reads(part, bound)
    if not criterion.parts:
        statement = criterion.statement
        yield from only_coded(reads_of(_without_sex(statement), bound.terminology.catalogue)) or ()
        match statement:
            case Age() | Sex():
                yield "sex" if isinstance(statement, Sex) else "birth"
            case ResearchConsent():
                yield "consent"
            case Allergy():
                yield "AllergyIntolerance"
            case Condition() | Judgement():
                yield "Condition"
                if statement.sex_bound:
                    yield "sex"


def _without_sex(statement: Leaf | Combinator) -> Leaf | Combinator:
    """The statement as if it were anybody's, so that what it reads can be asked."""
    if isinstance(statement, Condition | Judgement):
        return replace(statement, sex_bound=False)
    return statement
