"""Medication resources and Procedure -> exposure facts (CONFORMANCE: Exposure)."""

import math
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

import msgspec
from msgspec import Raw, Struct

from adapter.criteria.calendar import CalendarUnit, Duration, add, unit_of
from adapter.criteria.terminology import Terminology
from adapter.criteria.value_set import Coding
from adapter.record.dosage import dosing, is_as_needed
from adapter.record.facts import ExposureFact, Route, Source
from adapter.record.links import focal_devices, reasons
from adapter.record.listed import Immunization
from adapter.record.references import Referable
from adapter.record.resources import (
    ABSENT,
    CodeableConcept,
    Dosage,
    Drug,
    Medication,
    MedicationAdministration,
    MedicationDispense,
    MedicationRequest,
    MedicationStatement,
    Procedure,
    Quantity,
    Repeat,
)
from adapter.record.values import IssueCollector, amount, codes, decimal, named, period, title, value_sets
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
    "Immunization": frozenset({"completed", "entered-in-error", "not-done"}),
}
"""FHIR R4's codes for `status`, by type."""

NEVER = frozenset({"not-done", "entered-in-error", "cancelled", "draft", "declined"})
"""Such a resource says nothing of an exposure."""

PREVENTION = "prevention"
"""The value set of reasons that say that a drug prevents."""

NO_ADDRESSES: Mapping[str, str] = {}
"""Of an input without URNs."""

_DENIED = "not-taken"
_LONGEST_SUPPLY = 366
"""In days; a longer one is a slip."""

_ENDED = frozenset({"completed", "stopped"})
"""With such a status, a period without an end has ended all the same, nobody says when."""

_OPEN = frozenset({"on-hold", "unknown"})
"""With such a status, nobody says since when it has been paused, or whether it goes on."""

UNDER_WAY = frozenset({"preparation", "in-progress", "on-hold"})
"""With such a status, what stands at one day has not ended on it: nobody says when it will have."""

_INTENDED = {
    "MedicationStatement": {"intended"},
    "MedicationDispense": UNDER_WAY,
    "Procedure": {"preparation"},
}

Supplies = Mapping[str, tuple["MedicationDispense", ...]]
"""What was dispensed for each order."""

NO_SUPPLIES: Supplies = {}


class Named(Struct, frozen=True, gc=False):
    """What a drug is: the value sets of its code and its ingredients', all their codings, and what to show.

    `known`: a value set or a classification holds one; a clinical-drug code that isn't listed may be any ingredient's.
    `strength`: how much of its only ingredient is in it, as it was sent.
    """

    known: bool
    value_sets: frozenset[str]
    codes: tuple[Coding, ...]
    shown: CodeableConcept | None
    strength: Raw = ABSENT


def drug_named(drug: Drug, medications: Referable[Medication], terminology: Terminology) -> Named:
    """What a medication resource names, in itself, in a Medication, or in a Medication's ingredients."""
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
    shown = next((concept for concept in concepts if concept is not None), None)
    if shown is None and drug.medicationReference is not None and drug.medicationReference.display:
        shown = CodeableConcept(text=drug.medicationReference.display)
    alone = medication.ingredient if medication is not None and len(medication.ingredient) == 1 else ()
    strength = alone[0].strength if alone else ABSENT
    return Named(bool(found) or classified, found, codes(*concepts), shown, strength)


def drug_fact(  # what a fact is made of
    drug: Drug,
    what: Named,
    source: Source,
    terminology: Terminology,
    t: IssueCollector,
    addresses: Mapping[str, str] = NO_ADDRESSES,
    supplies: Supplies = NO_SUPPLIES,
) -> ExposureFact:
    """The fact of one drug given, taken, dispensed or ordered. `supplies`: what was dispensed for an order."""
    time = _drug_time(drug, supplies.get(source.resource, ()), t)
    kind = type(drug).__name__
    dosages = _dosages(drug)
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
        route=_route(dosages, terminology),
        asserted=time.asserted,
        open=drug.status in _OPEN,
        denied=drug.status == _DENIED,
        preventive=_is_preventive(drug, terminology),
        on_demand=kind == "MedicationStatement" and bool(dosages) and all(_on_demand(each) for each in dosages),
        dosing=partial(dosing, dosages, what.strength, once=kind == "MedicationAdministration") if dosages else None,
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
        asserted=_updated(procedure, t) or (start if runs_on else None),
        open=procedure.status in _OPEN,
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
    )


