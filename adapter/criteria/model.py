"""The kinds of criteria. One frozen dataclass a kind; a definition is a tree of them.

Every field is data: concepts are ids of the terminology's catalogue, never codes. What each kind means for a patient
is in `adapter.kinds`, one room a kind; the words are fixed in CONFORMANCE.md.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from adapter.criteria.quantity import AgeBound, Duration, LimitThreshold, QuantityThreshold


class SexForClinicalUse(StrEnum):
    """FHIR administrative gender, as far as a criterion can ask for it."""

    FEMALE = "female"
    MALE = "male"


class Occurrence(StrEnum):
    """Whether a condition must be active, or may have been at any time."""

    ACTIVE = "active"
    EVER = "ever"


class Qualifier(StrEnum):
    """What a source adds to a condition that ordinary data don't carry: on record, it is a question for a person."""

    SEVERE = "severe"
    UNCONTROLLED = "uncontrolled"
    ADVANCED = "advanced"
    CLINICALLY_SIGNIFICANT = "clinically-significant"
    RESEARCHER_DETERMINED = "researcher-determined"


class Course(StrEnum):
    """A disease's course that a trial asks for (CONFORMANCE: Course of a disease)."""

    RELAPSED = "relapsed"
    REFRACTORY = "refractory"


class Selection(StrEnum):
    """Which of several measurements inside the window are compared."""

    LATEST = "latest"
    ANY = "any"
    ALL = "all"
    HIGHEST = "highest"
    LOWEST = "lowest"


class Finding(StrEnum):
    """A qualitative result."""

    POSITIVE = "positive"
    NEGATIVE = "negative"


class Why(StrEnum):
    """Why a judgement is left to a person; also its reason code."""

    NEEDS_JUDGEMENT = "needs-judgement"
    NOT_QUANTIFIED = "not-quantified"
    NOT_PUBLISHED = "not-published"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A statement that reads data or asks a person. `kind`: its class's `adapter.evaluator.kind.Kind`."""

    kind: ClassVar[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Age(Leaf):
    """Completed age within bounds."""

    lower: AgeBound | None = None
    upper: AgeBound | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sex(Leaf):
    """Sex parameter for clinical use where recorded, else Patient.gender."""

    sex: SexForClinicalUse


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlingTest:
    """A laboratory test that settles a condition.

    `confirms` false: a positive result alone is a question (`needs-review`), as an HCV antibody is.
    `lifelong`: a positive result counts at any age, as for HIV.
    """

    analyte: str
    confirms: bool = True
    lifelong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition(Leaf):
    """A diagnosis on record.

    `concepts` are alternatives. `other_than` takes conditions out (a study's own disease). `shown` names analytes
    whose latest value is shown beside the answer and decides nothing. `sex_bound`: not applicable to men.
    """

    concepts: tuple[str, ...]
    occurrence: Occurrence = Occurrence.ACTIVE
    look_back: Duration | None = None
    tests: tuple[SettlingTest, ...] = ()
    qualifier: Qualifier | None = None
    other_than: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    sex_bound: bool = False


PREGNANCY = Condition(
    concepts=("pregnancy",),
    occurrence=Occurrence.ACTIVE,
    tests=(SettlingTest(analyte="pregnancy-status"), SettlingTest(analyte="pregnancy-test")),
)
"""What counts as positive evidence of pregnancy wherever a criterion is bound to sex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiseaseCourse(Leaf):
    """A disease has relapsed, or is refractory (any of `courses`).

    `blasts` are analytes whose value above `blast_threshold` proves a relapse beside a recorded remission.
    `after`: what the source asks to have gone before and no data carry (lines of therapy); with it the answer is
    never met without an attestation.
    """

    concepts: tuple[str, ...]
    courses: tuple[Course, ...]
    blasts: tuple[str, ...] = ()
    blast_threshold: QuantityThreshold | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement(Leaf):
    """An analyte compared with a quantity, a multiple of a limit of normal, a finding, or a boolean."""

    analyte: str
    test: QuantityThreshold | LimitThreshold | Finding | bool
    selection: Selection = Selection.LATEST
    window: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure(Leaf):
    """A drug or procedure within a window before as-of, or ever; `systemic` asks for a systemic route."""

    concepts: tuple[str, ...]
    look_back: Duration | None = None
    systemic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Allergy(Leaf):
    """An allergy or intolerance to any of the substances; `severe` asks for a severe reaction."""

    concepts: tuple[str, ...]
    severe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResearchConsent(Leaf):
    """An active research consent to this study."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement(Leaf):
    """What only a person can say. An active condition among `gate` makes it a question to look at (`needs-review`)."""

    why: Why = Why.NEEDS_JUDGEMENT
    gate: tuple[str, ...] = ()
    sex_bound: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf:
    """∧ of the parts."""

    parts: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """∨ of the parts."""

    parts: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyKnown:
    """∨ of those parts that are known: one finding alone suffices to clear."""

    parts: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLeast:
    """At least `count` of the parts."""

    count: int
    parts: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """¬ of the part."""

    part: "Criterion"


@dataclass(frozen=True, slots=True, kw_only=True)
class IfThen:
    """condition → consequence."""

    condition: "Criterion"
    consequence: "Criterion"


Combinator = AllOf | AnyOf | AnyKnown | AtLeast | Not | IfThen


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """A statement with a label in our own words, and an id unless it only joins others.

    A criterion without an id lends its parts to the one above it in every output.
    """

    statement: Leaf | Combinator
    id: str | None = None
    label: str = ""


def parts_of(statement: Leaf | Combinator) -> tuple[Criterion, ...]:
    """The criteria directly below a statement, in order; none below a leaf."""
    match statement:
        case AllOf() | AnyOf() | AnyKnown() | AtLeast():
            return statement.parts
        case Not():
            return (statement.part,)
        case IfThen():
            return (statement.condition, statement.consequence)
        case _:
            return ()
