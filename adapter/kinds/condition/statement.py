"""What a `condition` criterion says."""

from dataclasses import dataclass
from enum import StrEnum

from adapter.criteria.calendar import Duration
from adapter.criteria.model import Leaf


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
