"""The parts of FHIR R4 resources that criteria read, as structures that JSON is decoded into.

Nothing else is decoded: an element that no rule reads costs nothing and can break nothing. A decimal stays text
(`Raw`) until it is needed, so that its digits are the sender's (FHIR R4, datatypes: decimal).
"""

from typing import Annotated

from msgspec import Meta as Constraint
from msgspec import Raw, Struct

ABSENT = Raw()
"""An undecoded element that isn't there: no bytes at all."""


MOST_CODINGS = 200  # of one thing: no record has more, each is compared with every concept; what has can't be read


class Coding(Struct, frozen=True, gc=False):
    system: str | None = None
    code: str | None = None
    display: str | None = None
    extension: Raw = ABSENT


class CodeableConcept(Struct, frozen=True, gc=False):
    coding: Annotated[tuple[Coding, ...], Constraint(max_length=MOST_CODINGS)] = ()
    text: str | None = None


class Identifier(Struct, frozen=True, gc=False):
    system: str | None = None
    value: str | None = None


class Reference(Struct, frozen=True, gc=False):
    reference: str | None = None
    type: str | None = None
    identifier: Identifier | None = None
    display: str | None = None


class Meta(Struct, frozen=True, gc=False):
    versionId: str | None = None
    lastUpdated: str | None = None


class Period(Struct, frozen=True, gc=False):
    start: str | None = None
    end: str | None = None


class Quantity(Struct, frozen=True, gc=False):
    value: Raw = ABSENT
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Range(Struct, frozen=True, gc=False):
    low: Quantity | None = None
    high: Quantity | None = None


class Ratio(Struct, frozen=True, gc=False):
    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Extension(Struct, frozen=True, gc=False):
    url: str | None = None
    valueReference: Reference | None = None
    valueCanonical: str | None = None
    valueUri: str | None = None
    valueCode: str | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueIdentifier: Identifier | None = None
    extension: "tuple[Extension, ...]" = ()


class Contained(Struct, frozen=True, gc=False):
    """A contained Medication, Substance or Specimen; other types are decoded no further than these have elements."""

    resourceType: str
    id: str | None = None
    modifierExtension: Raw = ABSENT
    code: CodeableConcept | None = None
    ingredient: "tuple[Ingredient, ...]" = ()
    status: str | None = None
    condition: Raw = ABSENT
    subject: Raw = ABSENT
    type: Raw = ABSENT


class Ingredient(Struct, frozen=True, gc=False):
    itemCodeableConcept: CodeableConcept | None = None
    itemReference: Reference | None = None
    strength: Raw = ABSENT


class Resource(Struct, frozen=True, gc=False, tag_field="resourceType"):
    id: str | None = None
    meta: Meta | None = None
    modifierExtension: Raw = ABSENT


class PatientLink(Struct, frozen=True, gc=False):
    other: Reference | None = None
    type: str | None = None


class Address(Struct, frozen=True, gc=False):
    use: str | None = None
    type: str | None = None
    city: str | None = None
    district: str | None = None
    state: str | None = None
    postalCode: str | None = None
    country: str | None = None
    period: Period | None = None


class Communication(Struct, frozen=True, gc=False):
    language: CodeableConcept | None = None


class Patient(Resource, frozen=True, gc=False):
    identifier: tuple[Identifier, ...] = ()
    gender: str | None = None
    birthDate: str | None = None
    deceasedBoolean: bool | None = None
    deceasedDateTime: str | None = None
    link: tuple[PatientLink, ...] = ()
    address: Raw = ABSENT
    communication: Raw = ABSENT
    name: Raw = ABSENT
    maritalStatus: Raw = ABSENT
    extension: tuple[Extension, ...] = ()


class ReferenceRange(Struct, frozen=True, gc=False):
    low: Quantity | None = None
    high: Quantity | None = None
    type: CodeableConcept | None = None
    appliesTo: tuple[CodeableConcept, ...] = ()
    age: Range | None = None
    text: str | None = None


class Measured(Struct, frozen=True, gc=False):
    """What an Observation and its components have in common."""

    code: CodeableConcept | None = None
    valueQuantity: Quantity | None = None
    valueCodeableConcept: CodeableConcept | None = None
    valueString: str | None = None
    valueBoolean: bool | None = None
    valueInteger: Raw = ABSENT
    valueRange: Range | None = None
    valueRatio: Ratio | None = None
    valueSampledData: Raw = ABSENT
    valueTime: str | None = None
    valueDateTime: str | None = None
    valuePeriod: Period | None = None
    dataAbsentReason: CodeableConcept | None = None
    interpretation: tuple[CodeableConcept, ...] = ()
    referenceRange: tuple[ReferenceRange, ...] = ()


class Component(Measured, frozen=True, gc=False):
    pass


class Annotation(Struct, frozen=True, gc=False):
    text: str | None = None


class Narrative(Struct, frozen=True, gc=False):
    div: str = ""


class Collection(Struct, frozen=True, gc=False):
    collectedDateTime: str | None = None
    collectedPeriod: Period | None = None


class Specimen(Resource, frozen=True, gc=False):
    status: str | None = None
    condition: Raw = ABSENT
    type: CodeableConcept | None = None
    subject: Reference | None = None
    receivedTime: str | None = None
    collection: Collection | None = None


FAILED = frozenset({"QCF"})
"""Interpretations of a result whose quality control failed (v3 ObservationInterpretation, HL7 table 0078)."""


