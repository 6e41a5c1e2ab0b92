"""The parts of further FHIR R4 resources that criteria read: entries of lists (`read_entry`), and what is readable.

As in `resources`, nothing else is decoded.
"""

from msgspec import Raw, Struct

from adapter.record.resources import (
    ABSENT,
    AllergyIntolerance,
    Annotation,
    CodeableConcept,
    Coding,
    Condition,
    Extension,
    Medication,
    MedicationAdministration,
    MedicationDispense,
    MedicationRequest,
    MedicationStatement,
    Observation,
    Patient,
    Period,
    Procedure,
    Reference,
    Resource,
    Specimen,
)


class DeviceName(Struct, frozen=True, gc=False):
    name: str | None = None


class Device(Resource, frozen=True, gc=False):
    status: str | None = None
    type: CodeableConcept | None = None
    deviceName: tuple[DeviceName, ...] = ()
    patient: Reference | None = None


class DeviceUseStatement(Resource, frozen=True, gc=False):
    contained: Raw = ABSENT
    status: str | None = None
    subject: Reference | None = None
    device: Reference | None = None
    timingDateTime: str | None = None
    timingPeriod: Period | None = None
    recordedOn: str | None = None


class EncounterDiagnosis(Struct, frozen=True, gc=False):
    condition: Reference | None = None


class Encounter(Resource, frozen=True, gc=False, rename={"class_": "class"}):
    status: str | None = None
    class_: Coding | None = None
    type: tuple[CodeableConcept, ...] = ()
    serviceType: CodeableConcept | None = None
    subject: Reference | None = None
    period: Period | None = None
    reasonCode: tuple[CodeableConcept, ...] = ()
    reasonReference: tuple[Reference, ...] = ()
    diagnosis: tuple[EncounterDiagnosis, ...] = ()
    partOf: Reference | None = None
    contained: Raw = ABSENT


class FamilyCondition(Struct, frozen=True, gc=False):
    code: CodeableConcept | None = None


class FamilyMemberHistory(Resource, frozen=True, gc=False):
    status: str | None = None
    patient: Reference | None = None
    date: str | None = None
    relationship: CodeableConcept | None = None
    condition: tuple[FamilyCondition, ...] = ()
    note: tuple[Annotation, ...] = ()


class ResearchSubject(Resource, frozen=True, gc=False):
    status: str | None = None
    period: Period | None = None
    study: Reference | None = None
    individual: Reference | None = None


class _Ordered(Resource, frozen=True, gc=False):
    status: str | None = None
    intent: str | None = None
    subject: Reference | None = None
    occurrenceDateTime: str | None = None
    occurrencePeriod: Period | None = None
    authoredOn: str | None = None
    reasonCode: tuple[CodeableConcept, ...] = ()
    reasonReference: tuple[Reference, ...] = ()
    contained: Raw = ABSENT


class ServiceRequest(_Ordered, frozen=True, gc=False):
    doNotPerform: bool = False
    code: CodeableConcept | None = None


class DeviceRequest(_Ordered, frozen=True, gc=False):
    codeCodeableConcept: CodeableConcept | None = None
    codeReference: Reference | None = None


class SuspectEntity(Struct, frozen=True, gc=False):
    instance: Reference | None = None


class AdverseEvent(Resource, frozen=True, gc=False):
    actuality: str | None = None
    event: CodeableConcept | None = None
    subject: Reference | None = None
    date: str | None = None
    detected: str | None = None
    severity: CodeableConcept | None = None
    outcome: CodeableConcept | None = None
    extension: tuple[Extension, ...] = ()
    suspectEntity: tuple[SuspectEntity, ...] = ()
    resultingCondition: tuple[Reference, ...] = ()
    contained: Raw = ABSENT


class DiagnosticReport(Resource, frozen=True, gc=False):
    status: str | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    issued: str | None = None
    text: Raw = ABSENT
    conclusion: str | None = None
    conclusionCode: tuple[CodeableConcept, ...] = ()
    result: Raw = ABSENT


class Immunization(Resource, frozen=True, gc=False):
    identifier: Raw = ABSENT
    status: str | None = None
    vaccineCode: CodeableConcept | None = None
    patient: Reference | None = None
    occurrenceDateTime: str | None = None
    occurrenceString: str | None = None
    statusReason: CodeableConcept | None = None
    reasonCode: tuple[CodeableConcept, ...] = ()
    reasonReference: tuple[Reference, ...] = ()
    note: Raw = ABSENT


