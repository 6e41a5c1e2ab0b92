"""Which data a statement reads, as FHIR DataRequirements: type, codes, and how far back.

A look-back stands only where the trial itself sets one; how long other data stand is the site's policy.
"""

from collections.abc import Iterator

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
from adapter.criteria.quantity import Duration
from adapter.criteria.terminology import Terminology
from adapter.evaluator.attestation import SYSTEM as ATTESTATION
from mappings.trial.fhir.datatype import duration
from mappings.trial.fhir.json_text import Json, present
from mappings.trial.fhir.names import value_set

FEW = 5
"""Up to so many codes are listed beside their value set."""

CONSENT = "consent-research"
"""The value set of research consents."""

EXPOSURES = {
    "MedicationAdministration": ("medication", "effective"),
    "MedicationStatement": ("medication", "effective"),
    "MedicationDispense": ("medication", "whenHandedOver"),
    "MedicationRequest": ("medication", "authoredOn"),
    "Procedure": ("code", "performed"),
}
"""The types that show an exposure, each with the paths of its code and its time."""


def few_codes(concept: str, terminology: Terminology) -> list[Json]:
    """A concept's codes as Codings; none if there are more than a few, or only beginnings of codes."""
    codes = terminology.value_sets[concept].codes if concept in terminology.value_sets else ()
    if len(codes) > FEW:
        return []
    return [present({"system": each.system, "code": each.code, "display": each.display}) for each in codes]


def requirements(statement: Leaf | Combinator, attestation: str | None, terminology: Terminology) -> list[Json]:
    """The data that a leaf reads; none for what only joins.

    `attestation` is the code of the attestation that settles a judgement, where it has one.
    """
    return list(_requirements(statement, attestation, terminology))


def _requirements(statement: Leaf | Combinator, attestation: str | None, terminology: Terminology) -> Iterator[Json]:
    match statement:
        case Age() | Sex():
            yield {"type": "Patient", "mustSupport": ["birthDate" if isinstance(statement, Age) else "gender"]}
        case ResearchConsent():
            yield _coded("Consent", "category", CONSENT, terminology)
        case Measurement():
            yield from _observations((statement.analyte,), terminology, statement.window)
        case Condition():
            yield from _conditions(statement.concepts, terminology, statement.look_back)
            tests = (test.analyte for test in statement.tests)
            yield from _observations((*tests, *statement.shown), terminology)
        case DiseaseCourse():
            yield from _conditions(statement.concepts, terminology)
            yield from _observations(statement.blasts, terminology)
        case Exposure():
            yield from _exposures(statement, terminology)
        case Allergy():
            for concept in statement.concepts:
                yield _coded("AllergyIntolerance", "code", concept, terminology)
        case Judgement():
            yield from _attestations(attestation)
            yield from _conditions(statement.gate, terminology)


def _attestations(code: str | None) -> Iterator[Json]:
    if code:
        yield {"type": "Observation", "codeFilter": [{"path": "code", "code": [{"system": ATTESTATION, "code": code}]}]}


def _conditions(
    concepts: tuple[str, ...], terminology: Terminology, look_back: Duration | None = None
) -> Iterator[Json]:
    """The diagnoses, and the codes too coarse to tell, which raise a question."""
    for concept in concepts:
        for each in (concept, *terminology.catalogue.conditions[concept].may_be):
            yield _coded("Condition", "code", each, terminology, ("onset", look_back))


def _observations(
    analytes: tuple[str, ...], terminology: Terminology, window: Duration | None = None
) -> Iterator[Json]:
    """The analytes, and what counts in an analyte's place while a patient is young."""
    for analyte in analytes:
        for each in (analyte, terminology.catalogue.analytes[analyte].alternative):
            if each is not None:
                yield _coded("Observation", "code", each, terminology, ("effective", window))


def _exposures(statement: Exposure, terminology: Terminology) -> Iterator[Json]:
    for concept in statement.concepts:
        for type_, (code, time) in EXPOSURES.items():
            yield _coded(type_, code, concept, terminology, (time, statement.look_back))


def _coded(
    type_: str,
    path: str,
    concept: str,
    terminology: Terminology,
    time: tuple[str, Duration | None] = ("", None),
) -> Json:
    return present(
        {
            "type": type_,
            "codeFilter": [
                present({"path": path, "valueSet": value_set(concept), "code": few_codes(concept, terminology)})
            ],
            "dateFilter": [{"path": time[0], "valueDuration": duration(time[1])}] if time[1] else None,
        }
    )
