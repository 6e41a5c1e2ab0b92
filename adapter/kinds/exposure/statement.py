"""What an `exposure` criterion says."""

from dataclasses import dataclass

from adapter.criteria.calendar import Duration, Length
from adapter.criteria.quantity import QuantityThreshold
from adapter.kinds.timing import Timed


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure(Timed):
    """A drug or procedure within a window before as-of, or ever; `systemic` asks for a systemic route.

    `half_lives`: the window is so many of the drug's own half-lives, if that is longer than `look_back`. `ongoing`: it
    goes on today. `stable_for`: taken for so long without a change of its dose. `dose`: what its unit says, of one
    giving (mg), a day (mg/d), by weight (mg/kg/d) or surface (mg/m2); `equivalents`: told in the class's own drug;
    `cumulative`: of all givings together. `frequency`: how often, as in 1 /d. `as_needed`: only when needed.
    `body_site`: a procedure at one of these.
    """

    concepts: tuple[str, ...]
    look_back: Length | None = None
    half_lives: int | None = None
    systemic: bool = False
    ongoing: bool = False
    stable_for: Duration | None = None
    dose: QuantityThreshold | None = None
    equivalents: bool = False
    cumulative: bool = False
    frequency: QuantityThreshold | None = None
    as_needed: bool = False
    body_site: tuple[str, ...] = ()

    @property
    def asks_more(self) -> bool:
        """Whether it asks more than whether there was any in the window."""
        return (
            self.asks_time
            or self.ongoing
            or self.as_needed
            or not (self.stable_for is None and self.dose is None and self.frequency is None)
        )
