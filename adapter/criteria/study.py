"""What a study is, apart from its criteria: the fields that become ResearchStudy and the treatment PlanDefinition."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from adapter.criteria.calendar import Duration

CLINICAL_TRIALS = "https://clinicaltrials.gov"
"""The system of NCT numbers, and the address of their pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """A business identifier: `system` is a URI (ClinicalTrials.gov: https://clinicaltrials.gov)."""

    system: str
    value: str


def registered_first(identifiers: Iterable[Identifier]) -> tuple[Identifier, ...]:
    """NCT numbers before all others, which stay in their order: many clients take the first for the trial's number."""
    return tuple(sorted(identifiers, key=lambda each: each.system != CLINICAL_TRIALS))


class RecruitmentStatus(StrEnum):
    """ClinicalTrials.gov's overall status, in its own codes; `unknown` where the registry says no more."""

    NOT_YET_RECRUITING = "not-yet-recruiting"
    RECRUITING = "recruiting"
    ENROLLING_BY_INVITATION = "enrolling-by-invitation"
    ACTIVE_NOT_RECRUITING = "active-not-recruiting"
    COMPLETED = "completed"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"
    WITHDRAWN = "withdrawn"
    AVAILABLE = "available"
    NO_LONGER_AVAILABLE = "no-longer-available"
    TEMPORARILY_NOT_AVAILABLE = "temporarily-not-available"
    APPROVED_FOR_MARKETING = "approved-for-marketing"
    WITHHELD = "withheld"
    UNKNOWN = "unknown"


CLOSED = frozenset(
    {
        RecruitmentStatus.COMPLETED,
        RecruitmentStatus.SUSPENDED,
        RecruitmentStatus.TERMINATED,
        RecruitmentStatus.WITHDRAWN,
        RecruitmentStatus.ACTIVE_NOT_RECRUITING,
    }
)
"""With these a study, or a site, takes nobody now, and that is known."""


class Phase(StrEnum):
    """The codes of FHIR R4's research-study-phase."""

    NOT_APPLICABLE = "n-a"
    EARLY_PHASE_1 = "early-phase-1"
    PHASE_1 = "phase-1"
    PHASE_1_2 = "phase-1-phase-2"
    PHASE_2 = "phase-2"
    PHASE_2_3 = "phase-2-phase-3"
    PHASE_3 = "phase-3"
    PHASE_4 = "phase-4"


class ObjectiveType(StrEnum):
    """The codes of FHIR R4's research-study-objective-type."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    EXPLORATORY = "exploratory"


class OutcomeType(StrEnum):
    """The codes of FHIR R4's research-study-objective-type, and ClinicalTrials.gov's "other pre-specified"."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    EXPLORATORY = "exploratory"
    OTHER = "other"


class InterventionType(StrEnum):
    """ClinicalTrials.gov's intervention types."""

    BEHAVIORAL = "behavioral"
    BIOLOGICAL = "biological"
    COMBINATION_PRODUCT = "combination-product"
    DEVICE = "device"
    DIAGNOSTIC_TEST = "diagnostic-test"
    DIETARY_SUPPLEMENT = "dietary-supplement"
    DRUG = "drug"
    GENETIC = "genetic"
    PROCEDURE = "procedure"
    RADIATION = "radiation"
    OTHER = "other"


class ArmType(StrEnum):
    """ClinicalTrials.gov's arm types; groups of an observational study have none."""

    EXPERIMENTAL = "experimental"
    ACTIVE_COMPARATOR = "active-comparator"
    PLACEBO_COMPARATOR = "placebo-comparator"
    SHAM_COMPARATOR = "sham-comparator"
    NO_INTERVENTION = "no-intervention"
    OTHER = "other"


class StudyType(StrEnum):
    """ClinicalTrials.gov's study types."""

    INTERVENTIONAL = "interventional"
    OBSERVATIONAL = "observational"
    EXPANDED_ACCESS = "expanded-access"


class Allocation(StrEnum):
    """How participants come to an arm."""

    RANDOMIZED = "randomized"
    NON_RANDOMIZED = "non-randomized"
    NOT_APPLICABLE = "n-a"


class InterventionModel(StrEnum):
    """How arms stand to each other."""

    SINGLE_GROUP = "single-group"
    PARALLEL = "parallel"
    CROSSOVER = "crossover"
    FACTORIAL = "factorial"
    SEQUENTIAL = "sequential"


class Masking(StrEnum):
    """How many parties don't know the arm."""

    NONE = "none"
    SINGLE = "single"
    DOUBLE = "double"
    TRIPLE = "triple"
    QUADRUPLE = "quadruple"


