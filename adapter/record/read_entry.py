"""Entries of further lists -> facts: one table of what each resource type says (CONFORMANCE: Entries of lists).

A row names the list, how the status counts, what the entry is of, what stands beside that, and its time. A code that
stands in a resource of its own (the Device of a DeviceUseStatement, the Condition that an Encounter was for) is looked
up there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from adapter.criteria.terminology import Terminology
from adapter.record.certainty import is_called_donor
from adapter.record.facts import Coded, EntryFact, EntryList, EntryStatus, Source
from adapter.record.listed import (
    Device,
    DeviceUseStatement,
    DiagnosticReport,
    Encounter,
    FamilyMemberHistory,
    Readable,
    ResearchSubject,
    ServiceRequest,
)
from adapter.record.references import name_of
from adapter.record.resources import AllergyIntolerance, CodeableConcept, Coding, Condition, Drug, Period, Reference
from adapter.record.values import IssueCollector, codes, stands_for_no_end, title
from adapter.record.when import When

Look = Callable[[Reference | None], Any]
"""The resource of the same input that a reference names, decoded; None if it isn't there."""

Concepts = tuple[CodeableConcept | None, ...]

STUDY = "ResearchStudy"
"""The system of the names of studies, as codes of what a participation is of."""

USED = "used"
"""Which device a statement of use is about, beside what it is; and the system of its name."""

PART_OF = "part-of"
"""Which stay a stay is part of, as a ward's of a hospital's, beside what it is; and the system of its name."""

CONCLUSION = "conclusion"
"""What a report says, beside what it is a report of."""

WORDS = "words"
"""All that a person reads of a report's conclusion, each for itself, where a code stands beside it."""

GRADE, OUTCOME = "grade", "outcome"
"""How high an adverse event is graded, by an extension, and what became of it."""

_GRADED = {f"http://hl7.org/fhir/uv/ae-research{guide}-ig/StructureDefinition/ae-grade" for guide in ("", "-backport")}
"""hl7.org/fhir/uv/ae-research-backport-ig/STU1/StructureDefinition-ae-grade.html, and the guide for R5."""

_COUNTS, _OPEN, _OVER, _PLANNED = EntryStatus.COUNTS, EntryStatus.OPEN, EntryStatus.OVER, EntryStatus.PLANNED
_NEVER = None  # entered in error, never happened, or no entry of the list


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryReader:
    """How the resources of a type are read.

    `statuses`: what each code of the element `status` comes to; `unsaid`: what a missing one does, where FHIR lets it
    be missing. `what`: what each entry of it is of; `beside`: what else it says. `times`: its elements of time, the
    best first. `runs_on`: the statuses with which a period without an end goes on. `recorded`: when it was written
    down. `patient`: who names the patient.
    """

    of: EntryList
    statuses: Mapping[str, EntryStatus | None]
    what: Callable[[Any, Look], Iterable[Concepts]]
    unsaid: EntryStatus | None = None
    status: str = "status"
    element: str = "code"
    patient: str = "subject"
    beside: Mapping[str, Callable[[Any, Look], Concepts]] = field(default_factory=dict)
    times: tuple[str, ...] = ()
    runs_on: frozenset[str] = frozenset()
    recorded: str = ""


def device_used(device: Reference | None, contained: msgspec.Raw, look: Look) -> CodeableConcept | None:
    """What the device is that was used or asked for, where the record or the reference says it."""
    held: Device | None = look(device)
    target = device.reference if device else None
    if held is None and target and target.startswith("#"):
        held = next((each for each in _contained(contained) if each.id == target[1:]), None)
    return held.type if held is not None else _named(device)


def _named_device(used: DeviceUseStatement, look: Look) -> CodeableConcept | None:
    """The device by its name, as a code: uses of one device are known by it."""
    held: Device | None = look(used.device)
    target = used.device.reference if used.device else None
    if held is not None and held.id:
        target = f"Device/{held.id}"
    return CodeableConcept((Coding(USED, name_of(target)),), " ") if target and not target.startswith("#") else None


