"""What names a disease, a drug or a procedure outside the list that it would stand in (CONFORMANCE: Mentions).

A row for each resource type says where its codes stand. What only a mention says proves nothing: it keeps a negative
from being believed. A relative's disease, and what a drug prevents, is no mention. Words name as codes do, wherever
they stand: in a result, a note, a report, or beside a code that is something else (`adapter.criteria.named`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from adapter.criteria.terminology import Terminology
from adapter.record.drug_time import UNDER_WAY
from adapter.record.facts import Mention, Source
from adapter.record.links import REFERRED, diagnoses_named
from adapter.record.listed import (
    AdverseEvent,
    CarePlan,
    Claim,
    ClinicalImpression,
    Device,
    DeviceRequest,
    DeviceUseStatement,
    DiagnosticReport,
    ExplanationOfBenefit,
    Immunization,
    ServiceRequest,
)
from adapter.record.patient_record import ELSEWHERE
from adapter.record.read_entry import READERS, Look, device_used, suspect_of
from adapter.record.read_exposure import is_preventive
from adapter.record.read_words import DRUG, Found, Naming, Told, told, written
from adapter.record.resources import (
    CodeableConcept,
    Condition,
    Drug,
    Measured,
    MedicationRequest,
    Observation,
    Period,
    Procedure,
)
from adapter.record.values import NOTHING, IssueCollector, codes, title, value_sets
from adapter.record.when import When

ORDERED, SUSPECT = "code", "suspectEntity"
"""What a request orders, and what is suspected of an adverse event."""

_PLANNED_REASON = "activity.detail.reasonCode"
_PLANNED = frozenset({"activity.detail.code", "activity.detail.productCodeableConcept"})
_REASONS = frozenset({"reasonCode", "reasonReference", "contained", "addresses", _PLANNED_REASON})

_PRODUCTS = {
    "Immunization": frozenset({"vaccineCode"}),
    "Device": frozenset({"type", "deviceName"}),
    "DeviceUseStatement": frozenset({"device"}),
    "DeviceRequest": frozenset({ORDERED}),
}
"""Where a product stands on a list of other things: it names what is given, no vaccine, and nothing it is against."""

_concepts = msgspec.json.Decoder(tuple[CodeableConcept, ...])

_WORDS = {
    **dict.fromkeys(("reasonCode", "reasonReference", "contained", "diagnosis.condition"), "named as a reason"),
    "complication": "a complication",
    "resultingCondition": "what an adverse event came to",
    "event": "an adverse event",
    SUSPECT: "suspected of an adverse event",
    "conclusionCode": "concluded in a report",
    "valueCodeableConcept": "as a result",
    "diagnosis": "named in a claim",
    "procedure": "named in a claim",
    "item": "named in a claim",
    "vaccineCode": "recorded as a vaccination",
    **dict.fromkeys(("type", "deviceName", "device"), "recorded as a device"),
    **dict.fromkeys(("finding", "problem", "summary"), "a clinical impression"),
    **dict.fromkeys((_PLANNED_REASON, "addresses"), "named in a care plan"),
    **dict.fromkeys(_PLANNED, "in a care plan"),
    **dict.fromkeys(("conclusion", "text"), "in the words of a report"),
    **dict.fromkeys(("title", "description"), "in the words of a care plan"),
    "valueString": "in the words of a result",
    "note": "in a note",
    "dosage": "in a dosage",
}
"""What a mention says of itself wherever it is shown, by its element."""

_NO_MORE = frozenset({"cancelled", "entered-in-error", "not-done", "declined", "revoked", "draft"})
"""With such a status a resource says nothing."""

_NO_ORDER = frozenset({"proposal", "option"})
"""With such an intent nobody has ordered anything."""


def _reasons(resource: Any) -> Sequence[Naming]:  # noqa: ANN401  # any resource with reasons
    held = resource.reasonCode
    if not held:
        return ()
    coded = _concepts.decode(held) if isinstance(held, msgspec.Raw) else held
    return [("reasonCode", each) for each in coded]


def _of_drug(drug: Drug) -> Sequence[Naming]:
    """Its reasons, coded or as a Condition that stands in it."""
    if not drug.contained or b'"#' not in bytes(drug.reasonReference or b""):
        return _reasons(drug)
    return [*_reasons(drug), *(("contained", each.code) for each in drug.contained if each.resourceType == "Condition")]


def _of_procedure(procedure: Procedure) -> Sequence[Naming]:
    """Its reasons and complications."""
    gone_wrong = _concepts.decode(procedure.complication) if procedure.complication else ()
    return [*_reasons(procedure), *(("complication", each) for each in gone_wrong)]


def _of_event(event: AdverseEvent) -> Sequence[Naming]:
    return [("event", event.event)] if event.actuality == "actual" else ()


def _of_report(report: DiagnosticReport) -> Sequence[Naming]:
    return [("conclusionCode", each) for each in report.conclusionCode]


def _of_request(request: ServiceRequest) -> Sequence[Naming]:
    """Its reasons, and what it orders."""
    never = request.doNotPerform or request.intent in _NO_ORDER
    return _reasons(request) if never else [*_reasons(request), (ORDERED, request.code)]


def _of_claim(claim: Claim | ExplanationOfBenefit) -> Sequence[Naming]:
    """What was billed, and why; what an insurer is only asked about beforehand was not done."""
    why: list[Naming] = [("diagnosis", each.diagnosisCodeableConcept) for each in claim.diagnosis]
    if claim.use != "claim":
        return why
    done: list[Naming] = [("procedure", each.procedureCodeableConcept) for each in claim.procedure]
    return [*why, *done, *(("item", each.productOrService) for each in claim.item)]


def _of_impression(impression: ClinicalImpression) -> Sequence[Naming]:
    return [("finding", each.itemCodeableConcept) for each in impression.finding]


def _of_care_plan(plan: CarePlan) -> Sequence[Naming]:
    """What its activities are and what for, but those that were given up."""
    if plan.intent in _NO_ORDER:
        return ()
    found: list[Naming] = []
    for detail in [each.detail for each in plan.activity if each.detail and each.detail.status not in _NO_MORE]:
        found += [(_PLANNED_REASON, each) for each in detail.reasonCode]
        if not detail.doNotPerform:
            found += [("activity.detail.code", detail.code)]
            found += [("activity.detail.productCodeableConcept", detail.productCodeableConcept)]
    return found


def _of_immunization(immunization: Immunization) -> Sequence[Naming]:
    return [*_reasons(immunization), ("vaccineCode", immunization.vaccineCode)]


def _of_device(device: Device) -> Sequence[Naming]:
    return [("type", device.type), *(("deviceName", CodeableConcept(text=each.name)) for each in device.deviceName)]


def _of_observation(observation: Observation) -> Sequence[Naming]:
    """Results that are themselves a diagnosis ("diagnosis: sepsis"), of the whole and of its components.

    What a date is of names it too: a delivery that is expected, a pregnancy.
    """
    if observation.valueDateTime is not None:
        return [("code", observation.code)]
    if observation.valueCodeableConcept is None and not observation.component:
        return ()
    parts: tuple[Measured, ...] = (observation, *observation.component)
    return [("valueCodeableConcept", each.valueCodeableConcept) for each in parts if each.valueCodeableConcept]


ROWS: Mapping[str, Callable[[Any], Sequence[Naming]]] = {
    "Encounter": _reasons,
    "Procedure": _of_procedure,
    "MedicationAdministration": _of_drug,
    "MedicationStatement": _of_drug,
    "MedicationDispense": _of_drug,
    "MedicationRequest": _of_drug,
    "AdverseEvent": _of_event,
    "DiagnosticReport": _of_report,
    "ServiceRequest": _of_request,
    "Observation": _of_observation,
    "Immunization": _of_immunization,
    "Device": _of_device,
    "DeviceUseStatement": lambda _: (),  # what is used is another resource
    "DeviceRequest": lambda request: () if request.intent in _NO_ORDER else _reasons(request),
    "ExplanationOfBenefit": _of_claim,
    "Claim": _of_claim,
    "ClinicalImpression": _of_impression,
    "CarePlan": _of_care_plan,
    "Flag": lambda flag: [("code", flag.code)],
    "Condition": lambda _: (),  # what its code names stands in its own list
}
"""What each resource type mentions."""


def lost_with(type_: str, path: str) -> frozenset[str]:
    """What nobody knows because a resource can't be read at a path: its type, and what it may name elsewhere.

    A result names a disease only by words of its own.
    """
    names = type_ in ROWS and type_ != "Condition" and (type_ != "Observation" or "CodeableConcept" in path)
    return frozenset({type_, ELSEWHERE} if names else {type_})


def mentions(
    type_: str,
    resource: Any,  # noqa: ANN401  # any of the types
    source: Source,
    look: Look,
    terminology: Terminology,
    t: IssueCollector,
) -> tuple[Sequence[Mention], frozenset[str]]:
    """The mentions in a resource whose type is in `ROWS`, as far as they name what the catalogue knows.

    And what nobody knows of the record because they can't be read.
    """
    try:
        return tuple(_mentions(type_, resource, source, look, terminology, t)), NOTHING
    except msgspec.DecodeError:
        t.report("reasonCode", "can't be read; it may name a disease")
        return (), frozenset({ELSEWHERE})


def told_numbers(
    type_: str,
    resource: Any,  # noqa: ANN401  # any of the types
    source: Source,
    terminology: Terminology,
) -> Sequence[Told]:
    """What sentences tell of analytes, in a resource of `ROWS`; its issues are said by its own reading."""
    if getattr(resource, "status", None) in _NO_MORE:
        return ()
    try:
        collector = IssueCollector(source.resource, type_, [])
        return tuple(told(type_, resource, source, lambda: _told_at(type_, resource, collector), terminology))
    except msgspec.DecodeError:
        return ()


def _mentions(
    type_: str,
    resource: Any,  # noqa: ANN401  # any of the types
    source: Source,
    look: Look,
    terminology: Terminology,
    t: IssueCollector,
) -> Iterator[Mention]:
    if getattr(resource, "status", None) in _NO_MORE:
        return
    named = ROWS[type_](resource)
    if type_ in REFERRED:
        named = [*named, *diagnoses_named(type_, resource, look, terminology)]
    reaction: frozenset[str] = frozenset()
    if isinstance(resource, AdverseEvent):
        reaction = value_sets(resource.event, terminology) or frozenset()
        named = [*named, *((SUSPECT, suspect_of(each.instance, look)) for each in resource.suspectEntity)]
    elif isinstance(resource, DeviceUseStatement):
        named = [("device", device_used(resource.device, resource.contained, look))]
    elif isinstance(resource, DeviceRequest) and resource.intent not in _NO_ORDER:
        asked = resource.codeCodeableConcept or device_used(resource.codeReference, resource.contained, look)
        named = [*named, (ORDERED, asked)]
    told = [
        (element, concept)
        for element, concept in named
        if concept is not None and not (element in _REASONS and terminology.writing.is_preventive(title(concept)))
    ]
    called = [*_called(type_, told), *_of_no_list(resource, terminology)]
    if isinstance(resource, Procedure) and resource.code is not None:
        called.append(("code", resource.code))
    found = [*_coded(told, terminology), *written(type_, resource, called, terminology)]
    if type_ in _PRODUCTS:
        found = list(_of_other_lists(type_, found, terminology))
    if not found:
        return
    time = _time(type_, resource, t)
    intended = isinstance(resource, DeviceUseStatement) and resource.status == "intended"
    for element, said, concepts, shown in found:
        words = _WORDS.get(element) or ("" if said else "in words")
        yield Mention(
            source=source,
            element="reasonReference" if element == "contained" and isinstance(resource, Drug) else element,
            shown=f"{shown} ({words})" if words else shown,
            concepts=concepts,
            codes=said,
            ordered=element in _PLANNED or (element == ORDERED and isinstance(resource, _ORDERS)) or intended,
            reaction=reaction if element == SUSPECT else frozenset(),
            start=time[0],
            end=time[1],
            open_end=time[2],
            asserted=time[3],
        )


_Told = tuple[str, CodeableConcept]
"""An element and what it says, but for what is to be prevented: nobody has that."""


def _called(type_: str, told: Iterable[_Told]) -> Iterable[_Told]:
    """What is to be read by its words too; what of a result is so, is read elsewhere."""
    return () if type_ == "Observation" else (("code" if name in _PLANNED else name, what) for name, what in told)


def _of_no_list(resource: Any, terminology: Terminology) -> Iterator[_Told]:  # noqa: ANN401  # any of the types
    """What a drug is called that no value set holds by its code; not what is not taken, or prevents."""
    if not isinstance(resource, Drug) or resource.status == "not-taken":
        return
    if isinstance(resource, MedicationRequest) and (resource.doNotPerform or resource.intent in _NO_ORDER):
        return
    concept, reference = resource.medicationCodeableConcept, resource.medicationReference
    if concept is None and reference is not None:
        held = next((each for each in resource.contained if f"#{each.id}" == reference.reference), None)
        concept = held.code if held is not None else CodeableConcept(text=reference.display)
    if concept is not None and not value_sets(concept, terminology) and not is_preventive(resource, terminology):
        yield DRUG, concept


def _coded(told: Iterable[_Told], terminology: Terminology) -> Iterator[Found]:
    for element, concept in told:
        said = codes(concept)
        if concepts := terminology.named_by(said):
            yield element, said, concepts, title(concept, terminology)


def _of_other_lists(type_: str, found: Iterable[Found], terminology: Terminology) -> Iterator[Found]:
    """What a product names but what its own list is of, and what it is against."""
    exposures = terminology.catalogue.exposures
    given = frozenset(name for name, each in exposures.items() if not each.vaccine)
    for element, said, named, shown in found:
        concepts = named & given if element in _PRODUCTS[type_] else named
        if concepts:
            yield element, said, concepts, shown


_Time = tuple[When | None, When | None, bool, When | None]
"""From when to when, whether it goes on, and when that was last known."""

_TIMES: Mapping[str, tuple[str, ...]] = {
    "Procedure": ("performedDateTime", "performedPeriod"),
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod"),
    "MedicationStatement": ("effectiveDateTime", "effectivePeriod", "dateAsserted"),
    "MedicationDispense": ("whenHandedOver", "whenPrepared"),
    "MedicationRequest": ("authoredOn",),
    "Immunization": ("occurrenceDateTime",),
    "ExplanationOfBenefit": ("billablePeriod", "created"),
    "Claim": ("billablePeriod", "created"),
    "ClinicalImpression": ("effectiveDateTime", "effectivePeriod", "date"),
    "CarePlan": ("period", "created"),
    "Flag": ("period",),
    "DeviceRequest": ("occurrenceDateTime", "occurrencePeriod"),
    "Condition": ("onsetDateTime", "onsetPeriod", "recordedDate"),
    "Observation": ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "issued"),
}
"""The elements of time, the best first; those of lists are in their own table."""

_ORDERS = (ServiceRequest, DeviceRequest)
"""What orders something, and may have been done."""

_SAID_ONCE = frozenset({Observation, Claim, ExplanationOfBenefit})
"""What speaks of its day, whatever its status."""

_GOES_ON = UNDER_WAY | {"active"}


def _told_at(type_: str, resource: Any, t: IssueCollector) -> When | None:  # noqa: ANN401  # any of the types
    """Of which day a number is that it tells: a diagnosis that goes on tells of the day when it was written down."""
    _, end, _, asserted = _time(type_, resource, t)
    return end or asserted


def _time(type_: str, resource: Any, t: IssueCollector) -> _Time:  # noqa: ANN401  # any of the types
    """When a mention was made; an order or a treatment that goes on is of today."""
    names = _TIMES.get(type_) or READERS[type_].times
    start: When | None = None
    end: When | None = None
    for name in names:
        held = getattr(resource, name, None)
        if isinstance(held, Period):
            start, end = t.known(held.start, name), t.when(held.end, name)
            break
        if held is not None:
            start = end = t.known(held, name)
            break
    updated = t.when(resource.meta.lastUpdated, "meta.lastUpdated") if resource.meta is not None else None
    if isinstance(resource, _ORDERS):
        start = start or t.when(resource.authoredOn, "authoredOn")
        done = resource.status == "completed"
        if end is None or (end is start and not done):
            return start, None, not done, updated or (None if done else start)
    elif isinstance(resource, Condition):
        return start, None, True, t.when(resource.recordedDate, "recordedDate") or updated or start
    elif resource.__class__ not in _SAID_ONCE and getattr(resource, "status", None) in _GOES_ON:
        return start, None, True, updated or start
    return start, end or start, False, None
