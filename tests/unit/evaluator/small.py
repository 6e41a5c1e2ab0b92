"""A trial of a few statements whose truth is known beforehand, to see what combinators and decisions make of them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from adapter.criteria.calendar import CalendarUnit, Duration
from adapter.criteria.model import (
    Combinator,
    Completeness,
    Criterion,
    CriterionRole,
    EligibilityCriterion,
    Leaf,
    TrialDefinition,
)
from adapter.criteria.policy import Policy
from adapter.criteria.quantity import AgeBound
from adapter.criteria.study import RecruitmentStatus, Study
from adapter.evaluator import Verdict, bind, evaluate
from adapter.kinds.age import Age
from adapter.kinds.judgement import Judgement, Why
from adapter.kinds.person import Sex, SexForClinicalUse
from adapter.record import read_record
from mappings.policy import load_policy
from mappings.terminology import load_terminology

TERMINOLOGY = load_terminology()
STRICT = load_policy("strict", terminology=TERMINOLOGY)
AS_OF = datetime(2026, 3, 1, 12, tzinfo=UTC)
WOMAN = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1990-05-02"}


def years(count: int) -> AgeBound:
    """An age in years."""
    return AgeBound(Duration(count, CalendarUnit.YEAR))


# Statements about a woman of 35 years, each with a reason of its own.
IS_FEMALE = Sex(sex=SexForClinicalUse.FEMALE)
IS_ADULT = Age(lower=years(18))
IS_MALE = Sex(sex=SexForClinicalUse.MALE)
IS_CHILD = Age(upper=years(17))
OPEN = Judgement()
UNQUANTIFIED = Judgement(why=Why.NOT_QUANTIFIED)
UNPUBLISHED = Judgement(why=Why.NOT_PUBLISHED)


def part(statement: Leaf | Combinator, name: str | None = None) -> Criterion:
    """A criterion with a statement."""
    return Criterion(id=name, statement=statement, label="")


def parts(*statements: Leaf | Combinator) -> tuple[Criterion, ...]:
    """Criteria numbered X.1, X.2 and so on."""
    return tuple(part(statement, f"X.{number}") for number, statement in enumerate(statements, 1))


def trial(
    inclusions: Sequence[Leaf | Combinator],
    exclusions: Sequence[Leaf | Combinator] = (),
    completeness: Completeness = Completeness.FULL,
) -> TrialDefinition:
    """A trial with these inclusion criteria I1, I2, … and exclusion criteria E1, E2, …."""
    asked = [(CriterionRole.INCLUSION, f"I{n}", statement) for n, statement in enumerate(inclusions, 1)]
    asked += [(CriterionRole.EXCLUSION, f"E{n}", statement) for n, statement in enumerate(exclusions, 1)]
    return TrialDefinition(
        id="small",
        version="1.0.0",
        identifiers=(),
        completeness=completeness,
        index=("t-all",),
        criteria=tuple(
            EligibilityCriterion(role=role, criterion=part(statement, name), source="this test")
            for role, name, statement in asked
        ),
        study=Study(title="A small trial", status=RecruitmentStatus.RECRUITING),
    )


def verdict(
    definition: TrialDefinition,
    *more: object,
    patient: object = WOMAN,
    as_of: datetime = AS_OF,
    policy: Policy = STRICT,
) -> Verdict:
    """The verdict on the woman, or another patient, with further resources."""
    record = read_record(json.dumps([patient, *more]).encode(), TERMINOLOGY)
    return evaluate(bind(definition, TERMINOLOGY), record, as_of, replace(policy))
