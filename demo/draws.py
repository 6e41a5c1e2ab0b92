"""Chance, seeded: every number, choice and date of a patient comes from one of these.

Only `Random.random` is used, the one method whose sequence Python promises to keep from version to version.
"""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

Spread = float | list[float]
"""A fixed number, or the least and the greatest that may be drawn."""

Choice = TypeVar("Choice")


class Draws:
    """A stream of draws; the same seed gives the same stream."""

    def __init__(self, seed: str) -> None:
        """Start the stream; `seed` names the patient."""
        self._random = Random(seed)  # noqa: S311  # made-up patients, no secrets

    def number(self, spread: Spread) -> float:
        """A number of the spread, the middle likelier than the ends."""
        low, high = (spread[0], spread[-1]) if isinstance(spread, list) else (spread, spread)
        middle = sum(self._random.random() for _ in range(3)) / 3
        return low + (high - low) * middle

    def whole(self, spread: Spread) -> int:
        """A whole number of the spread, each one equally likely, both ends included."""
        low, high = (spread[0], spread[-1]) if isinstance(spread, list) else (spread, spread)
        return int(low) + int(self._random.random() * (int(high) - int(low) + 1))

    def one_of(self, choices: Sequence[Choice]) -> Choice:
        """One of the choices, each equally likely."""
        return choices[int(self._random.random() * len(choices))]

    def chance(self, probability: float) -> bool:
        """True with the probability."""
        return self._random.random() < probability

    def shuffled(self, items: Sequence[Choice]) -> list[Choice]:
        """The items in another order."""
        return sorted(items, key=lambda _: self._random.random())
