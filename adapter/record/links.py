"""What a resource says beside itself: why, about what, where on the body, how and with what.

Reasons, causes and evidence (CONFORMANCE: Several events) and the circumstances of a measurement or procedure
(Observations) are read only when a criterion asks for them: what can't be read links nothing, and says nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from adapter.criteria.named import may_name
from adapter.criteria.terminology import Terminology
from adapter.record.bundle import Resource
from adapter.record.facts import Circumstances, Coded, Links, Mention, ObservationFact
from adapter.record.listed import Device, DiagnosticReport
from adapter.record.references import name_of
from adapter.record.resources import ABSENT, CodeableConcept, Condition, Observation, Reference
from adapter.record.subject import Subject
from adapter.record.values import IssueCollector, codes, title

Look = Callable[[Reference | None], Any]
"""The resource of the same input that a reference names, decoded; None if it isn't there."""

DUE_TO = "http://hl7.org/fhir/StructureDefinition/condition-dueTo"


class _Extension(Struct, frozen=True, gc=False):
    url: str | None = None
    valueReference: Reference | None = None
    valueCodeableConcept: CodeableConcept | None = None


class _Focal(Struct, frozen=True, gc=False):
    action: CodeableConcept | None = None
    manipulated: Reference | None = None


class _Evidence(Struct, frozen=True, gc=False):
    detail: tuple[Reference, ...] = ()


class _Contained(Struct, frozen=True, gc=False):
    resourceType: str | None = None
    code: Raw = ABSENT


_contained = msgspec.json.Decoder(tuple[_Contained, ...])
_reference = msgspec.json.Decoder(Reference)
_references = msgspec.json.Decoder(tuple[Reference, ...])
_concept = msgspec.json.Decoder(CodeableConcept)
_concepts = msgspec.json.Decoder(tuple[CodeableConcept, ...])
_extensions = msgspec.json.Decoder(tuple[_Extension, ...])
_focal = msgspec.json.Decoder(tuple[_Focal, ...])
_evidence = msgspec.json.Decoder(tuple[_Evidence, ...])


def reasons(coded: tuple[CodeableConcept, ...] | Raw, referred: Raw, addresses: Mapping[str, str]) -> Links:
    """The reasons of a drug or procedure. `addresses`: what a URN in the input stands for."""
    try:
        concepts = _concepts.decode(coded) if isinstance(coded, Raw) and coded else coded or ()
        said = _references.decode(referred) if referred else ()
    except msgspec.DecodeError:
        return Links(frozenset(), ())
    return _links(said, concepts if isinstance(concepts, tuple) else (), addresses)


def diagnoses_named(
    type_: str,
    resource: Any,  # noqa: ANN401  # any of the types
    look: Look,
    terminology: Terminology,
) -> Iterator[tuple[str, CodeableConcept]]:
    """The diagnoses that a resource refers to and the record doesn't hold: contained ones, and what it calls others.

    Each with its element; of a type in `REFERRED`. Raises msgspec.DecodeError where what is contained can't be read.
    """
    for element, reference in REFERRED[type_](resource):
        called = (reference.display if reference is not None else None) or ""
        if called and may_name(called, terminology) and look(reference) is None:
            yield element, CodeableConcept(text=called)
    held = getattr(resource, "contained", None)  # of a drug it is decoded with it
    if isinstance(held, Raw) and held and b'"Condition"' in bytes(held):
        for each in _contained.decode(held):
            if each.resourceType == "Condition" and each.code:
                yield "contained", _concept.decode(each.code)


def _called(raw: Raw) -> Iterable[tuple[str, Reference]]:
    return [("reasonReference", each) for each in _references.decode(raw)] if b'"display"' in bytes(raw) else ()


REFERRED: Mapping[str, Callable[[Any], Iterable[tuple[str, Reference | None]]]] = {
    "Encounter": lambda encounter: [
        *(("diagnosis.condition", each.condition) for each in encounter.diagnosis),
        *(("reasonReference", each) for each in encounter.reasonReference),
    ],
    **dict.fromkeys(
        ("Procedure", "MedicationAdministration", "MedicationRequest", "MedicationStatement"),
        lambda resource: _called(resource.reasonReference),
    ),
    **dict.fromkeys(
        ("ServiceRequest", "DeviceRequest", "Immunization"),
        lambda resource: [("reasonReference", each) for each in resource.reasonReference],
    ),
    "CarePlan": lambda plan: [("addresses", each) for each in plan.addresses],
    "ClinicalImpression": lambda impression: [
        *(("problem", each) for each in impression.problem),
        *(("finding", each.itemReference) for each in impression.finding),
    ],
    **dict.fromkeys(
        ("Claim", "ExplanationOfBenefit"),
        lambda claim: [("diagnosis", each.diagnosisReference) for each in claim.diagnosis],
    ),
    "AdverseEvent": lambda event: [("resultingCondition", each) for each in event.resultingCondition],
}
"""Where each resource type refers to diagnoses."""


