"""Medication resources and Procedure -> exposure facts (CONFORMANCE: Exposure)."""

from collections.abc import Mapping

from adapter.criteria.terminology import Terminology
from adapter.record.facts import ExposureFact, Route, Source
from adapter.record.references import Referable
from adapter.record.resources import (
    CodeableConcept,
    Dosage,
    Drug,
    Medication,
    MedicationAdministration,
    MedicationDispense,
    MedicationRequest,
    MedicationStatement,
    Procedure,
)
from adapter.record.values import Trouble, named, period, title, value_sets
from adapter.record.when import When

_EVENT = {"in-progress", "not-done", "on-hold", "completed", "entered-in-error", "stopped", "unknown"}
STATUSES: Mapping[str, frozenset[str]] = {
    "MedicationAdministration": frozenset(_EVENT),
    "MedicationStatement": frozenset(
        {"active", "completed", "entered-in-error", "intended", "stopped", "on-hold", "unknown", "not-taken"}
    ),
    "MedicationRequest": frozenset(
        {"active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown"}
    ),
    "MedicationDispense": frozenset({*_EVENT, "preparation", "cancelled", "declined"} - {"not-done"}),
    "Procedure": frozenset({*_EVENT, "preparation"}),
}
"""FHIR R4's codes for `status`, by type."""

NEVER = frozenset({"not-done", "entered-in-error", "cancelled", "draft", "not-taken", "declined"})
"""Such a resource says nothing of an exposure."""

_ENDED = frozenset({"completed", "stopped"})
"""With such a status, a period without an end has ended all the same, nobody says when."""

_INTENDED = {
    "MedicationStatement": {"intended"},
    "MedicationDispense": {"preparation", "in-progress", "on-hold"},
    "Procedure": {"preparation"},
}


def drug_sets(
    drug: Drug, medications: Referable[Medication], terminology: Terminology
) -> tuple[frozenset[str] | None, CodeableConcept | None]:
    """The value sets of the drug's code and its ingredients, and what to show.

    None where no map knows the drug: neither value sets nor a classification hold it. A clinical-drug code that isn't
    listed may be any ingredient's.
    """
    concepts: list[CodeableConcept | None] = [drug.medicationCodeableConcept]
    medication = named(drug.medicationReference, drug.contained, medications)
    if medication is not None:
        concepts.append(medication.code)
        for ingredient in medication.ingredient:
            concepts.append(ingredient.itemCodeableConcept)
            inner = named(ingredient.itemReference, drug.contained, medications)
            concepts.append(inner.code if inner else None)
    found: frozenset[str] = frozenset()
    classified = False
    for concept in concepts:
        for coding in concept.coding if concept else ():
            found |= terminology.value_sets_of(coding.system, coding.code) or frozenset()
            classified = classified or terminology.classifies(coding.system)
    shown = next((c for c in concepts if c is not None), None)
    if shown is None and drug.medicationReference is not None and drug.medicationReference.display:
        shown = CodeableConcept(text=drug.medicationReference.display)
    return found if found or classified else None, shown


def drug_fact(
    drug: Drug,
    sets: frozenset[str],
    shown: CodeableConcept | None,
    source: Source,
    terminology: Terminology,
    t: Trouble,
) -> ExposureFact:
    """The fact of one drug given, taken, dispensed or ordered."""
    element, start, end, open_end = _drug_time(drug, t)
    kind = type(drug).__name__
    return ExposureFact(
        source=source,
        element=element,
        shown=title(shown),
        value_sets=sets,
        start=start,
        end=end,
        open_end=open_end,
        ordered=kind == "MedicationRequest" or drug.status in _INTENDED.get(kind, ()),
        route=_route(_dosages(drug), terminology),
    )


def procedure_fact(procedure: Procedure, sets: frozenset[str], source: Source, t: Trouble) -> ExposureFact:
    """The fact of one procedure done or planned."""
    when = t.when(procedure.performedDateTime, "performedDateTime")
    start, end = (when, when) if when else period(procedure.performedPeriod, t, "performedPeriod")
    return ExposureFact(
        source=source,
        element="performedDateTime" if when else "performedPeriod" if procedure.performedPeriod else "code",
        shown=title(procedure.code),
        value_sets=sets,
        start=start,
        end=end,
        open_end=_runs_on(procedure),
        ordered=procedure.status in _INTENDED["Procedure"],
        route=Route.NONE,
    )


def _runs_on(procedure: Procedure) -> bool:
    performed = procedure.performedPeriod
    return performed is not None and performed.end is None and procedure.status not in _ENDED


def _drug_time(drug: Drug, t: Trouble) -> tuple[str, When | None, When | None, bool]:
    match drug:
        case MedicationAdministration() | MedicationStatement():
            if drug.effectivePeriod is not None:
                start, end = period(drug.effectivePeriod, t, "effectivePeriod")
                open_end = drug.effectivePeriod.end is None and drug.status not in _ENDED
                return "effectivePeriod", start, end, open_end
            element, text = "effectiveDateTime", drug.effectiveDateTime
        case MedicationRequest():
            element, text = "authoredOn", drug.authoredOn
        case MedicationDispense():
            element = "whenHandedOver" if drug.whenHandedOver else "whenPrepared"
            text = drug.whenHandedOver or drug.whenPrepared
        case _:
            element, text = "code", None
    when = t.when(text, element)
    return element, when, when, False


def _dosages(drug: Drug) -> tuple[Dosage, ...]:
    match drug:
        case MedicationAdministration():
            return (drug.dosage,) if drug.dosage else ()
        case MedicationStatement():
            return drug.dosage
        case MedicationRequest() | MedicationDispense():
            return drug.dosageInstruction
        case _:
            return ()


def _route(dosages: tuple[Dosage, ...], terminology: Terminology) -> Route:
    """Systemic if any dosage is; other if all routes are known not to be; unmatched where one is not known."""
    routes = [value_sets(dosage.route, terminology) or frozenset() for dosage in dosages if dosage.route is not None]
    if not routes:
        return Route.NONE
    if any("route-systemic" in sets for sets in routes):
        return Route.SYSTEMIC
    return Route.OTHER if all("route-other" in sets for sets in routes) else Route.UNMATCHED
