"""A leaf -> the CQL expression of its truth. The functions that it calls are the semantics (`functions/`)."""

from collections.abc import Iterable

from adapter.criteria.model import (
    Age,
    Allergy,
    Condition,
    DiseaseCourse,
    Exposure,
    Judgement,
    Leaf,
    Measurement,
    ResearchConsent,
    Sex,
)
from adapter.criteria.quantity import AgeBound
from adapter.criteria.terminology import Terminology
from mappings.trial.cql.diagnoses import code_sets, condition, course, unless_male, window
from mappings.trial.cql.names import ALLERGIES, CONSENTED, EXPOSURES, NOW
from mappings.trial.cql.results import measurement
from mappings.trial.cql.text import NULL, boolean, call, duration, string


def truth(statement: Leaf, terminology: Terminology) -> str:  # noqa: PLR0911  # one line a kind
    """The expression of a leaf's truth. Raises KeyError for a concept that the catalogue doesn't hold."""
    match statement:
        case Age():
            return _age(statement)
        case Sex():
            return call('Coding."IsOfSex"', "Patient", string(statement.sex.value))
        case Condition():
            return unless_male(condition(statement, terminology), sex_bound=statement.sex_bound)
        case DiseaseCourse():
            return course(statement, terminology)
        case Measurement():
            return measurement(statement, terminology)
        case Exposure():
            return _exposure(statement, terminology)
        case Allergy():
            return _allergy(statement, terminology)
        case ResearchConsent():
            return CONSENTED
        case Judgement():
            return unless_male("null as Boolean", sex_bound=statement.sex_bound)
        case _:
            msg = f"{type(statement).__name__} has no form in CQL"
            raise TypeError(msg)


def _age(statement: Age) -> str:
    return call(
        'Time."AgeWithin"', call('Time."Birth"', "Patient"), NOW, *_bound(statement.lower), *_bound(statement.upper)
    )


def _bound(bound: AgeBound | None) -> tuple[str, str]:
    return (NULL, "true") if bound is None else (duration(bound.age), boolean(value=bound.inclusive))


def _absences(of_each: Iterable[tuple[str, ...]]) -> list[str]:
    return sorted(frozenset.intersection(*(frozenset(absent) for absent in of_each)))


def _exposure(statement: Exposure, terminology: Terminology) -> str:
    concepts = [terminology.catalogue.exposures[concept] for concept in statement.concepts]
    absences = _absences(concept.absent for concept in concepts)
    look_back = window(statement.look_back)
    return call(
        'Exposures."Holds"',
        EXPOSURES,
        code_sets(statement.concepts),
        boolean(value=statement.systemic),
        code_sets(each for concept in concepts for each in concept.systemic_class),
        look_back,
        call('Exposures."ExplicitlyAbsent"', EXPOSURES, code_sets(absences), look_back, NOW) if absences else "false",
        NOW,
    )


def _allergy(statement: Allergy, terminology: Terminology) -> str:
    absences = _absences(terminology.catalogue.substances[concept].absent for concept in statement.concepts)
    return call(
        'Allergies."Holds"',
        ALLERGIES,
        code_sets(statement.concepts),
        boolean(value=statement.severe),
        call('Allergies."ExplicitlyAbsent"', ALLERGIES, code_sets(absences), NOW) if absences else "false",
        NOW,
    )
