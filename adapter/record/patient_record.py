"""What is known of one patient, all together: the record, and what the Patient says of the person."""

from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum

from msgspec import Struct, field

from adapter.record.facts import (
    AllergyFact,
    ConditionFact,
    ConsentFact,
    EntryFact,
    EntryList,
    ExposureFact,
    Issue,
    Mention,
    ObservationFact,
    Unmapped,
)
from adapter.record.when import When


class MaritalStatus(StrEnum):
    """HL7 v3 MaritalStatus, in words."""

    ANNULLED = "annulled"
    DIVORCED = "divorced"
    INTERLOCUTORY = "interlocutory"
    LEGALLY_SEPARATED = "legally-separated"
    MARRIED = "married"
    POLYGAMOUS = "polygamous"
    NEVER_MARRIED = "never-married"
    DOMESTIC_PARTNER = "domestic-partner"
    UNMARRIED = "unmarried"
    WIDOWED = "widowed"


class AddressFact(Struct, frozen=True, gc=False):
    """An address at which somebody lives, as it is written; not one for post or bills, and no former one."""

    use: str | None
    country: str | None
    state: str | None
    district: str | None
    city: str | None
    postal_code: str | None
    start: When | None
    end: When | None

    @property
    def shown(self) -> str:
        """What of it places are compared with; no street."""
        return ", ".join(filter(None, (self.postal_code, self.city, self.district, self.state, self.country)))


class Spoken(Struct, frozen=True, gc=False):
    """A language: its code, None where it is only in words; and what a person reads."""

    code: str | None
    shown: str


class Person(Struct, frozen=True, gc=False):
    """What else the Patient says of the person; `addresses` is None where they can't be read."""

    addresses: tuple[AddressFact, ...] | None = ()
    languages: tuple[Spoken, ...] = ()
    marital: MaritalStatus | None = None


ANY_TYPE = "*"


ELSEWHERE = "elsewhere"


class PatientRecord(Struct, frozen=True, kw_only=True):
    """What is known of one patient.

    Facts are indexed by the value sets that their codes belong to; `all_conditions` and the like hold those that belong
    to none, too, in the order of their resources' names. `not_taken`: drugs that are said not to be taken.
    `unsure_procedures`: those about a device that are not read for their status or a modifierExtension. Attestations
    are indexed by their code (`<study>.<criterion id>`). `identifiers`: the patient's own, as (system, value).
    `person`: reads what few criteria ask for. `immunizations` are exposures to vaccines; `entries`: those of further
    lists. `mentions`: by the concept that they name. `terminology`: the hash of what it was read with. `types`: those
    read, of what only some studies read; None: all. `unread`: types that could not be; ANY_TYPE: nobody knows which;
    ELSEWHERE: what may name a disease or a drug outside its list.
    """

    subject: str
    terminology: str
    types: frozenset[str] | None = None
    unread: frozenset[str] = frozenset()
    identifiers: tuple[tuple[str, str], ...] = ()
    gender: str | None = None
    clinical_sex: str | None = None
    birth_sex: str | None = None
    birth: When | None = None
    person: Callable[[], Person] = Person
    deceased: bool = False
    death: When | None = None
    observations: Mapping[str, tuple[ObservationFact, ...]] = field(default_factory=dict)
    attestations: Mapping[str, tuple[ObservationFact, ...]] = field(default_factory=dict)
    conditions: Mapping[str, tuple[ConditionFact, ...]] = field(default_factory=dict)
    all_conditions: tuple[ConditionFact, ...] = ()
    exposures: Mapping[str, tuple[ExposureFact, ...]] = field(default_factory=dict)
    all_exposures: tuple[ExposureFact, ...] = ()
    not_taken: tuple[ExposureFact, ...] = ()
    unsure_procedures: tuple[ExposureFact, ...] = ()
    allergies: Mapping[str, tuple[AllergyFact, ...]] = field(default_factory=dict)
    all_allergies: tuple[AllergyFact, ...] = ()
    consents: tuple[ConsentFact, ...] = ()
    immunizations: tuple[ExposureFact, ...] = ()
    entries: Mapping[EntryList, tuple[EntryFact, ...]] = field(default_factory=dict)
    mentions: Mapping[str, tuple[Mention, ...]] = field(default_factory=dict)
    issues: tuple[Issue, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()
    other_types: Mapping[str, int] = field(default_factory=Counter)

    def may_lack(self, types: frozenset[str]) -> bool:
        """Whether an entry of one of the types, or what names it elsewhere, may be missing: it could not be read."""
        return not self.unread.isdisjoint({ANY_TYPE, ELSEWHERE}) or not self.unread.isdisjoint(types)
