"""What a `measurement` criterion says."""

from dataclasses import dataclass
from enum import StrEnum

from adapter.criteria.calendar import Duration
from adapter.criteria.model import Finding, Leaf
from adapter.criteria.quantity import Comparator, LimitThreshold, QuantityThreshold

Test = QuantityThreshold | LimitThreshold | Finding | bool
"""What an analyte may be compared with."""


class Selection(StrEnum):
    """Which of several measurements inside the window are compared."""

    LATEST = "latest"
    ANY = "any"
    ALL = "all"
    HIGHEST = "highest"
    LOWEST = "lowest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement(Leaf):
    """An analyte compared with a quantity, a multiple of a limit of normal, a finding, or a boolean."""

    analyte: str
    test: Test
    selection: Selection = Selection.LATEST
    window: Duration | None = None

    @property
    def taken(self) -> Selection:
        """The selection, with the highest and the lowest of several told by all or any of them.

        The highest of several is at most a bound if all are, and at least a bound if any is; the lowest likewise.
        """
        if self.selection not in (Selection.HIGHEST, Selection.LOWEST):
            return self.selection
        upper = isinstance(self.test, QuantityThreshold | LimitThreshold) and self.test.comparator in (
            Comparator.LESS,
            Comparator.AT_MOST,
        )
        return Selection.ALL if upper is (self.selection is Selection.HIGHEST) else Selection.ANY
