"""What an `allergy` criterion says."""

from dataclasses import dataclass

from adapter.criteria.model import Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class Allergy(Leaf):
    """An allergy or intolerance to any of the substances, without any to anything.

    `severe` asks for a severe reaction; `cross_reactive`: an allergy to what cross-reacts is a question.
    """

    concepts: tuple[str, ...] = ()
    severe: bool = False
    cross_reactive: bool = False