class Masked(StrEnum):
    """Who doesn't know the arm."""

    PARTICIPANT = "participant"
    CARE_PROVIDER = "care-provider"
    INVESTIGATOR = "investigator"
    OUTCOMES_ASSESSOR = "outcomes-assessor"


class ObservationalModel(StrEnum):
    """How the people of an observational study are chosen and followed."""

    COHORT = "cohort"
    CASE_CONTROL = "case-control"
    CASE_ONLY = "case-only"
    CASE_CROSSOVER = "case-crossover"
    ECOLOGIC_OR_COMMUNITY = "ecologic-or-community"
    FAMILY_BASED = "family-based"
    DEFINED_POPULATION = "defined-population"
    NATURAL_HISTORY = "natural-history"
    OTHER = "other"


class TimePerspective(StrEnum):
    """Where an observational study looks from its beginning."""

    PROSPECTIVE = "prospective"
    RETROSPECTIVE = "retrospective"
    CROSS_SECTIONAL = "cross-sectional"
    OTHER = "other"


class SamplingMethod(StrEnum):
    """How the people of an observational study are drawn."""

    PROBABILITY_SAMPLE = "probability-sample"
    NON_PROBABILITY_SAMPLE = "non-probability-sample"


class EligibleSex(StrEnum):
    """Whom a registry's entry admits."""

    ALL = "all"
    FEMALE = "female"
    MALE = "male"


class TreatmentPhase(StrEnum):
    """The steps of a CAR-T protocol; other protocols name theirs as they like.

    Days count from the infusion where there is one, else from the first day of treatment.
    """

    APHERESIS = "apheresis"
    LYMPHODEPLETION = "lymphodepletion"
    INFUSION = "infusion"
    FOLLOW_UP = "follow-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How a study is built, in ClinicalTrials.gov's words."""

    allocation: Allocation | None = None
    model: InterventionModel | None = None
    masking: Masking | None = None
    masked: tuple[Masked, ...] = ()
    observational_model: ObservationalModel | None = None
    time_perspective: TimePerspective | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryEligibility:
    """Who may take part in few words, as a registry's entry has it. It decides nothing: the criteria do."""

    min_age: Duration | None = None
    max_age: Duration | None = None
    sex: EligibleSex | None = None
    healthy_volunteers: bool | None = None
    sampling_method: SamplingMethod | None = None
    population: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place where the study runs. `latitude`, `longitude`: in degrees (WGS 84), both or neither."""

    name: str
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    latitude: Decimal | None = None
    longitude: Decimal | None = None
    status: RecruitmentStatus | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom to ask."""

    name: str
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A group of participants and what it receives (ids of interventions)."""

    name: str
    type: ArmType | None = None
    interventions: tuple[str, ...] = ()
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """What is given or done; `concept` is a drug or procedure concept of the catalogue, where there is one."""

    id: str
    name: str
    type: InterventionType
    concept: str | None = None
    route: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What the study wants to find out."""

    type: ObjectiveType
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeMeasure:
    """What is measured, and over which time; `time_frame` is the source's period, None where it gives none."""

    type: OutcomeType
    title: str
    time_frame: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentStep:
    """One step of the treatment schedule.

    `phase`: what the protocol calls it, one of `TreatmentPhase` where it fits. `start_day` and `end_day` count from day
    0, None where the source gives none; `duration` is the shortest length that the source states.
    """

    phase: str
    title: str
    interventions: tuple[str, ...] = ()
    start_day: int | None = None
    end_day: int | None = None
    duration: Duration | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sponsor:
    """An organisation or person responsible for the study; `role` as the registry says."""

    name: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """The study's metadata, as its sources give them; what a source doesn't say is None or empty."""

    title: str
    status: RecruitmentStatus
    official_title: str | None = None
    acronym: str | None = None
    type: StudyType | None = None
    why_stopped: str | None = None
    phase: Phase | None = None
    design: Design | None = None
    eligibility: RegistryEligibility | None = None
    purpose: str | None = None
    summary: str | None = None
    enrollment: int | None = None
    start: str | None = None
    end: str | None = None
    sponsors: tuple[Sponsor, ...] = ()
    conditions: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    sites: tuple[Location, ...] = ()
    contacts: tuple[Contact, ...] = ()
    arms: tuple[Arm, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    objectives: tuple[Objective, ...] = ()
    outcome_measures: tuple[OutcomeMeasure, ...] = ()
    treatment: tuple[TreatmentStep, ...] = ()