class Observation(Measured, frozen=True, gc=False, tag_field="resourceType"):
    id: str | None = None
    meta: Meta | None = None
    identifier: Raw = ABSENT
    modifierExtension: Raw = ABSENT
    status: str | None = None
    subject: Reference | None = None
    focus: tuple[Reference, ...] = ()
    effectiveDateTime: str | None = None
    effectiveInstant: str | None = None
    effectivePeriod: Period | None = None
    issued: str | None = None
    performer: tuple[Reference, ...] = ()
    note: tuple[Annotation, ...] = ()
    contained: tuple[Contained, ...] = ()
    specimen: Reference | tuple[Reference, ...] | None = None  # several where a report lends its own
    component: tuple[Component, ...] = ()
    hasMember: tuple[Reference, ...] = ()
    derivedFrom: tuple[Reference, ...] = ()
    bodySite: Raw = ABSENT
    method: Raw = ABSENT
    device: Raw = ABSENT


class Stage(Struct, frozen=True, gc=False):
    summary: CodeableConcept | None = None


class Condition(Resource, frozen=True, gc=False):
    identifier: Raw = ABSENT
    clinicalStatus: CodeableConcept | None = None
    verificationStatus: CodeableConcept | None = None
    category: tuple[CodeableConcept, ...] = ()
    severity: CodeableConcept | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    onsetDateTime: str | None = None
    onsetAge: Quantity | None = None
    onsetPeriod: Period | None = None
    onsetRange: Range | None = None
    onsetString: str | None = None
    abatementBoolean: bool | None = None  # of STU3 and before
    abatementDateTime: str | None = None
    abatementAge: Quantity | None = None
    abatementPeriod: Period | None = None
    abatementRange: Range | None = None
    abatementString: str | None = None
    recordedDate: str | None = None
    stage: tuple[Stage, ...] = ()
    extension: Raw = ABSENT
    evidence: Raw = ABSENT
    note: Raw = ABSENT


class Repeat(Struct, frozen=True, gc=False):
    boundsPeriod: Period | None = None
    boundsDuration: Quantity | None = None
    boundsRange: Range | None = None
    frequency: Raw = ABSENT
    frequencyMax: Raw = ABSENT
    period: Raw = ABSENT
    periodMax: Raw = ABSENT
    periodUnit: Raw = ABSENT
    dayOfWeek: Raw = ABSENT
    timeOfDay: Raw = ABSENT
    when: Raw = ABSENT


class Timing(Struct, frozen=True, gc=False):
    event: Raw = ABSENT
    repeat: Repeat | None = None
    code: Raw = ABSENT


class Dosage(Struct, frozen=True, gc=False):
    """One of a drug's dosages, or the one of an administration; how much and how often is decoded where it is asked."""

    text: str | None = None
    route: CodeableConcept | None = None
    timing: Timing | None = None
    sequence: Raw = ABSENT
    asNeededBoolean: Raw = ABSENT
    asNeededCodeableConcept: Raw = ABSENT
    doseAndRate: Raw = ABSENT
    dose: Raw = ABSENT
    rateRatio: Raw = ABSENT
    rateQuantity: Raw = ABSENT


class DispenseRequest(Struct, frozen=True, gc=False):
    validityPeriod: Period | None = None
    expectedSupplyDuration: Quantity | None = None
    numberOfRepeatsAllowed: Raw = ABSENT


class Drug(Resource, frozen=True, gc=False):
    """What the four medication resources have in common."""

    identifier: Raw = ABSENT
    contained: tuple[Contained, ...] = ()
    status: str | None = None
    medicationCodeableConcept: CodeableConcept | None = None
    medicationReference: Reference | None = None
    subject: Reference | None = None
    reasonCode: tuple[CodeableConcept, ...] = ()
    reasonReference: Raw = ABSENT
    note: Raw = ABSENT


class MedicationAdministration(Drug, frozen=True, gc=False):
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    dosage: Dosage | None = None


class MedicationStatement(Drug, frozen=True, gc=False):
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    dateAsserted: str | None = None
    dosage: tuple[Dosage, ...] = ()


class MedicationRequest(Drug, frozen=True, gc=False):
    intent: str | None = None
    doNotPerform: bool = False
    authoredOn: str | None = None
    dosageInstruction: tuple[Dosage, ...] = ()
    dispenseRequest: DispenseRequest | None = None


class MedicationDispense(Drug, frozen=True, gc=False):
    whenPrepared: str | None = None
    whenHandedOver: str | None = None
    daysSupply: Quantity | None = None
    authorizingPrescription: tuple[Reference, ...] = ()
    dosageInstruction: tuple[Dosage, ...] = ()


class Medication(Resource, frozen=True, gc=False):
    status: str | None = None
    code: CodeableConcept | None = None
    ingredient: tuple[Ingredient, ...] = ()


class Procedure(Resource, frozen=True, gc=False):
    identifier: Raw = ABSENT
    status: str | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    performedDateTime: str | None = None
    performedPeriod: Period | None = None
    performedAge: Quantity | None = None
    performedRange: Range | None = None
    performedString: str | None = None
    reasonCode: Raw = ABSENT
    reasonReference: Raw = ABSENT
    complication: Raw = ABSENT
    bodySite: Raw = ABSENT
    focalDevice: Raw = ABSENT
    note: Raw = ABSENT
    contained: Raw = ABSENT


class Reaction(Struct, frozen=True, gc=False):
    substance: CodeableConcept | None = None
    manifestation: tuple[CodeableConcept, ...] = ()
    severity: str | None = None
    description: str | None = None
    note: tuple[Annotation, ...] = ()


class AllergyIntolerance(Resource, frozen=True, gc=False):
    identifier: Raw = ABSENT
    clinicalStatus: CodeableConcept | None = None
    verificationStatus: CodeableConcept | None = None
    criticality: str | None = None
    code: CodeableConcept | None = None
    patient: Reference | None = None
    onsetDateTime: str | None = None
    recordedDate: str | None = None
    reaction: tuple[Reaction, ...] = ()
    note: tuple[Annotation, ...] = ()
