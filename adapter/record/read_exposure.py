"""Medication resources and Procedure -> exposure facts (CONFORMANCE: Exposure)."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import msgspec
from msgspec import Raw, Struct

from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding
from adapter.criteria.written import plain
from adapter.record.certainty import DOUBTFUL, MODIFIED, is_called_donor, modified, turned
from adapter.record.dosage import dosing, is_as_needed, takes_none
from adapter.record.drug_time import CUT_SHORT, DENIED, ENDED, OPEN, UNDER_WAY, Linked, drug_time, updated
from adapter.record.facts import ExposureFact, Route, Source
from adapter.record.links import focal_devices, reasons
from adapter.record.listed import Immunization
from adapter.record.references import Referable
from adapter.record.resources import (
    ABSENT,
    MOST_CODINGS,
    CodeableConcept,
    Contained,
    Dosage,
    Drug,
    Medication,
    MedicationAdministration,
    MedicationDispense,
    MedicationRequest,
    MedicationStatement,
    Procedure,
)
from adapter.record.values import NOTHING, IssueCollector, by_id, codes, named, note_texts, period, title, value_sets

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
    "Immunization": frozenset({"completed", "entered-in-error", "not-done"}),
}
"""FHIR R4's codes for `status`, by type."""

PREVENTION = "prevention"
"""The value set of reasons that say that a drug prevents."""

NO_ADDRESSES: Mapping[str, str] = {}
"""Of an input without URNs."""

_INTENDED = {
    "MedicationStatement": {"intended"},
    "MedicationDispense": UNDER_WAY,
    "Procedure": {"preparation"},
}

_KEPT_ON = frozenset({"MedicationStatement", "MedicationRequest"})
"""What may say that a drug is still taken; what was given or handed out was."""

NO_LINKS: Linked = {}
_MODIFIED = ("medication.modifierExtension", MODIFIED)
_IN_ERROR = ("medication.status", "entered in error; not believed")
_TOO_MANY = ("medication", f"more than {MOST_CODINGS} codings, of its ingredients together; not believed")


class Named(Struct, frozen=True, gc=False):
    """What a drug is: the value sets of its code and its ingredients', all their codings, and what to show.

    `known`: a value set or a classification holds one; a clinical-drug code that isn't listed may be any ingredient's.
    `strength`: how much of its only ingredient is in it, as it was sent. `doubt`: the element for which it is not
    believed, and why. `called`: its own words, a Medication's, and those of the reference to that.
    """

    known: bool
    value_sets: frozenset[str]
    codes: tuple[Coding, ...]
    shown: CodeableConcept | None
    strength: Raw = ABSENT
    doubt: tuple[str, str] | None = None
    called: tuple[CodeableConcept, ...] = ()


def drug_named(drug: Drug, medications: Referable[Medication], terminology: Terminology) -> Named:
    """What a medication resource names, in itself, in a Medication, or in a Medication's ingredients."""
    concepts: list[CodeableConcept | None] = [drug.medicationCodeableConcept]
    contained = by_id(drug.contained)
    medication = named(drug.medicationReference, contained, medications)
    doubt = _doubt(medication)
    if medication is not None:
        concepts.append(medication.code)
        for ingredient in medication.ingredient:
            concepts.append(ingredient.itemCodeableConcept)
            inner = named(ingredient.itemReference, contained, medications)
            concepts.append(inner.code if inner else None)
            doubt = doubt or _doubt(inner)
    said = codes(*concepts)
    if len(said) > MOST_CODINGS:  # thousands may take it
        return Named(known=False, value_sets=NOTHING, codes=(), shown=None, doubt=_TOO_MANY)
    found: frozenset[str] = frozenset()
    classified = False
    for concept in concepts:
        for coding in concept.coding if concept else ():
            found |= terminology.value_sets_of(coding.system, coding.code) or frozenset()
            classified = classified or terminology.classifies(coding.system)
    shown = next((concept for concept in concepts if concept is not None), None)
    if shown is None and drug.medicationReference is not None and drug.medicationReference.display:
        shown = CodeableConcept(text=drug.medicationReference.display)
    alone = medication.ingredient if medication is not None and len(medication.ingredient) == 1 else ()
    strength = alone[0].strength if alone else ABSENT
    called = [drug.medicationCodeableConcept, medication.code if medication is not None else None]
    if medication is not None and medication.code is not None and drug.medicationReference is not None:
        called.append(CodeableConcept(medication.code.coding, drug.medicationReference.display))
    return Named(
        known=bool(found) or classified,
        value_sets=found,
        codes=said,
        shown=shown,
        strength=strength,
        doubt=doubt,
        called=tuple([each for each in called if each is not None]),
    )


