"""When a drug was given, taken, ordered or dispensed, as each FHIR resource says it (CONFORMANCE: Exposure)."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from adapter.criteria.calendar import CalendarUnit, Duration, add, unit_of
from adapter.criteria.terminology import Terminology
from adapter.record.facts import ExposureFact
from adapter.record.references import name_of
from adapter.record.resources import (
    Dosage,
    Drug,
    MedicationAdministration,
    MedicationDispense,
    MedicationRequest,
    MedicationStatement,
    Procedure,
    Quantity,
    Reference,
    Repeat,
)
from adapter.record.values import IssueCollector, amount, decimal, period
from adapter.record.when import When

DENIED = "not-taken"
NEVER = frozenset({"not-done", "entered-in-error", "cancelled", "draft", "declined"})
"""Such a resource says nothing of an exposure."""

ENDED = frozenset({"completed", "stopped"})
"""With such a status, a period without an end has ended all the same, nobody says when."""

OPEN = frozenset({"on-hold", "unknown"})
"""With such a status, nobody says since when it has been paused, or whether it goes on."""

UNDER_WAY = frozenset({"preparation", "in-progress", "on-hold"})
"""With such a status, what stands at one day has not ended on it: nobody says when it will have."""

_STILL_TO_BE_DONE = frozenset({"active", "draft"})
"""With such a status, an order may be a plan of which nothing was given yet."""

CUT_SHORT = "stopped"
"""With such a status, some of what was to be handed over was not, and nobody says how much was."""

_LARGEST_PACK = 100
"""For so many days the largest pack is meant to last (N3 of Germany's Packungsgrößenverordnung, section 1)."""

_LONGEST_SUPPLY = 366
"""In days; a longer one is a slip."""


Linked = Mapping[str, tuple[Drug, ...]]
"""By Type/id, what was dispensed for an order, and the orders that something was dispensed for."""


class DrugTime(Struct, frozen=True, gc=False):
    """When an exposure was. `asserted`: when that was last known; of what has ended, by when it had."""

    element: str
    start: When | None
    end: When | None
    open_end: bool = False
    asserted: When | None = None


def linked(
    drugs: Mapping[str, Drug], owns: Callable[[Reference | None], bool | None], addresses: Mapping[str, str]
) -> Linked:
    """What of these orders and dispenses belongs together, as far as it is the patient's and says something."""
    found: dict[str, tuple[Drug, ...]] = {}
    for key, drug in drugs.items():
        if not isinstance(drug, MedicationDispense) or drug.status in NEVER or not owns(drug.subject):
            continue
        for order in filter(None, (each.reference for each in drug.authorizingPrescription)):
            name = addresses.get(order, name_of(order))
            found[name] = (*found.get(name, ()), drug)
            if name in drugs:
                found[key] = (*found.get(key, ()), drugs[name])
    return found


def drug_time(drug: Drug, beside: tuple[Drug, ...], t: IssueCollector) -> DrugTime:
    """When it was; `beside`: what was dispensed for an order, or the orders for which it was dispensed."""
    match drug:
        case MedicationAdministration():
            return _given(drug, t)
        case MedicationStatement():
            return _stated(drug, t)
        case MedicationRequest():
            return _ordered(drug, [each for each in beside if isinstance(each, MedicationDispense)], t)
        case MedicationDispense():
            element = "whenHandedOver" if drug.whenHandedOver else "whenPrepared"
            when = t.when(drug.whenHandedOver or drug.whenPrepared, element)
            if drug.status in UNDER_WAY:
                return DrugTime(element, when, None, open_end=True, asserted=updated(drug, t) or when)
            return DrugTime(element, when, _supplied(drug, when, t) or _at_most(when, drug, beside, t))
        case _:
            return DrugTime("code", None, None)


def _given(drug: MedicationAdministration | MedicationStatement, t: IssueCollector) -> DrugTime:
    if drug.effectivePeriod is not None:
        start, end = period(drug.effectivePeriod, t, "effectivePeriod")
        open_end = drug.effectivePeriod.end is None and drug.status not in ENDED
        return DrugTime("effectivePeriod", start, end, open_end, updated(drug, t) or (start if open_end else None))
    when = t.when(drug.effectiveDateTime, "effectiveDateTime")
    if drug.status in UNDER_WAY:
        return DrugTime("effectiveDateTime", when, None, open_end=True, asserted=updated(drug, t) or when)
    return DrugTime("effectiveDateTime", when, when)


def _stated(drug: MedicationStatement, t: IssueCollector) -> DrugTime:
    """What a list says to be taken holds on from its day, as long as it was asserted not too long ago."""
    time = _given(drug, t)
    asserted = t.when(drug.dateAsserted, "dateAsserted")
    if drug.status in ENDED or drug.status == DENIED:
        return msgspec.structs.replace(time, asserted=asserted or time.asserted)
    start = time.start or asserted
    runs_on = time.open_end or drug.effectivePeriod is None
    end = None if runs_on else time.end
    return DrugTime(time.element, start, end, runs_on, (asserted or updated(drug, t) or start) if runs_on else asserted)


def _ordered(drug: MedicationRequest, supplies: Sequence[MedicationDispense], t: IssueCollector) -> DrugTime:
    """An order holds from its day until something bounds it; without a bound, if it is active, on.

    One that has ended without a bound ended nobody knows when: at the latest when that was known.
    """
    start = _begun(drug, t)
    end = _bounded(drug, start, t) or _used_up(supplies, t)
    if end is not None:
        return DrugTime("authoredOn", start, end)
    changed = updated(drug, t)
    if drug.status in ENDED:
        return DrugTime("authoredOn", start, None, asserted=changed)
    return DrugTime("authoredOn", start, None, open_end=True, asserted=changed or start)


def _begun(drug: MedicationRequest, t: IssueCollector) -> When | None:
    """The day of an order; a later one where it is still to be done, and every dosage says that it begins then."""
    authored = t.when(drug.authoredOn, "authoredOn")
    timings = [dosage.timing for dosage in drug.dosageInstruction]
    if drug.status not in _STILL_TO_BE_DONE or any(each is not None and each.event for each in timings):
        return authored
    repeats = [timing.repeat if timing is not None else None for timing in timings]
    bounds = [repeat.boundsPeriod if repeat is not None else None for repeat in repeats]
    starts = [t.when(each.start, "boundsPeriod.start") if each is not None else None for each in bounds]
    known = [each for each in starts if each is not None]
    if authored is None or not known or len(known) < len(starts):
        return authored
    first = min(known, key=lambda each: each.first)
    return first if first.first > authored.last else authored


def _bounded(drug: MedicationRequest, start: When | None, t: IssueCollector) -> When | None:
    """The last day of an order by its dosages, its validity, or the supply that it asks for with all repeats."""
    if (end := _dosed(drug.dosageInstruction, start, t)) is not None:
        return end
    asked = drug.dispenseRequest
    if asked is None:
        return None
    if asked.validityPeriod is not None and asked.validityPeriod.end is not None:
        return t.when(asked.validityPeriod.end, "period.end")
    again = decimal(asked.numberOfRepeatsAllowed, t, "numberOfRepeatsAllowed") if asked.numberOfRepeatsAllowed else 0
    if asked.expectedSupplyDuration is None or again is None or not 0 <= again <= _MOST_REPEATS:
        return None
    return _after(start, asked.expectedSupplyDuration, int(again) + 1, t, "expectedSupplyDuration")


def _dosed(dosages: tuple[Dosage, ...], start: When | None, t: IssueCollector) -> When | None:
    """The last day of which any of the dosages speaks, where all of them say when they end."""
    ends = [_end_of(dosage.timing.repeat if dosage.timing is not None else None, start, t) for dosage in dosages]
    known = [each for each in ends if each is not None]
    return max(known, key=lambda each: each.last) if known and len(known) == len(ends) else None


def _end_of(repeat: Repeat | None, start: When | None, t: IssueCollector) -> When | None:
    """The end that a dosage's timing says."""
    if repeat is None:
        return None
    if repeat.boundsPeriod is not None:
        return t.when(repeat.boundsPeriod.end, "boundsPeriod.end")
    longest = repeat.boundsDuration or (repeat.boundsRange.high if repeat.boundsRange is not None else None)
    return _after(start, longest, 1, t, "boundsDuration") if longest is not None else None


def _used_up(supplies: Sequence[MedicationDispense], t: IssueCollector) -> When | None:
    """The last day for which all that was dispensed for an order lasts; None where one of them doesn't say it."""
    ends: list[When] = []
    for each in supplies:
        when = t.when(each.whenHandedOver or each.whenPrepared, "whenHandedOver")
        end = _supplied(each, when, t)
        if end is None or each.status in UNDER_WAY or each.status == CUT_SHORT:
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


def updated(drug: Drug | Procedure, t: IssueCollector) -> When | None:
    """When a resource was last changed on its server."""
    return t.when(drug.meta.lastUpdated, "meta.lastUpdated") if drug.meta is not None else None


def _supplied(drug: MedicationDispense, when: When | None, t: IssueCollector) -> When | None:
    """The last day for which a dispensed supply lasts; None where nothing says how long."""
    supply = amount(drug.daysSupply, t, "daysSupply") if drug.daysSupply is not None else None
    if when is None or supply is None or supply.high is None or not 0 < supply.high <= _LONGEST_SUPPLY:
        return None
    days = int(supply.high)
    return When(f"{when.text}/P{days}D", _later(when.first, days), _later(when.last, days))


def _at_most(when: When | None, drug: MedicationDispense, orders: tuple[Drug, ...], t: IssueCollector) -> When | None:
    """The last day of a supply of which nobody says how long it lasts.

    Any until the largest pack is used up, or until its dosages or an order that it was dispensed for have ended.
    """
    if when is None:
        return None
    ends = [_dosed(drug.dosageInstruction, when, t)]
    ends += [_bounded(each, when, t) for each in orders if isinstance(each, MedicationRequest)]
    last = min([_later(when.last, _LARGEST_PACK), *(each.last for each in ends if each is not None)])
    return When(when.text, when.first, max(when.last, last))


def _later(day: date, days: int) -> date:
    return date.fromordinal(min(day.toordinal() + days, date.max.toordinal()))


def said_not_taken(
    not_taken: Iterable[ExposureFact], exposures: Mapping[str, list[ExposureFact]], terminology: Terminology
) -> list[ExposureFact]:
    """What is said not to be taken: single drugs and classes, and "no known medications"."""
    names: frozenset[str] | None = terminology.memos.get("absent drugs")
    if names is None:
        listed = terminology.catalogue.exposures.values()
        names = terminology.memos["absent drugs"] = frozenset(name for each in listed for name in each.absent)
    return [*not_taken, *(fact for name in sorted(names) for fact in exposures.get(name, ()))]


def dispute(lists: Iterable[list[ExposureFact]], denying: Collection[ExposureFact]) -> None:
    """Marks in lists what was handed over and is said, on that day or later, not to be taken: nobody knows (`open`).

    `denying`: what says that this drug is not taken, or that none is.
    """
    for facts in lists:
        facts[:] = [replace(each, open=True) if _is_disputed(each, denying) else each for each in facts]


def _is_disputed(fact: ExposureFact, denying: Iterable[ExposureFact]) -> bool:
    since = fact.start
    if since is None or not fact.source.resource.startswith("MedicationDispense/"):
        return False
    return any(
        _reaches(each, since) and not (each.denied and set(each.codes).isdisjoint(fact.codes)) for each in denying
    )


def _reaches(said: ExposureFact, since: When) -> bool:
    when, end = said.asserted or said.end or said.start, said.end
    return when is not None and when.last >= since.first and (end is None or end.last >= since.first)
