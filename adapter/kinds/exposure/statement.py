"""What an `exposure` criterion says."""

from dataclasses import dataclass

from adapter.criteria.calendar import Duration
from adapter.criteria.model import Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure(Leaf):
    """A drug or procedure within a window before as-of, or ever; `systemic` asks for a systemic route."""

    concepts: tuple[str, ...]
    look_back: Duration | None = None
    systemic: bool = False
