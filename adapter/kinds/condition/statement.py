"""What a `condition` criterion says."""

from dataclasses import dataclass
from enum import StrEnum

from adapter.criteria.calendar import Duration, Length
from adapter.kinds.timing import Timed


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


class Severity(StrEnum):
    """How severe an entry says it is."""

    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"
    LIFE_THREATENING = "life-threatening"
    FATAL = "fatal"


_WORSE = (Severity.LIFE_THREATENING, Severity.FATAL)


class Stage(StrEnum):
    """How far an entry says that a cancer is advanced; parts of a stage (IIIA) are the stage."""

    ZERO = "0"
    ONE = "I"
    TWO = "II"
    THREE = "III"
    FOUR = "IV"


class Grade(StrEnum):
    """The grade that an entry has (CTCAE and others that count from 1 to 5)."""

    ONE = "1"
    TWO = "2"
    THREE = "3"
    FOUR = "4"
    FIVE = "5"


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
class Condition(Timed):
    """A diagnosis on record.

    `concepts` are alternatives. `overlaps`: any day of it lies in the window, where `look_back` asks for its beginning.
    `severity`, `stage`, `grade`: alternatives of what the entry itself says. `other_than` takes conditions out (a
    study's own disease). `shown` names analytes whose latest value is shown beside the answer and decides nothing.
    `sex_bound`: not applicable to men.
    """

    concepts: tuple[str, ...]
    occurrence: Occurrence = Occurrence.ACTIVE
    look_back: Length | None = None
    overlaps: Duration | None = None
    severity: tuple[Severity, ...] = ()
    stage: tuple[Stage, ...] = ()
    grade: tuple[Grade, ...] = ()
    tests: tuple[SettlingTest, ...] = ()
    qualifier: Qualifier | None = None
    other_than: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    sex_bound: bool = False

    @property
    def window(self) -> Length | None:
        """How far back it is asked."""
        return self.look_back or self.overlaps

    @property
    def when(self) -> Occurrence:
        """Whether it must be active: of what overlaps a window, inside it."""
        return Occurrence.ACTIVE if self.overlaps is not None else self.occurrence

    @property
    def levels(self) -> tuple[frozenset[str], ...]:
        """What an entry must say of severity, stage and grade: of each that is asked, the levels that will do."""
        worse = _WORSE if Severity.SEVERE in self.severity else ()  # who is worse than severe is no less severe
        asked = (
            {f"severity-{each.value}" for each in (*self.severity, *worse)},
            {f"stage-{list(Stage).index(each)}" for each in self.stage},
            {f"grade-{each.value}" for each in self.grade},
        )
        return tuple(frozenset(levels) for levels in asked if levels)

    @property
    def asks_of_entry(self) -> bool:
        """Whether it asks something of one entry that only the entry itself can say."""
        return self.asks_time or bool(self.severity or self.stage or self.grade)


PREGNANCY = Condition(
    concepts=("pregnancy",),
    occurrence=Occurrence.ACTIVE,
    tests=(SettlingTest(analyte="pregnancy-status"), SettlingTest(analyte="pregnancy-test")),
)
"""What counts as positive evidence of pregnancy wherever a criterion is bound to sex."""
