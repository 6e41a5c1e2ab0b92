"""What a statement reads: resource types, to be fetched, and value sets.

Where a record holds none of a statement's value sets, its answer is the same for every patient.
"""

from collections.abc import Iterable
from dataclasses import replace

from adapter.criteria.model import (
    PREGNANCY,
    Allergy,
    Combinator,
    Condition,
    DiseaseCourse,
    Exposure,
    Judgement,
    Leaf,
    Measurement,
    ResearchConsent,
    parts_of,
)
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.evaluator.absence import ALLERGIES, CONDITIONS, EXPOSURES

OBSERVATIONS = frozenset({"Observation"})
CONSENTS = frozenset({"Consent"})
SUBJECT_TYPES = OBSERVATIONS | CONDITIONS | EXPOSURES | ALLERGIES | CONSENTS
"""Every type that some criterion reads, but the Patient."""


def reads(statement: Leaf | Combinator, terminology: Terminology) -> frozenset[str] | None:
    """The value sets that a statement and its parts read; None if it also reads the Patient or Consents."""
    parts = [reads(part.statement, terminology) for part in parts_of(statement)]
    if not parts:
        return _leaf(statement, terminology)
    found: frozenset[str] = frozenset()
    for part in parts:
        if part is None:
            return None
        found |= part
    return found


def every_read(leaf: Leaf, terminology: Terminology, policy: Policy) -> frozenset[str]:
    """Every value set that a leaf reads, those beside the Patient and Consents too: what a change can touch it by."""
    match leaf:
        case Condition(sex_bound=True) | Judgement(sex_bound=True):
            by_sex = every_read(PREGNANCY, terminology, policy).union(policy.pregnancy_ruled_out_by)
            return by_sex | (_leaf(replace(leaf, sex_bound=False), terminology) or frozenset())
        case _:
            return _leaf(leaf, terminology) or frozenset()


def _leaf(statement: Leaf | Combinator, terminology: Terminology) -> frozenset[str] | None:  # noqa: PLR0911  # one line a kind
    catalogue = terminology.catalogue
    match statement:
        case Measurement():
            return _analytes((statement.analyte,), terminology)
        case Condition(sex_bound=False):
            tests = (*(test.analyte for test in statement.tests), *statement.shown)
            return _conditions(statement.concepts, terminology) | _analytes(tests, terminology)
        case DiseaseCourse():
            return _conditions(statement.concepts, terminology) | _analytes(statement.blasts, terminology)
        case Exposure():
            absences = (name for concept in statement.concepts for name in catalogue.exposures[concept].absent)
            return frozenset((*statement.concepts, *absences))
        case Allergy():
            absences = (name for concept in statement.concepts for name in catalogue.substances[concept].absent)
            return frozenset((*statement.concepts, *absences))
        case Judgement(sex_bound=False):
            return _conditions(statement.gate, terminology)
        case _:  # age, sex and consent, and what is bound to sex
            return None


def resource_types(statement: Leaf | Combinator) -> frozenset[str]:
    """The types of resources that a statement and its parts read beside the Patient, attestations not counted."""
    found: frozenset[str] = frozenset()
    for part in parts_of(statement):
        found |= resource_types(part.statement)
    match statement:
        case Measurement():
            found |= OBSERVATIONS
        case Condition(sex_bound=True) | Judgement(sex_bound=True):  # may ask for a pregnancy, or what rules it out
            found |= CONDITIONS | OBSERVATIONS | EXPOSURES
        case Condition() | DiseaseCourse():
            found |= CONDITIONS | OBSERVATIONS
        case Judgement() if statement.gate:
            found |= CONDITIONS
        case Exposure():
            found |= EXPOSURES
        case Allergy():
            found |= ALLERGIES
        case ResearchConsent():
            found |= CONSENTS
        case _:
            pass
    return found


def _conditions(concepts: Iterable[str], terminology: Terminology) -> frozenset[str]:
    known = [terminology.catalogue.conditions[concept] for concept in concepts]
    return frozenset(name for concept in known for name in (concept.id, *concept.may_be, *concept.absent))


def _analytes(analytes: Iterable[str], terminology: Terminology) -> frozenset[str]:
    known = [terminology.catalogue.analytes[analyte] for analyte in analytes]
    alternatives = (analyte.alternative for analyte in known if analyte.alternative)
    return frozenset(name for each in known for name in (each.id, *each.not_comparable)).union(alternatives)
