"""A site's policy: what it assumes, how long data stand, and which limits hold where a result brings none."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from adapter.criteria.calendar import Duration
from adapter.criteria.quantity import Number
from adapter.criteria.value_set import Coding


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalLimits:
    """Reference limits of an analyte, in its canonical unit."""

    lower: Number | None = None
    upper: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A site's policy; every assumption that a verdict may rest on is named here.

    `freshness`: class of data -> how long a value stands. `assumed_absent`: concepts whose absence from the record is
    read as absence; `complete_lists`: lists of entries (devices, family-history) on which nothing is missing, so that
    what they don't hold is absent. `waive_unmapped`: a negative holds although entries of the list have not been
    classified, of every concept, or of those in `waived`.
    `antigen_cutoff`: percent of tumour cells from which an antigen without a threshold in the source is positive.
    `pregnancy_ruled_out_from`: the age from which, and `pregnancy_ruled_out_by`: the procedure concepts after which,
    pregnancy is not applicable. `until`: the last day on which the policy holds.
    `patient_system`: the system of the identifiers by which people at the site know a patient (MRN).
    """

    id: str
    hash: str
    title: str = ""
    time_zone: ZoneInfo
    freshness: Mapping[str, Duration]
    assumed_absent: frozenset[str] = frozenset()
    waive_unmapped: bool = False
    waived: frozenset[str] = frozenset()
    normal_limits: Mapping[str, NormalLimits] = field(default_factory=dict)
    complete_lists: frozenset[str] = frozenset()
    antigen_cutoff: Decimal = Decimal(20)
    pregnancy_ruled_out_from: Duration | None = None
    pregnancy_ruled_out_by: tuple[str, ...] = ()
    until: date | None = None
    patient_system: str | None = None
    local_maps: Mapping[tuple[str, str], tuple[Coding, ...]] = field(default_factory=dict)

    def expired(self, day: date) -> str | None:
        """What is to be said of the policy after its last day; None while it holds."""
        if self.until is None or day <= self.until:
            return None
        return f"its last day was {self.until}; it assumes nothing any more, renew it"

    def waives(self, concept: str) -> bool:
        """Whether entries that nobody has classified are taken not to be this concept."""
        return self.waive_unmapped or concept in self.waived

    def in_force(self, day: date) -> "Policy":
        """The policy as it holds on a day: after its last one nothing is assumed any more."""
        return self if self.expired(day) is None else self.assuming_nothing()

    def assuming_nothing(self) -> "Policy":
        """The policy's windows without what it assumes and knows of the site."""
        return replace(
            self,
            assumed_absent=frozenset(),
            complete_lists=frozenset(),
            waive_unmapped=False,
            waived=frozenset(),
            normal_limits={},
            pregnancy_ruled_out_from=None,
            pregnancy_ruled_out_by=(),
        )
