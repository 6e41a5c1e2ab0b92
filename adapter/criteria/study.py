"""What a study is, apart from its criteria: the fields that become ResearchStudy and the treatment PlanDefinition."""

from dataclasses import dataclass
from enum import StrEnum

from adapter.criteria.calendar import Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """A business identifier: `system` is a URI (ClinicalTrials.gov: https://clinicaltrials.gov)."""

    system: str
    value: str


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
    UNKNOWN = "unknown"


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


class InterventionType(StrEnum):
    """ClinicalTrials.gov's intervention types, as far as these trials use them."""

    BIOLOGICAL = "biological"
    DRUG = "drug"
    PROCEDURE = "procedure"


class ArmType(StrEnum):
    """ClinicalTrials.gov's arm types, as far as these trials use them."""

    EXPERIMENTAL = "experimental"
    OTHER = "other"


class TreatmentPhase(StrEnum):
    """The steps of a CAR-T protocol."""

    APHERESIS = "apheresis"
    LYMPHODEPLETION = "lymphodepletion"
    INFUSION = "infusion"
    FOLLOW_UP = "follow-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A group of participants and what it receives (ids of interventions)."""

    name: str
    type: ArmType
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

    type: ObjectiveType
    title: str
    time_frame: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentStep:
    """One step of the treatment schedule.

    `start_day` and `end_day` count from the infusion (day 0), None where the source gives none; `duration` is the
    shortest length that the source states.
    """

    phase: TreatmentPhase
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
    phase: Phase | None = None
    purpose: str | None = None
    summary: str | None = None
    enrollment: int | None = None
    start: str | None = None
    end: str | None = None
    sponsors: tuple[Sponsor, ...] = ()
    conditions: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    arms: tuple[Arm, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    objectives: tuple[Objective, ...] = ()
    outcome_measures: tuple[OutcomeMeasure, ...] = ()
    treatment: tuple[TreatmentStep, ...] = ()
