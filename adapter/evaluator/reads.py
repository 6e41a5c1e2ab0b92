"""What a leaf reads, said once: which data, of which value set, how far back, and what for.

From this come the data needs of an open criterion (`needs`), what a definition's plan requires, which resource types
are fetched, what a change touches, the columns of a screening sheet, what a CQL library retrieves, and whether the
answer is the same for every patient of whom nothing of it is on record.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from adapter.criteria.calendar import Length
from adapter.criteria.catalogue import Analyte, Catalogue
from adapter.criteria.policy import Policy


class Place(NamedTuple):
    """A resource type, and the elements that hold its code and its time, as paths; empty if none is asked for."""

    type: str
    code: str = ""
    time: str = ""


@dataclass(frozen=True, slots=True)
class Data:
    """Resources that hold one kind of data; the first place is the one to record it in.

    `whole`: a list of the patient's entries, which is read as a whole: value sets only classify its entries, since one
    that no set holds may matter (CONFORMANCE: Negatives). `coded`: entries are read by value sets at all. `types`: the
    resource types of the places.
    """

    places: tuple[Place, ...]
    whole: bool = False
    coded: bool = True
    types: frozenset[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Found once: they are asked for each patient."""
        object.__setattr__(self, "types", frozenset(place.type for place in self.places))


PERSON = Data((Place("Patient"),), coded=False)
OBSERVATION = Data((Place("Observation", "code", "effective"),))
ATTESTATION = Data((Place("Observation", "code", "effective"),), coded=False)
"""A person's word on the criterion's statement."""
CONDITION = Data((Place("Condition", "code", "onset"),), whole=True)
ALLERGY = Data((Place("AllergyIntolerance", "code"),), whole=True)
ANY_ALLERGY = Data((Place("AllergyIntolerance", "code"),), whole=True, coded=False)
"""An allergy to anything: every entry matters, whatever its code."""
CONSENT = Data((Place("Consent", "category"),), coded=False)
EXPOSURE = Data(
    (
        Place("MedicationAdministration", "medication", "effective"),
        Place("MedicationStatement", "medication", "effective"),
        Place("MedicationDispense", "medication", "whenHandedOver"),
        Place("MedicationRequest", "medication", "authoredOn"),
        Place("Procedure", "code", "performed"),
    ),
    whole=True,
)

VACCINE = Data((Place("Immunization", "vaccineCode", "occurrence"), *EXPOSURE.places), whole=True)
"""Vaccines are recorded as such, and as any other drug."""

DEVICE = Data((Place("Device", "type"), Place("DeviceUseStatement", "device", "timing")), whole=True, coded=False)
ENCOUNTER = Data((Place("Encounter", "class", "period"),), whole=True, coded=False)
FAMILY = Data((Place("FamilyMemberHistory", "condition.code"),), whole=True, coded=False)
PARTICIPATION = Data((Place("ResearchSubject", "", "period"),), whole=True, coded=False)
PLAN = Data((Place("ServiceRequest", "code", "occurrence"),), whole=True, coded=False)
ADVERSE_EVENT = Data((Place("AdverseEvent", "event", "date"),), whole=True, coded=False)
REPORT = Data((Place("DiagnosticReport", "code", "effective"),), whole=True, coded=False)
SPECIMEN = Data((Place("Specimen", "type", "collection.collected"),), whole=True, coded=False)

_OF_ENTRIES = (DEVICE, ENCOUNTER, FAMILY, PARTICIPATION, PLAN, ADVERSE_EVENT, REPORT, SPECIMEN)
"""The lists of entries (`record.read_entry`): read where a statement asks, and then evaluated for every patient."""

MENTION = Data(
    (
        Place("Encounter", "reasonCode", "period"),
        Place("Procedure", "reasonCode", "performed"),
        Place("MedicationRequest", "reasonCode", "authoredOn"),
        Place("MedicationStatement", "reasonCode", "effective"),
        Place("MedicationAdministration", "reasonCode", "effective"),
        Place("AdverseEvent", "event", "date"),
        Place("DiagnosticReport", "conclusionCode", "effective"),
        Place("ServiceRequest", "code", "occurrence"),
        Place("Observation", "value", "effective"),
        Place("Immunization", "vaccineCode", "occurrence"),
        Place("Device", "type"),
        Place("DeviceUseStatement", "device", "timing"),
        Place("ExplanationOfBenefit", "diagnosis", "billablePeriod"),
        Place("Claim", "diagnosis", "billablePeriod"),
        Place("ClinicalImpression", "finding", "effective"),
        Place("CarePlan", "activity.detail.code", "period"),
        Place("Flag", "code", "period"),
        Place("DeviceRequest", "code", "occurrence"),
    )
)
"""What names a concept outside its own list (`record.read_mentions`)."""

PLACES = {
    place.type: place
    for data in (OBSERVATION, CONDITION, ALLERGY, CONSENT, VACCINE, *_OF_ENTRIES)
    for place in data.places
}
"""Where a resource type holds its code and its time."""

OF_MEDICATION = frozenset(place.type for place in EXPOSURE.places if place.code == "medication")
"""The types whose code may stand in a Medication of its own."""

