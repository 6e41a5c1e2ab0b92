"""Which data would settle an open leaf: type, concept, codes and window (CONFORMANCE: Evidence, missing, lifetime)."""

from adapter.criteria.model import (
    Age,
    Allergy,
    Combinator,
    Condition,
    DiseaseCourse,
    Exposure,
    Judgement,
    Leaf,
    Measurement,
    ResearchConsent,
    Sex,
)
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Coding, Terminology
from adapter.evaluator.attestation import CLASS, SYSTEM
from adapter.evaluator.reason import AWAITS_PERSON, Reason
from adapter.evaluator.tree import Node
from adapter.evaluator.verdict import DataNeed

_BY_PERSON = (AWAITS_PERSON | {Reason.NEEDS_REVIEW, Reason.NOT_PUBLISHED}) - {Reason.AWAITS_CONSENT}


def needs(
    leaf: Node, attestation: str, criterion: str, terminology: Terminology, policy: Policy
) -> tuple[DataNeed, ...]:
    """The data needs of an unknown leaf.

    `attestation` is the code (`<study>.<criterion id>`) of the attestation that would settle the nearest criterion
    that has an id, `criterion` that id.
    """
    found = list(_data(leaf.bound.statement, criterion, terminology, policy))
    if leaf.outcome.reason in _BY_PERSON:
        coding = Coding(SYSTEM, attestation)
        within = str(policy.freshness[CLASS])
        found.insert(0, DataNeed("Observation", f"attestation:{attestation}", (coding,), within, (criterion,)))
    return tuple(found)


def _data(  # noqa: PLR0911  # one line a case
    statement: Leaf | Combinator, criterion: str, terminology: Terminology, policy: Policy
) -> tuple[DataNeed, ...]:
    where = (criterion,)
    match statement:
        case Age():
            return (DataNeed("Patient", "birthDate", (), None, where),)
        case Sex():
            return (DataNeed("Patient", "gender", (), None, where),)
        case ResearchConsent():
            return (DataNeed("Consent", "research-consent", (), None, where),)
        case Measurement():
            window = str(statement.window) if statement.window else None
            return (_observation(statement.analyte, window, where, terminology, policy),)
        case Condition():
            tests = [_observation(test.analyte, None, where, terminology, policy) for test in statement.tests]
            window = str(statement.look_back) if statement.look_back else None
            return (*tests, *_coded("Condition", statement.concepts, window, where, terminology))
        case DiseaseCourse():
            return _coded("Condition", statement.concepts, None, where, terminology)
        case Exposure():
            window = str(statement.look_back) if statement.look_back else None
            return _coded("MedicationAdministration", statement.concepts, window, where, terminology)
        case Allergy():
            return _coded("AllergyIntolerance", statement.concepts, None, where, terminology)
        case Judgement():
            return _coded("Condition", statement.gate, None, where, terminology) if statement.gate else ()
        case _:
            return ()


def _observation(
    analyte: str, window: str | None, criteria: tuple[str, ...], terminology: Terminology, policy: Policy
) -> DataNeed:
    within = window or str(policy.freshness[terminology.catalogue.analytes[analyte].freshness])
    return DataNeed("Observation", analyte, terminology.codes(analyte), within, criteria)


def _coded(
    type_: str, concepts: tuple[str, ...], within: str | None, criteria: tuple[str, ...], terminology: Terminology
) -> tuple[DataNeed, ...]:
    return tuple(DataNeed(type_, concept, terminology.codes(concept), within, criteria) for concept in concepts)
