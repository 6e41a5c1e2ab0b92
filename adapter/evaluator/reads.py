"""Which value sets a statement reads: where a record holds none of them, its answer is the same for every patient."""

from collections.abc import Iterable

from adapter.criteria.model import (
    Allergy,
    Combinator,
    Condition,
    DiseaseCourse,
    Exposure,
    Judgement,
    Leaf,
    Measurement,
    parts_of,
)
from adapter.criteria.terminology import Terminology


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


def _conditions(concepts: Iterable[str], terminology: Terminology) -> frozenset[str]:
    known = [terminology.catalogue.conditions[concept] for concept in concepts]
    return frozenset(name for concept in known for name in (concept.id, *concept.possible, *concept.absent))


def _analytes(analytes: Iterable[str], terminology: Terminology) -> frozenset[str]:
    known = [terminology.catalogue.analytes[analyte] for analyte in analytes]
    alternatives = (analyte.alternative for analyte in known if analyte.alternative)
    return frozenset(name for each in known for name in (each.id, *each.not_comparable)).union(alternatives)