ONLY_NAMING = frozenset({"ExplanationOfBenefit", "Claim", "ClinicalImpression", "CarePlan", "Flag", "DeviceRequest"})
"""The types of which nothing is read but what they name."""

FURTHER_TYPES = VACCINE.types.union(ONLY_NAMING, *(each.types for each in _OF_ENTRIES)) - EXPOSURE.types
"""The types that are read only where some study does."""

LIST_TYPES = (CONDITION.types | EXPOSURE.types | ALLERGY.types | FURTHER_TYPES) - ONLY_NAMING
"""The resource types of the lists."""

SUBJECT_TYPES = frozenset().union(LIST_TYPES, ONLY_NAMING, *(each.types for each in (OBSERVATION, CONSENT)))
"""Every resource type that some criterion reads, but the Patient."""


class Role(Enum):
    """What a leaf reads something for."""

    TEST = auto()
    """A result that settles it: the first thing to ask for."""
    ASKED = auto()
    """What it asks about."""
    BESIDE = auto()
    """What decides beside it: blasts, a scale for children, a person's word where a qualifier needs one."""
    COARSE = auto()
    """Entries too coarse to tell, which make it a question."""
    SHOWN = auto()
    """What is shown beside the answer and decides nothing."""
    ALIKE = auto()
    """What looks alike and must not be compared."""
    ABSENT = auto()
    """An explicit "no known …"."""
    EXEMPT = auto()
    """What makes it not applicable."""
    NAMED = auto()
    """What names it outside its own list, and keeps a negative open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One thing that a leaf reads.

    `name`: what a data need calls it: a concept, or an element of the Patient. `value_set`: what holds its codes, None
    where none does. `window`: how far back the criterion asks; else `freshness`, the policy's class, if any. `beside`:
    further elements of the resource (`referenceRange`). `by_policy`: the value sets are those that the policy names
    (what rules a pregnancy out).
    """

    data: Data
    name: str
    role: Role = Role.ASKED
    value_set: str | None = None
    window: Length | None = None
    freshness: str | None = None
    beside: tuple[str, ...] = ()
    by_policy: bool = False


def coded(data: Data, concept: str, role: Role = Role.ASKED, window: Length | None = None, *beside: str) -> Read:
    """Entries of a concept."""
    return Read(data=data, name=concept, role=role, value_set=concept, window=window, beside=beside)


def observed(analyte: Analyte, role: Role = Role.ASKED, window: Length | None = None, *beside: str) -> Iterator[Read]:
    """An analyte, what counts in its place while a patient is young, what looks alike, and what it is judged beside."""
    other = role if role is Role.SHOWN else Role.BESIDE
    for name, what_for in (
        (analyte.id, role),
        *([(analyte.alternative, other)] if analyte.alternative else ()),
        *((name, Role.ALIKE) for name in analyte.not_comparable),
        *((name, other) for name in (*analyte.tumour_cells, *(each.analyte for each in analyte.raised_by))),
        *((name, other) for name in (analyte.above, analyte.below) if name is not None),
    ):
        yield Read(
            data=OBSERVATION,
            name=name,
            role=what_for,
            value_set=name,
            window=window,
            freshness=analyte.freshness,
            beside=beside,
        )


def diagnosed(concepts: Iterable[str], catalogue: Catalogue, window: Length | None = None, *beside: str) -> list[Read]:
    """Conditions of the concepts, entries too coarse to tell, and statements of absence."""
    found: list[Read] = []
    for concept in concepts:
        held = catalogue.conditions[concept]
        found.append(coded(CONDITION, concept, Role.ASKED, window, *beside))
        found += [coded(CONDITION, each, Role.COARSE, window) for each in held.may_be]
        found += [coded(CONDITION, each, Role.ABSENT) for each in held.absent]
        found.append(coded(MENTION, concept, Role.NAMED))
    return found


def only_coded(found: Iterable[Read]) -> frozenset[str] | None:
    """The value sets, None if what has none is read too: the Patient or Consents.

    Where a record holds nothing of them, the answer is the same for every patient.
    """
    held = [read for read in found if read.data is not ATTESTATION]
    if not all(read.data.coded for read in held):
        return None
    return frozenset(read.value_set for read in held if read.value_set)


def touched(found: Iterable[Read], policy: Policy) -> frozenset[str]:
    """Every value set that a change can touch it by."""
    names: set[str] = set()
    for read in found:
        names.update([read.value_set] if read.value_set and read.data.coded else ())
        names.update(policy.pregnancy_ruled_out_by if read.by_policy else ())
    return frozenset(names)


def lists(found: Iterable[Read]) -> frozenset[str]:
    """The types of resources that it reads as whole lists: any entry may touch it, whatever its code."""
    return frozenset().union(*(read.data.types for read in found if read.data.whole))


def resource_types(found: Iterable[Read]) -> frozenset[str]:
    """The types of resources beside the Patient: to be fetched whole, never by code."""
    return frozenset().union(*(read.data.types for read in found if read.data not in (PERSON, ATTESTATION)))