def _contained(raw: msgspec.Raw) -> Iterator[Device]:
    try:
        held = _raws.decode(raw) if raw else []
    except msgspec.DecodeError:
        return
    for each in held:
        with suppress(msgspec.DecodeError):  # of another type
            yield _device.decode(each)


_raws = msgspec.json.Decoder(list[msgspec.Raw])
_device = msgspec.json.Decoder(Device)


def _named(reference: Reference | None) -> CodeableConcept | None:
    """What a reference says in words of a resource that isn't there."""
    return CodeableConcept(text=reference.display) if reference is not None and reference.display else None


def concept_of(reference: Reference | None, look: Look) -> CodeableConcept | None:
    """The code of a resource that is referred to, whatever its type calls it."""
    held = look(reference)
    if isinstance(held, Drug):
        held = held if held.medicationReference is None else look(held.medicationReference)
    for element in ("code", "vaccineCode", "medicationCodeableConcept", "type"):
        found = getattr(held, element, None)
        if isinstance(found, CodeableConcept):
            return found
    return _named(reference) or (CodeableConcept() if reference is not None else None)


def suspect_of(reference: Reference | None, look: Look) -> CodeableConcept | None:
    """The code of what may have caused an adverse event; what R4 doesn't let it name, a diagnosis, says nothing."""
    if isinstance(look(reference), Condition | AllergyIntolerance):
        return CodeableConcept()
    return concept_of(reference, look)


def _way(encounter: Encounter) -> CodeableConcept | None:
    """Class, types and service as one: each says where and how, and none contradicts what another leaves open."""
    said = [each for each in (*encounter.type, encounter.serviceType) if each is not None]
    codings = [coding for each in said for coding in each.coding]
    if encounter.class_ is not None:
        codings.insert(0, encounter.class_)
    words = [title(each) for each in said] or [_display(encounter.class_)]
    return CodeableConcept(tuple(codings), ", ".join(filter(None, words)))


def _display(coding: Coding | None) -> str:
    return (coding.display or coding.code or "") if coding is not None else ""


def _reasons(encounter: Encounter, look: Look) -> Concepts:
    referred = (*encounter.reasonReference, *(each.condition for each in encounter.diagnosis))
    return (*encounter.reasonCode, *(concept_of(each, look) for each in referred))


def _whole(encounter: Encounter, look: Look) -> Concepts:
    """The encounter that it is part of by its name, as a code."""
    if encounter.partOf is None:
        return ()
    held, target = look(encounter.partOf), encounter.partOf.reference
    name = f"Encounter/{held.id}" if isinstance(held, Encounter) and held.id else name_of(target or "")
    return (CodeableConcept((Coding(PART_OF, name),), " "),) if name else ()


def _study(subject: ResearchSubject) -> CodeableConcept | None:
    study = subject.study
    if study is None:
        return None
    named = [name_of(study.reference).removeprefix(f"{STUDY}/")] if study.reference else []
    if study.identifier is not None and study.identifier.value:
        named.append(study.identifier.value)
    return CodeableConcept(tuple(Coding(STUDY, each) for each in named), study.display or ", ".join(named))


def _conclusions(report: DiagnosticReport) -> Concepts:
    """Its coded conclusions; what stands in words only is a conclusion that nobody has coded."""
    if report.conclusionCode or not report.conclusion:
        return report.conclusionCode
    return (CodeableConcept(text=report.conclusion),)


def _words(report: DiagnosticReport) -> Concepts:
    """Its conclusion in words, texts and displays of its codes, and codes that name no system, beside a coded one."""
    if not report.conclusionCode:
        return ()
    said = [report.conclusion]
    for each in report.conclusionCode:
        said += [each.text, *(coding.display for coding in each.coding)]
        said += [coding.code or "?" for coding in each.coding if not (coding.system and coding.code)]
    return tuple(CodeableConcept(text=word) for word in dict.fromkeys(said) if word)


