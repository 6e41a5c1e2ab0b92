"""Facts: what a resource says of the patient, normalised once, with where it came from."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import TypeVar

from msgspec import Struct

from adapter.criteria.value_set import Coding
from adapter.record.when import When


class Source(Struct, frozen=True, gc=False):
    """The resource that a fact was read from."""

    resource: str
    version: str | None


class Amount(Struct, frozen=True, gc=False):
    """A number with a unit, as an interval; a bound of None is open-ended.

    `unit`: the UCUM code, `text`: the unit as written for people; both None where the sender gave neither.
    """

    low: Decimal | None
    high: Decimal | None
    low_open: bool = False
    high_open: bool = False
    unit: str | None = None
    text: str | None = None


class Limits(Struct, frozen=True, gc=False):
    """One reference range of an observation, read; whether it fits is decided against the patient."""

    low: Amount | None
    high: Amount | None
    normal: bool
    applies_to: tuple[frozenset[str], ...] = ()
    age_low: Amount | None = None
    age_high: Amount | None = None


class Circumstances(Struct, frozen=True, gc=False):
    """Where, how and with what something was measured: the elements as they were sent, which few criteria ask for.

    `manner`: the method in words. `device`: what the device is, where it is in the record or named in words. `derived`:
    by Type/id, from what it was derived.
    """

    body_site: bytes = b""
    method: bytes = b""
    manner: str = ""
    device: "Coded | None" = None
    derived: frozenset[str] = frozenset()


class ObservationFact(Struct, frozen=True, gc=False):
    """One measured value: an Observation's own, or one of its components.

    At most one of `amount`, `coded`, `boolean` is set. `coded`: value sets of valueCodeableConcept; `answer`: the
    number that its answer code stands for; `string`: valueString, or the words of valueCodeableConcept.
    `interpretation`: value sets of the interpretations. `element`: the element that holds the value; `shown`: the value
    as text; `note`: what was noted beside it. `test`: what was measured, and `performer`: by
    whom, in words. `about`: the patient's diagnoses or tumours that it is about. `circumstances`: None without any.
    `status`: Observation.status, `preliminary` where the specimen or the result can't be relied on.
    `ranges`: reads its reference ranges, which few criteria ask for; None if it has none.
    """

    source: Source
    element: str
    shown: str
    status: str
    when: When | None
    amount: Amount | None = None
    coded: frozenset[str] | None = None
    answer: Decimal | None = None
    string: str | None = None
    boolean: bool | None = None
    interpretation: frozenset[str] = frozenset()
    ranges: Callable[[], tuple[Limits, ...] | None] | None = None
    performer: str = ""
    test: str = ""
    note: str = ""
    about: frozenset[str] = frozenset()
    circumstances: Circumstances | None = None

    @property
    def limits(self) -> tuple[Limits, ...] | None:
        """Its reference ranges; None if any of them can't be read, since it might be the one that fits."""
        return () if self.ranges is None else self.ranges()

    @property
    def called(self) -> str:
        """What it is called, what was noted beside it, and how it was measured."""
        manner = "" if self.circumstances is None else self.circumstances.manner
        return "; ".join(filter(None, (self.test, self.note, manner))) if self.note or manner else self.test


class Links(Struct, frozen=True, gc=False):
    """What a resource says that it is because of: resources by Type/id, and the codes of each reason in a code."""

    resources: frozenset[str]
    codes: tuple[tuple[Coding, ...], ...]