def _runs_on(procedure: Procedure) -> bool:
    performed = procedure.performedPeriod
    return performed is not None and performed.end is None and procedure.status not in _ENDED


class _Time(Struct, frozen=True, gc=False):
    """When an exposure was. `asserted`: when that was last known; of what has ended, by when it had."""

    element: str
    start: When | None
    end: When | None
    open_end: bool = False
    asserted: When | None = None


def _drug_time(drug: Drug, supplies: tuple[MedicationDispense, ...], t: IssueCollector) -> _Time:
    match drug:
        case MedicationAdministration():
            return _given(drug, t)
        case MedicationStatement():
            return _stated(drug, t)
        case MedicationRequest():
            return _ordered(drug, supplies, t)
        case MedicationDispense():
            element = "whenHandedOver" if drug.whenHandedOver else "whenPrepared"
            when = t.when(drug.whenHandedOver or drug.whenPrepared, element)
            if drug.status in UNDER_WAY:
                return _Time(element, when, None, open_end=True, asserted=_updated(drug, t) or when)
            return _Time(element, when, _supplied(drug, when, t))
        case _:
            return _Time("code", None, None)


def _given(drug: MedicationAdministration | MedicationStatement, t: IssueCollector) -> _Time:
    if drug.effectivePeriod is not None:
        start, end = period(drug.effectivePeriod, t, "effectivePeriod")
        open_end = drug.effectivePeriod.end is None and drug.status not in _ENDED
        return _Time("effectivePeriod", start, end, open_end, _updated(drug, t) or (start if open_end else None))
    when = t.when(drug.effectiveDateTime, "effectiveDateTime")
    if drug.status in UNDER_WAY:
        return _Time("effectiveDateTime", when, None, open_end=True, asserted=_updated(drug, t) or when)
    return _Time("effectiveDateTime", when, when)


def _stated(drug: MedicationStatement, t: IssueCollector) -> _Time:
    """What a list says to be taken holds on from its day, as long as it was asserted not too long ago."""
    time = _given(drug, t)
    asserted = t.when(drug.dateAsserted, "dateAsserted")
    if drug.status in _ENDED or drug.status == _DENIED:
        return msgspec.structs.replace(time, asserted=asserted or time.asserted)
    start = time.start or asserted
    runs_on = time.open_end or drug.effectivePeriod is None
    end = None if runs_on else time.end
    return _Time(time.element, start, end, runs_on, (asserted or _updated(drug, t) or start) if runs_on else asserted)


def _ordered(drug: MedicationRequest, supplies: tuple[MedicationDispense, ...], t: IssueCollector) -> _Time:
    """An order holds from its day until something bounds it; without a bound, if it is active, on.

    One that has ended without a bound ended nobody knows when: at the latest when that was known.
    """
    start = t.when(drug.authoredOn, "authoredOn")
    end = _bounded(drug, start, t) or _used_up(supplies, t)
    if end is not None:
        return _Time("authoredOn", start, end)
    updated = _updated(drug, t)
    if drug.status in _ENDED:
        return _Time("authoredOn", start, None, asserted=updated)
    return _Time("authoredOn", start, None, open_end=True, asserted=updated or start)


def _bounded(drug: MedicationRequest, start: When | None, t: IssueCollector) -> When | None:
    """The last day of an order by its dosages, its validity, or the supply that it asks for with all repeats."""
    repeats = [dosage.timing.repeat if dosage.timing is not None else None for dosage in drug.dosageInstruction]
    ends = [_end_of(repeat, start, t) for repeat in repeats]
    known = [each for each in ends if each is not None]
    if known and len(known) == len(ends):
        return max(known, key=lambda each: each.last)
    asked = drug.dispenseRequest
    if asked is None:
        return None
    if asked.validityPeriod is not None and asked.validityPeriod.end is not None:
        return t.when(asked.validityPeriod.end, "period.end")
    again = decimal(asked.numberOfRepeatsAllowed, t, "numberOfRepeatsAllowed") if asked.numberOfRepeatsAllowed else 0
    if asked.expectedSupplyDuration is None or again is None or not 0 <= again <= _MOST_REPEATS:
        return None
    return _after(start, asked.expectedSupplyDuration, int(again) + 1, t, "expectedSupplyDuration")


