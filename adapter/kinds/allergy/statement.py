"""What an `allergy` criterion says."""

from dataclasses import dataclass

from adapter.criteria.model import Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class Allergy(Leaf):
    """An allergy or intolerance to any of the substances; `severe` asks for a severe reaction."""

    concepts: tuple[str, ...]
    severe: bool = False