class ClaimedDiagnosis(Struct, frozen=True, gc=False):
    diagnosisCodeableConcept: CodeableConcept | None = None
    diagnosisReference: Reference | None = None


class ClaimedItem(Struct, frozen=True, gc=False):
    productOrService: CodeableConcept | None = None


class ClaimedProcedure(Struct, frozen=True, gc=False):
    procedureCodeableConcept: CodeableConcept | None = None


class Claim(Resource, frozen=True, gc=False):
    status: str | None = None
    use: str | None = None
    patient: Reference | None = None
    billablePeriod: Period | None = None
    created: str | None = None
    diagnosis: tuple[ClaimedDiagnosis, ...] = ()
    procedure: tuple[ClaimedProcedure, ...] = ()
    item: tuple[ClaimedItem, ...] = ()
    contained: Raw = ABSENT


class ExplanationOfBenefit(Claim, frozen=True, gc=False):
    """What an insurer answered: it repeats what was claimed."""


class Finding(Struct, frozen=True, gc=False):
    itemCodeableConcept: CodeableConcept | None = None
    itemReference: Reference | None = None


class ClinicalImpression(Resource, frozen=True, gc=False):
    status: str | None = None
    subject: Reference | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    date: str | None = None
    problem: tuple[Reference, ...] = ()
    finding: tuple[Finding, ...] = ()
    description: str | None = None
    summary: str | None = None
    contained: Raw = ABSENT


class PlannedDetail(Struct, frozen=True, gc=False):
    status: str | None = None
    doNotPerform: bool = False
    code: CodeableConcept | None = None
    productCodeableConcept: CodeableConcept | None = None
    reasonCode: tuple[CodeableConcept, ...] = ()
    reasonReference: tuple[Reference, ...] = ()


class PlannedActivity(Struct, frozen=True, gc=False):
    detail: PlannedDetail | None = None


class CarePlan(Resource, frozen=True, gc=False):
    status: str | None = None
    intent: str | None = None
    subject: Reference | None = None
    period: Period | None = None
    created: str | None = None
    title: str | None = None
    description: str | None = None
    addresses: tuple[Reference, ...] = ()
    activity: tuple[PlannedActivity, ...] = ()
    contained: Raw = ABSENT


class Flag(Resource, frozen=True, gc=False):
    status: str | None = None
    subject: Reference | None = None
    period: Period | None = None
    code: CodeableConcept | None = None


class ConsentData(Struct, frozen=True, gc=False):
    reference: Reference | None = None


class Provision(Struct, frozen=True, gc=False):
    type: str | None = None
    period: Period | None = None
    purpose: tuple[Coding, ...] = ()
    data: tuple[ConsentData, ...] = ()
    provision: "tuple[Provision, ...]" = ()


class ConsentVerification(Struct, frozen=True, gc=False):
    verified: bool | None = None


class Consent(Resource, frozen=True, gc=False):
    extension: tuple[Extension, ...] = ()
    status: str | None = None
    scope: CodeableConcept | None = None
    category: tuple[CodeableConcept, ...] = ()
    patient: Reference | None = None
    dateTime: str | None = None
    policyRule: CodeableConcept | None = None
    verification: tuple[ConsentVerification, ...] = ()
    provision: Provision | None = None


ListedData = (
    Device
    | DeviceUseStatement
    | Encounter
    | FamilyMemberHistory
    | ResearchSubject
    | ServiceRequest
    | DeviceRequest
    | AdverseEvent
    | DiagnosticReport
    | Immunization
    | Claim
    | ExplanationOfBenefit
    | ClinicalImpression
    | CarePlan
    | Flag
)
"""What is decoded only where some study reads its type."""

LISTED = frozenset(kind.__name__ for kind in ListedData.__args__)

PatientData = (
    Observation
    | Condition
    | MedicationAdministration
    | MedicationStatement
    | MedicationRequest
    | MedicationDispense
    | Procedure
    | Consent
    | AllergyIntolerance
)
"""What belongs to one patient and is always decoded."""

Readable = PatientData | ListedData | Patient | Medication | Specimen