def _unsaid(member: FamilyMemberHistory) -> list[Concepts]:
    """What no code says of a relative: a note, which may name a disease, and that nobody knows how they are."""
    words = "; ".join(each.text for each in member.note if each.text)
    if not words and member.status == "health-unknown" and not member.condition:
        words = "health unknown"
    return [(CodeableConcept(text=words),)] if words else []


_RUNNING = frozenset({"on-study", "on-study-intervention", "on-study-observation", "follow-up"})
THERE = frozenset({"arrived", "triaged", "in-progress", "onleave"})
"""Encounter.status by which a stay goes on."""

_NOT_ON = ("candidate", "eligible", "ineligible", "not-registered", "potential-candidate", "screening", "withdrawn")
"""ResearchSubject.status of who is in no study; R4: withdrawn before registration."""

READERS: Mapping[str, EntryReader] = {
    "Device": EntryReader(
        of=EntryList.DEVICES,
        statuses={"active": _COUNTS, "inactive": _OVER, "unknown": _OPEN, "entered-in-error": _NEVER},
        unsaid=_COUNTS,
        element="type",
        patient="patient",
        what=lambda device, _: [(device.type,)],
    ),
    "DeviceUseStatement": EntryReader(
        of=EntryList.DEVICES,
        statuses={
            "active": _COUNTS,
            "completed": _OVER,
            "stopped": _OVER,
            "on-hold": _OPEN,
            "intended": _PLANNED,
            "entered-in-error": _NEVER,
        },
        element="device",
        what=lambda used, look: [(device_used(used.device, used.contained, look),)],
        beside={USED: lambda used, look: (_named_device(used, look),)},
        times=("timingDateTime", "timingPeriod"),
        runs_on=frozenset({"active"}),
        recorded="recordedOn",
    ),
    "Encounter": EntryReader(
        of=EntryList.ENCOUNTERS,
        statuses={
            **dict.fromkeys(("finished", *THERE), _COUNTS),
            "planned": _PLANNED,
            "unknown": _OPEN,
            "cancelled": _NEVER,
            "entered-in-error": _NEVER,
        },
        element="class",
        what=lambda encounter, _: [(_way(encounter),)],
        beside={
            "reason": _reasons,
            PART_OF: _whole,
            "status": lambda encounter, _: (CodeableConcept((Coding("status", encounter.status),), " "),),
        },
        times=("period",),
        runs_on=THERE,
    ),
    "FamilyMemberHistory": EntryReader(
        of=EntryList.FAMILY_HISTORY,
        statuses={"partial": _COUNTS, "completed": _COUNTS, "health-unknown": _OPEN, "entered-in-error": _NEVER},
        element="condition.code",
        patient="patient",
        what=lambda member, _: [(each.code,) for each in member.condition] + _unsaid(member),
        beside={"relation": lambda member, _: (member.relationship,)},
        recorded="date",
    ),
    "ResearchSubject": EntryReader(
        of=EntryList.PARTICIPATIONS,
        statuses={
            **dict.fromkeys((*_RUNNING, "off-study"), _COUNTS),
            "pending-on-study": _OPEN,
            **dict.fromkeys(_NOT_ON, _NEVER),
        },
        element="study",
        patient="individual",
        what=lambda subject, _: [(_study(subject),)],
        beside={"status": lambda subject, _: (CodeableConcept((Coding(STUDY, subject.status),)),)},
        times=("period",),
        runs_on=_RUNNING,
    ),
    "ServiceRequest": EntryReader(
        of=EntryList.PLANS,
        statuses={
            "active": _COUNTS,
            "draft": _OPEN,
            "on-hold": _OPEN,
            "unknown": _OPEN,
            "completed": _OVER,
            "revoked": _NEVER,
            "entered-in-error": _NEVER,
        },
        what=lambda request, _: [] if request.doNotPerform else [(request.code,)],
        times=("occurrenceDateTime", "occurrencePeriod"),
        recorded="authoredOn",
    ),
    "AdverseEvent": EntryReader(
        of=EntryList.ADVERSE_EVENTS,
        status="actuality",
        statuses={"actual": _COUNTS, "potential": _NEVER},
        element="event",
        what=lambda event, _: [(event.event,)],
        beside={
            "severity": lambda event, _: (event.severity,),
            GRADE: lambda event, _: tuple(x.valueCodeableConcept for x in event.extension if x.url in _GRADED),
            OUTCOME: lambda event, _: (event.outcome,),
            "suspect": lambda event, look: tuple(suspect_of(each.instance, look) for each in event.suspectEntity),
        },
        times=("date", "detected"),
    ),
    "DiagnosticReport": EntryReader(
        of=EntryList.REPORTS,
        statuses={
            **dict.fromkeys(("final", "amended", "corrected", "appended"), _COUNTS),
            **dict.fromkeys(("registered", "partial", "preliminary", "unknown"), EntryStatus.PRELIMINARY),
            "cancelled": _NEVER,
            "entered-in-error": _NEVER,
        },
        what=lambda report, _: [(report.code,)],
        beside={CONCLUSION: lambda report, _: _conclusions(report), WORDS: lambda report, _: _words(report)},
        times=("effectiveDateTime", "effectivePeriod", "issued"),
    ),
    "Specimen": EntryReader(
        of=EntryList.SPECIMENS,
        statuses={"available": _COUNTS, "unavailable": _OVER, "unsatisfactory": _OVER, "entered-in-error": _NEVER},
        unsaid=_COUNTS,
        element="type",
        what=lambda specimen, _: [(specimen.type,)],
        times=("collection.collectedDateTime", "collection.collectedPeriod", "receivedTime"),
    ),
}
"""How each resource type is read; statuses and elements are FHIR R4's."""