def _doubt(medication: Medication | Contained | None) -> tuple[str, str] | None:
    """Why a Medication, or an ingredient of one, is not believed."""
    if medication is None:
        return None
    if modified(medication):
        return _MODIFIED
    return _IN_ERROR if medication.status == "entered-in-error" else None


def drug_fact(  # what a fact is made of
    drug: Drug,
    what: Named,
    source: Source,
    terminology: Terminology,
    t: IssueCollector,
    addresses: Mapping[str, str] = NO_ADDRESSES,
    linked: Linked = NO_LINKS,
) -> ExposureFact:
    """The fact of one drug given, taken, dispensed or ordered. `linked`: what was dispensed for each order."""
    time = drug_time(drug, linked.get(source.resource, ()), t)
    kind = type(drug).__name__
    dosages = dosages_of(drug)
    ways = _ways(dosages, terminology)
    words = (*_words(what.called), *(each.text for each in dosages))
    return ExposureFact(
        source=source,
        element=time.element,
        shown=title(what.shown, terminology),
        codes=what.codes,
        value_sets=what.value_sets,
        start=time.start,
        end=time.end,
        open_end=time.open_end,
        ordered=kind == "MedicationRequest" or drug.status in _INTENDED.get(kind, ()),
        route=_route(ways, terminology),
        asserted=time.asserted,
        open=drug.status in OPEN
        or (kind == "MedicationDispense" and drug.status == CUT_SHORT)
        or (time.open_end and kind in _KEPT_ON and _is_halted(drug.note, words, terminology))
        or _is_not_given(drug.note, words, terminology)
        or (drug.status != DENIED and _is_denied(drug, what, dosages, terminology)),
        denied=drug.status == DENIED,
        preventive=is_preventive(drug, terminology),
        on_demand=kind == "MedicationStatement" and bool(dosages) and all(_on_demand(each) for each in dosages),
        dosing=partial(dosing, dosages, what.strength, once=kind == "MedicationAdministration") if dosages else None,
        ways=ways,
        links=partial(reasons, drug.reasonCode, drug.reasonReference, addresses)
        if drug.reasonCode or drug.reasonReference
        else None,
    )


def procedure_fact(  # as above
    procedure: Procedure,
    sets: frozenset[str],
    source: Source,
    terminology: Terminology,
    t: IssueCollector,
    addresses: Mapping[str, str] = NO_ADDRESSES,
) -> ExposureFact:
    """The fact of one procedure done or planned."""
    when = t.when(procedure.performedDateTime, "performedDateTime")
    under_way = procedure.status in UNDER_WAY
    start, end = (
        (when, None if under_way else when) if when else period(procedure.performedPeriod, t, "performedPeriod")
    )
    runs_on = _runs_on(procedure) or (when is not None and under_way)
    return ExposureFact(
        source=source,
        element="performedDateTime" if when else "performedPeriod" if procedure.performedPeriod else "code",
        shown=title(procedure.code, terminology),
        codes=codes(procedure.code),
        value_sets=sets,
        start=start,
        end=end,
        open_end=runs_on,
        ordered=procedure.status in _INTENDED["Procedure"],
        route=Route.NONE,
        asserted=updated(procedure, t) or (start if runs_on else None),
        open=procedure.status in OPEN or turned(procedure.code, terminology, procedure.subject) == DOUBTFUL,
        sites=bytes(procedure.bodySite),
        devices=partial(focal_devices, procedure.focalDevice, addresses) if procedure.focalDevice else None,
        links=partial(reasons, procedure.reasonCode, procedure.reasonReference, addresses)
        if procedure.reasonCode or procedure.reasonReference
        else None,
    )


def immunization_fact(
    immunization: Immunization, sets: frozenset[str], source: Source, terminology: Terminology, t: IssueCollector
) -> ExposureFact:
    """The fact of one vaccination that was done."""
    when = t.when(immunization.occurrenceDateTime, "occurrenceDateTime")
    return ExposureFact(
        source=source,
        element="occurrenceDateTime" if when else "vaccineCode",
        shown=title(immunization.vaccineCode, terminology),
        codes=codes(immunization.vaccineCode),
        value_sets=sets,
        start=when,
        end=when,
        open_end=False,
        ordered=False,
        route=Route.NONE,
        open=turned(immunization.vaccineCode, terminology, immunization.patient) == DOUBTFUL
        or _is_not_given(immunization.note, _words((immunization.vaccineCode,)), terminology),
    )