def causes(extension: Raw, evidence: Raw, addresses: Mapping[str, str]) -> Links:
    """The cause of a diagnosis, and the resources that are its evidence."""
    try:
        due = [each for each in _extensions.decode(extension) if each.url == DUE_TO] if extension else []
        details = [each for one in _evidence.decode(evidence) for each in one.detail] if evidence else []
    except msgspec.DecodeError:
        return Links(frozenset(), ())
    named = [each.valueReference for each in due if each.valueReference is not None]
    concepts = tuple(each.valueCodeableConcept for each in due if each.valueCodeableConcept is not None)
    return _links([*named, *details], concepts, addresses)


def focal_devices(raw: Raw, addresses: Mapping[str, str]) -> Mapping[str, str]:
    """The devices that a procedure was about, by Type/id, with the code of what was done to each; empty if unsaid."""
    try:
        said = _focal.decode(raw) if raw else ()
    except msgspec.DecodeError:
        return {}
    return {
        addresses.get(each.manipulated.reference, name_of(each.manipulated.reference)): _action(each.action)
        for each in said
        if each.manipulated is not None and each.manipulated.reference
    }


def _action(said: CodeableConcept | None) -> str:
    return next((each.code for each in said.coding if each.code), "") if said is not None else ""


def _links(
    references: Iterable[Reference], concepts: tuple[CodeableConcept, ...], addresses: Mapping[str, str]
) -> Links:
    named = {addresses.get(each.reference, name_of(each.reference)) for each in references if each.reference}
    return Links(frozenset(named), tuple(codes(each) for each in concepts if each.coding))


_DISEASES = ("Condition/", "BodyStructure/")


def about_what(
    focus: tuple[Reference, ...], subject: Subject, addresses: Mapping[str, str], look: Look
) -> frozenset[str] | None:
    """Which diagnoses or tumours of the patient's a result is about; None where it is of somebody else."""
    if not focus:
        return frozenset()
    named = [(each, _disease(each, subject, addresses, look)) for each in focus]
    if any(name is None for _, name in named) and not any(subject.owns(each) for each in focus):
        return None
    return frozenset(name for _, name in named if name is not None)


def _disease(focus: Reference, subject: Subject, addresses: Mapping[str, str], look: Look) -> str | None:
    name = addresses.get(focus.reference, name_of(focus.reference)) if focus.reference else ""
    held = look(focus) if name.startswith(_DISEASES) else None
    of_another = isinstance(held, Condition) and subject.owns(held.subject) is False
    return name if name.startswith(_DISEASES) and not of_another else None


class Panel(Struct, frozen=True, gc=False):
    """A report or a panel by its Type/id, what it names as its results, as sent, and whether it is a donor's.

    `donor`: None where its name may be a donor's or the patient's, and where it was entered in error, perhaps of
    somebody else.
    """

    key: str
    results: Raw | tuple[Reference, ...]
    donor: bool | None


def panel(resource: object, terminology: Terminology, t: IssueCollector) -> Panel | None:
    """What a report or an Observation is as a panel of others; None of anything else."""
    if isinstance(resource, DiagnosticReport):
        named: Raw | tuple[Reference, ...] = resource.result
    elif isinstance(resource, Observation) and resource.hasMember:
        named = resource.hasMember
    else:
        return None
    donor = terminology.writing.is_of_donor(title(resource.code))
    if donor is False and resource.status == "entered-in-error":
        donor = None
        t.report("status", "entered in error; the results that it names are taken as preliminary")
    elif donor is None:
        t.report("code", "by its name perhaps of a donor; its results are taken as preliminary")
    elif donor:
        t.report("code", "by its name of a donor; its results are not read")
    return Panel(t.resource, named, donor)