class Verification(StrEnum):
    """What Condition.verificationStatus comes to; a missing one is confirmed."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    REFUTED = "refuted"


CLOSED = frozenset({"inactive", "remission", "resolved"})
"""Codes of clinicalStatus of what is over."""

UNREADABLE = "unreadable"
"""A clinicalStatus that is given and says nothing that can be read."""


class ConditionFact(Struct, frozen=True, gc=False):
    """A Condition that was not entered in error, coded or not.

    `codes`: its codings that name system and code; `value_sets`: those that hold any of them.
    `clinical`: the code of clinicalStatus, None if not given. `abated`: something says that it ended, `abatement` when.
    `at_age`: the onset is an age. `encounter`: an encounter diagnosis, dated by its recording. `grades`: value sets of
    severity and stage. `levels`: the same by their words too, and the grade of a toxicity (`severity-mild`, `stage-3`,
    `grade-2`). `links`: reads its cause and evidence; None without any.
    """

    source: Source
    shown: str
    codes: tuple[Coding, ...]
    value_sets: frozenset[str]
    clinical: str | None
    verification: Verification
    onset: When | None
    recorded: When | None
    abated: bool
    abatement: When | None
    encounter: bool
    grades: frozenset[str]
    at_age: bool = False
    levels: frozenset[str] = frozenset()
    links: Callable[[], Links] | None = None


class Route(StrEnum):
    """What a route of administration comes to."""

    SYSTEMIC = "systemic"
    OTHER = "other"
    UNMATCHED = "unmatched"
    NONE = "none"


class Instruction(Struct, frozen=True, gc=False):
    """One dosage: how much each time, and from how many to how many times a day; None where it can't be told.

    `place`: dosages of one place are taken together, those of another place before or after them.
    """

    amount: Amount | None
    times: tuple[Fraction, Fraction] | None
    as_needed: bool
    place: int
    text: str


class Dosing(Struct, frozen=True, gc=False):
    """How a drug is taken, as far as its dosages say it."""

    instructions: tuple[Instruction, ...]

    @property
    def text(self) -> str:
        """In words."""
        return "; ".join(each.text for each in self.instructions if each.text)


class ExposureFact(Struct, frozen=True, gc=False):
    """A drug given, taken, dispensed or ordered, or a procedure done or planned, coded or not.

    `codes`: the codings of the drug and its ingredients, or of the procedure; `value_sets`: those that hold any.
    `start` and `end` bound the time; an `end` of None with `open_end` runs on. `asserted`: when the entry of a list
    was last known to be true; such an entry runs on only for the policy's time. Of one that has ended nobody says when,
    by when that was known. `ordered`: intent only. `open`: nobody
    says whether it goes on (on hold, unknown). `denied`: said not to be taken. `preventive`: by the
    reason or the words of the dosage. `on_demand`: said to be taken only when needed, so that nobody knows whether it
    was. `dosing`: reads its dosages, which few criteria ask for; None without any.
    `links`: the same of its reasons. `sites`: the parts of the body, as they were sent. `ways`: the codes of each
    dosage's route, None of one that says none. `devices`: reads which devices it was about, by Type/id, and what was
    done to each (FHIR's device-action; empty if unsaid).
    """

    source: Source
    element: str
    shown: str
    codes: tuple[Coding, ...]
    value_sets: frozenset[str]
    start: When | None
    end: When | None
    open_end: bool
    ordered: bool
    route: Route
    asserted: When | None = None
    open: bool = False
    denied: bool = False
    preventive: bool = False
    on_demand: bool = False
    dosing: Callable[[], Dosing] | None = None
    links: Callable[[], Links] | None = None
    sites: bytes = b""
    ways: tuple[tuple[Coding, ...] | None, ...] = ()
    devices: Callable[[], Mapping[str, str]] | None = None


class Severity(StrEnum):
    """What the reactions of an allergy come to."""

    SEVERE = "severe"
    NOT_SEVERE = "not-severe"
    OPEN = "open"


class AllergyFact(Struct, frozen=True, gc=False):
    """An AllergyIntolerance that was not entered in error, coded or not.

    `codes`: the codings of what the patient is allergic to; `value_sets`: those that hold any.
    """

    source: Source
    shown: str
    codes: tuple[Coding, ...]
    value_sets: frozenset[str]
    clinical: str | None
    verification: Verification
    onset: When | None
    recorded: When | None
    severity: Severity


class EntryList(StrEnum):
    """The lists of a record whose entries are read alike; the names stand in policies and in data needs."""

    DEVICES = "devices"
    ENCOUNTERS = "encounters"
    FAMILY_HISTORY = "family-history"
    PARTICIPATIONS = "participations"
    PLANS = "plans"
    ADVERSE_EVENTS = "adverse-events"
    REPORTS = "reports"
    SPECIMENS = "specimens"


class EntryStatus(StrEnum):
    """What the status of an entry of a list comes to.

    `OPEN`: nobody says whether it holds. `OVER`: it was, and is no longer. `PLANNED`: nobody says that it happened.
    """

    COUNTS = "counts"
    OPEN = "open"
    PRELIMINARY = "preliminary"
    OVER = "over"
    PLANNED = "planned"


class Coded(Struct, frozen=True, gc=False):
    """What one CodeableConcept says: its codings that name system and code, and what a person reads."""

    codes: tuple[Coding, ...]
    shown: str


class EntryFact(Struct, frozen=True, gc=False):
    """An entry of a list that was not entered in error, coded or not.

    `what`: what it is of. `beside`: what else it says, by name: a relation, a reason, a severity. `start` and `end`
    bound its time; with `open_end` it runs on. `asserted`: when it was last known to be true, or was written down.
    """

    source: Source
    element: str
    stands: EntryStatus
    what: tuple[Coded, ...] = ()
    beside: Mapping[str, tuple[Coded, ...]] = {}
    start: When | None = None
    end: When | None = None
    open_end: bool = False
    asserted: When | None = None

    @property
    def ordered(self) -> bool:
        """None of a list is an intention for a time."""
        return False

    @property
    def shown(self) -> str:
        """What a person reads: what it is of, with what stands beside that."""
        said = (*self.what, *(one for many in self.beside.values() for one in many))
        return ", ".join(dict.fromkeys(each.shown for each in said if each.shown.strip()))


class Mention(Struct, frozen=True, gc=False):
    """A code that names a disease, drug or procedure outside its own list: a reason, an adverse event, an order.

    `concepts`: what the catalogue calls it, or may. `ordered`: a procedure or drug that was ordered, and maybe done.
    `reaction`: of what is suspected of an adverse event, the value sets of the event. `start` and `end` bound its time;
    with `open_end` it goes on, `asserted`: as an exposure's.
    """

    source: Source
    element: str
    shown: str
    concepts: frozenset[str]
    codes: tuple[Coding, ...]
    ordered: bool = False
    reaction: frozenset[str] = frozenset()
    start: When | None = None
    end: When | None = None
    open_end: bool = False
    asserted: When | None = None


class ConsentFact(Struct, frozen=True, gc=False):
    """What a provision of a research consent says.

    `studies`: every reference, canonical or identifier by which it names studies; `specific`: the provision itself does
    so, and goes before the general ones of the same Consent. `readable`: every date on it could be read, it speaks of
    research, and nobody says that it is not verified. `when`: signed; `start`, `end`: of the provision.
    """

    source: Source
    status: str
    denied: bool
    studies: frozenset[str]
    specific: bool
    readable: bool
    when: When | None
    start: When | None
    end: When | None


class Issue(Struct, frozen=True, gc=False, order=True):
    """A resource, or a part of one, that could not be read: where (FHIRPath-like) and why. No patient values in it."""

    resource: str
    path: str
    message: str


class Unmapped(Struct, frozen=True, gc=False):
    """An entry whose codes no map knows, or that has none."""

    resource: str
    system: str | None
    code: str | None
    text: str | None

    @property
    def type(self) -> str:
        """The resource type."""
        return self.resource.partition("/")[0]


S = TypeVar("S", ConditionFact, ExposureFact, AllergyFact, EntryFact)


def by_resource(facts: list[S]) -> tuple[S, ...]:
    """Facts by the names of their resources."""
    return tuple(sorted(facts, key=lambda fact: fact.source.resource) if len(facts) > 1 else facts)