def _end_of(repeat: Repeat | None, start: When | None, t: IssueCollector) -> When | None:
    """The end that a dosage's timing says."""
    if repeat is None:
        return None
    if repeat.boundsPeriod is not None:
        return t.when(repeat.boundsPeriod.end, "boundsPeriod.end")
    longest = repeat.boundsDuration or (repeat.boundsRange.high if repeat.boundsRange is not None else None)
    return _after(start, longest, 1, t, "boundsDuration") if longest is not None else None


def _used_up(supplies: tuple[MedicationDispense, ...], t: IssueCollector) -> When | None:
    """The last day for which all that was dispensed for an order lasts; None where one of them doesn't say it."""
    ends: list[When] = []
    for each in supplies:
        when = t.when(each.whenHandedOver or each.whenPrepared, "whenHandedOver")
        end = _supplied(each, when, t) if each.daysSupply is not None else None
        if end is None or end is when or each.status in UNDER_WAY:
            return None
        ends.append(end)
    return max(ends, key=lambda each: each.last, default=None)


_MOST_REPEATS = 100
"""More than so many are a slip."""


def _after(start: When | None, length: Quantity, times: int, t: IssueCollector, path: str) -> When | None:
    """The day so many times a length after a start; None where it is no length of time, or a slip."""
    found = amount(length, t, path)
    if start is None or found is None or found.high is None or not 0 < found.high * times <= _LONGEST_ORDER:
        return None
    unit = found.unit or found.text
    hours = unit in _HOURS
    known = CalendarUnit.DAY if hours else unit_of(unit)
    if known is None:
        return None
    each = Duration(math.ceil(found.high / _A_DAY if hours else found.high), known)
    try:
        return When(f"{start.text}/{each}", add(start.first, each, times), add(start.last, each, times))
    except OverflowError:
        return None


_LONGEST_ORDER = 4000
"""Of whatever unit; a longer one is a slip."""

_HOURS, _A_DAY = frozenset({"h", "hour", "hours"}), 24


def _updated(drug: Drug | Procedure, t: IssueCollector) -> When | None:
    return t.when(drug.meta.lastUpdated, "meta.lastUpdated") if drug.meta is not None else None


def _supplied(drug: MedicationDispense, when: When | None, t: IssueCollector) -> When | None:
    """The last day for which a dispensed supply lasts; its own day where nothing says how long."""
    supply = amount(drug.daysSupply, t, "daysSupply") if drug.daysSupply is not None else None
    if when is None or supply is None or supply.high is None or not 0 < supply.high <= _LONGEST_SUPPLY:
        return when
    days = timedelta(days=int(supply.high))
    return When(f"{when.text}/P{int(supply.high)}D", when.first + days, when.last + days)


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


def _on_demand(dosage: Dosage) -> bool:
    try:
        return is_as_needed(dosage)
    except msgspec.DecodeError:
        return False


def _is_preventive(drug: Drug, terminology: Terminology) -> bool:
    """Whether every reason that is given says so, or, without a reason, every dosage in words."""
    if drug.reasonCode:
        return all(
            PREVENTION in (value_sets(reason, terminology) or ()) or terminology.writing.is_preventive(title(reason))
            for reason in drug.reasonCode
        )
    said = [dosage.text for dosage in _dosages(drug) if dosage.text]
    return bool(said) and all(terminology.writing.is_preventive(text) for text in said)


def _route(dosages: tuple[Dosage, ...], terminology: Terminology) -> Route:
    """Systemic if any dosage is; other if all routes are known not to be; unmatched where one is not known."""
    routes = [value_sets(dosage.route, terminology) or frozenset() for dosage in dosages if dosage.route is not None]
    if not routes:
        return Route.NONE
    if any("route-systemic" in sets for sets in routes):
        return Route.SYSTEMIC
    return Route.OTHER if all("route-other" in sets for sets in routes) else Route.UNMATCHED