def set_apart(
    panels: Sequence[Panel],
    addresses: Mapping[str, str],
    observations: MutableMapping[str, list[ObservationFact]],
    mentions: MutableMapping[str, list[Mention]],
) -> None:
    """Takes out what is a donor's: results, what stands inside their report, and what both name.

    What may be a donor's, by its report's name or since a report of the patient's names it too, is `preliminary`.
    """
    if all(each.donor is False for each in panels):
        return
    held = {each.key: (each, _results_of(each, addresses)) for each in panels}
    theirs = _within([each.key for each in panels if each.donor], held)
    own = _within([each.key for each in panels if each.donor is False and each.key not in theirs], held)
    unsure = (_within([each.key for each in panels if each.donor is None], held) - own - theirs) | (own & theirs)
    for name, facts in observations.items():
        observations[name] = [
            msgspec.structs.replace(fact, status="preliminary") if _whole(fact) in unsure else fact
            for fact in facts
            if _whole(fact) not in theirs or _whole(fact) in unsure
        ]
    for name, said in mentions.items():
        mentions[name] = [each for each in said if _whole(each) not in theirs or _whole(each) in unsure]


def _whole(said: ObservationFact | Mention) -> str:
    return said.source.resource.partition(".")[0]


def _results_of(panel: Panel, addresses: Mapping[str, str]) -> tuple[str, ...]:
    try:
        named = _references.decode(panel.results) if isinstance(panel.results, Raw) and panel.results else panel.results
    except msgspec.DecodeError:
        return ()
    each_of = named if isinstance(named, tuple) else ()
    return tuple(addresses.get(each.reference, name_of(each.reference)) for each in each_of if each.reference)


def _within(begin: Iterable[str], held: Mapping[str, tuple[Panel, tuple[str, ...]]]) -> set[str]:
    """These panels and all that stands in them, at any depth; of a panel that is named a donor's, only from there."""
    found: set[str] = set()
    line = list(begin)
    apart = {name for name, (each, _) in held.items() if each.donor}.difference(line)
    while line:
        name = line.pop()
        if name not in found and name not in apart:
            found.add(name)
            line += held[name][1] if name in held else ()
    return found


def circumstances_of(
    resource: Observation, look: Look, addresses: Mapping[str, str], terminology: Terminology
) -> Circumstances | None:
    """Where, how, with what and from what something was measured; None where nothing of it is said."""
    if not (resource.bodySite or resource.method or resource.device or resource.derivedFrom):
        return None
    device = _measuring(resource.device, look, terminology) if resource.device else None
    names = (each.reference or "" for each in resource.derivedFrom)
    derived = frozenset(addresses.get(name, name_of(name)) for name in names)
    return Circumstances(bytes(resource.bodySite), bytes(resource.method), manner_of(resource.method), device, derived)


def manner_of(method: Raw) -> str:
    """How something was measured, in words; none where nobody says it, or it can't be read."""
    return "; ".join(each.shown for each in coded(bytes(method))) if method else ""


def _measuring(raw: Raw, look: Look, terminology: Terminology) -> Coded:
    """What a device is that something was measured with; nothing where nobody says it."""
    try:
        reference = _reference.decode(raw)
    except msgspec.DecodeError:
        return Coded((), "")
    held = look(reference)
    type_ = held.type if isinstance(held, Device) else None
    return Coded(codes(type_), title(type_, terminology) or reference.display or "")


def with_circumstances(
    fact: ObservationFact, about: frozenset[str], circumstances: Circumstances | None
) -> ObservationFact:
    """A fact with what its resource says beside it."""
    if not about and circumstances is None:
        return fact
    return msgspec.structs.replace(fact, about=about, circumstances=circumstances)


def coded(raw: bytes) -> tuple[Coded, ...]:
    """What a CodeableConcept, or several, say, as they were sent; nothing where they can't be read."""
    try:
        found = _concepts.decode(raw) if raw.startswith(b"[") else (_concept.decode(raw),) if raw else ()
    except msgspec.DecodeError:
        return (Coded((), ""),)
    return tuple(Coded(codes(each), title(each)) for each in found)


def keys_of_urns(sent: Iterable[Resource]) -> dict[str, str]:
    """What a Bundle names by an address that means nothing outside of it (`urn:uuid:…`), to Type/id."""
    return {url: each.key for each in sent if (url := each.full_url) and url[:4] == "urn:"}