def _runs_on(procedure: Procedure) -> bool:
    performed = procedure.performedPeriod
    return performed is not None and performed.end is None and procedure.status not in ENDED


def dosages_of(drug: Drug) -> tuple[Dosage, ...]:
    """The dosages of a drug, of whichever of the four resources."""
    match drug:
        case MedicationAdministration():
            return (drug.dosage,) if drug.dosage else ()
        case MedicationStatement():
            return drug.dosage
        case MedicationRequest() | MedicationDispense():
            return drug.dosageInstruction
        case _:
            return ()


def _is_halted(note: msgspec.Raw, words: Iterable[str | None], terminology: Terminology) -> bool:
    """Whether words or a note say that it was stopped, paused or not taken."""
    try:
        said = (*words, *note_texts(note))
    except msgspec.DecodeError:
        return True
    return any(text and terminology.writing.says("halted", text) for text in said)


def _is_not_given(note: msgspec.Raw, words: Iterable[str | None], terminology: Terminology) -> bool:
    """Whether words or a note say that it may not have been given: declined, or blinded against a placebo."""
    try:
        said = (*words, *note_texts(note))
    except msgspec.DecodeError:
        return True
    return any(text and terminology.writing.is_not_given(text) for text in said)


def _words(concepts: Iterable[CodeableConcept | None]) -> Iterator[str | None]:
    """What a drug is called."""
    for concept in concepts:
        if concept is not None:
            yield from (concept.text, *(each.display for each in concept.coding))


def _is_denied(drug: Drug, what: Named, dosages: tuple[Dosage, ...], terminology: Terminology) -> bool:
    """Whether the drug's own words deny it, or are of a suspicion or a plan, or each dosage is of nothing."""
    if is_called_donor(drug.subject, terminology) or any(turned(each, terminology) == DOUBTFUL for each in what.called):
        return True
    return bool(dosages) and all(takes_none(each) for each in dosages)


def _on_demand(dosage: Dosage) -> bool:
    try:
        return is_as_needed(dosage)
    except msgspec.DecodeError:
        return False


def is_preventive(drug: Drug, terminology: Terminology) -> bool:
    """Whether every reason that is given says so, or, without a reason, every dosage in words."""
    if drug.reasonCode:
        return all(
            PREVENTION in (value_sets(reason, terminology) or ()) or terminology.writing.is_preventive(title(reason))
            for reason in drug.reasonCode
        )
    said = [dosage.text for dosage in dosages_of(drug) if dosage.text]
    return bool(said) and all(terminology.writing.is_preventive(text) for text in said)


def _ways(dosages: tuple[Dosage, ...], terminology: Terminology) -> tuple[tuple[Coding, ...] | None, ...]:
    """The codes of each dosage's route; None of one without."""
    return tuple(None if dosage.route is None else _way(dosage.route, terminology) for dosage in dosages)


def _way(route: CodeableConcept, terminology: Terminology) -> tuple[Coding, ...]:
    """A route's codes where any is known; else a code of what its words name, by the exact table, all alike."""
    if value_sets(route, terminology) is None:
        words = {plain(each) for each in (route.text, *(coding.display for coding in route.coding)) if each}
        said = {terminology.status_words.get(("route", each)) for each in words}
        name = said.pop() if len(said) == 1 else None
        if name is not None and name in terminology.catalogue.routes:
            return terminology.codes(name)[:1]
    return codes(route)


def _route(ways: tuple[tuple[Coding, ...] | None, ...], terminology: Terminology) -> Route:
    """Systemic if any dosage is; other if all routes are known not to be; unmatched where one is not known."""
    routes = [
        frozenset[str]().union(*(terminology.value_sets_of(each.system, each.code) or () for each in way))
        for way in ways
        if way is not None
    ]
    if not routes:
        return Route.NONE
    if any("route-systemic" in sets for sets in routes):
        return Route.SYSTEMIC
    return Route.OTHER if all("route-other" in sets for sets in routes) else Route.UNMATCHED
