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


def settled_by_person(leaf: Node) -> bool:
    """Whether an attestation is what would settle an unknown leaf."""
    return leaf.outcome.reason in _BY_PERSON


def needs(
    statement: Leaf | Combinator, criterion: str, attestation: str | None, terminology: Terminology, policy: Policy
) -> tuple[DataNeed, ...]:
    """The data needs of an unknown leaf.

    `criterion` is the id of the nearest criterion that has one, `attestation` the code of the attestation
    (`<study>.<criterion id>`) that would settle it, where a person can.
    """
    found = _data(statement, criterion, terminology, policy)
    if attestation is None:
        return found
    coding = Coding(SYSTEM, attestation)
    within = str(policy.freshness[CLASS])
    return (DataNeed("Observation", f"attestation:{attestation}", (coding,), within, (criterion,)), *found)


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
    return DataNeed("Observation", analyte, _codes(analyte, terminology), within, criteria)


def _coded(
    type_: str, concepts: tuple[str, ...], within: str | None, criteria: tuple[str, ...], terminology: Terminology
) -> tuple[DataNeed, ...]:
    return tuple(DataNeed(type_, concept, _codes(concept, terminology), within, criteria) for concept in concepts)


def _codes(value_set: str, terminology: Terminology) -> tuple[Coding, ...]:
    """A value set's codes without their displays: a request for data needs no more."""
    return tuple(Coding(coding.system, coding.code) for coding in terminology.codes(value_set))
