"""The made-up patients do have data in each of the shapes that they are said to have."""

from collections import Counter
from random import Random

import pytest

from tests.agreement import patients, shapes
from tests.agreement.disputes import Shape
from tests.agreement.patients import MATTERS, made_about
from tests.properties.core import Json

PATIENTS, OFTEN, AT_LEAST = 500, 0.6, 3


def test_every_shape_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each resource type each shape, and as something else than it was before."""
    made: Counter[tuple[str, int]] = Counter()

    def counted(type_: str, place: int, shape: Shape) -> Shape:
        def count(each: Json, rng: Random) -> list[Json]:
            found = shape(dict(each), rng)
            made[type_, place] += found != [each]
            return found

        return count

    held = {type_: [counted(type_, n, each) for n, each in enumerate(of)] for type_, of in shapes.SHAPES.items()}
    monkeypatch.setattr(shapes, "SHAPES", held)
    list(made_about(MATTERS, PATIENTS, 1, OFTEN))
    patients.made(PATIENTS, 1, OFTEN)
    rare = {(type_, n): made[type_, n] for type_, of in held.items() for n in range(len(of))}
    assert {each: count for each, count in rare.items() if count < AT_LEAST} == {}