TYPES: Mapping[EntryList, tuple[str, ...]] = {
    each: tuple(type_ for type_, reader in READERS.items() if reader.of is each) for each in EntryList
}
"""The resource types of each list."""


def entry_facts(
    type_: str,
    resource: Readable,
    source: Source,
    look: Look,
    terminology: Terminology,
    t: IssueCollector,
) -> Iterator[EntryFact]:
    """The entries that a resource holds; what its status is must be known already."""
    reader = READERS[type_]
    status = getattr(resource, reader.status)
    stands = reader.unsaid if status is None else reader.statuses[status]
    if stands is None:
        return
    proposed = isinstance(resource, ServiceRequest) and resource.intent in {"proposal", "option"}
    if stands is _COUNTS and (proposed or is_called_donor(getattr(resource, reader.patient), terminology)):
        stands = _OPEN
    start, end, open_end = _time(resource, reader, status, t)
    recorded = t.when(getattr(resource, reader.recorded), reader.recorded) if reader.recorded else None
    beside = {name: _said(read(resource, look), terminology) for name, read in reader.beside.items()}
    for what in reader.what(resource, look):
        yield EntryFact(
            source=source,
            element=reader.element,
            stands=stands,
            what=_said(what, terminology),
            beside={name: said for name, said in beside.items() if said},
            start=start,
            end=end,
            open_end=open_end,
            asserted=recorded or ((_updated(resource, t) or start) if open_end else None),
        )


def _said(concepts: Concepts, terminology: Terminology) -> tuple[Coded, ...]:
    return tuple(Coded(codes(each), title(each, terminology)) for each in concepts if each is not None)


def _time(
    resource: Readable,
    reader: EntryReader,
    status: str | None,
    t: IssueCollector,
) -> tuple[When | None, When | None, bool]:
    """From when to when, by the first of its elements that is given; and whether it goes on."""
    for path in reader.times:
        held: Any = resource
        for element in path.split("."):
            held = getattr(held, element, None)
        if isinstance(held, Period):
            ended = held.end is not None and not stands_for_no_end(held.end)
            start = t.known(held.start, f"{path}.start")
            end = t.when(held.end, f"{path}.end") if ended else None
            return start, end, not ended and status in reader.runs_on
        if held is not None:
            when = t.known(held, path)
            return when, when, False
    return None, None, False


def _updated(resource: Readable, t: IssueCollector) -> When | None:
    return t.when(resource.meta.lastUpdated, "meta.lastUpdated") if resource.meta is not None else None
