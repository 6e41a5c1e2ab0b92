"""The patients whom evaluator and engine are asked about: the demo cohort, and those that hypothesis makes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings

from demo.cohort import cohort
from tests.properties.core import written
from tests.properties.patients import patients
from tests.properties.times import AS_OFS

COHORT_AS_OF = datetime(2026, 3, 1, 23, 59, 59, 999_000, tzinfo=UTC)


class Asked(NamedTuple):
    """A patient's Bundle in JSON, the instant of the question, and a name to find the patient again."""

    name: str
    bundle: bytes
    as_of: datetime


def of_cohort(step: int = 1) -> Iterator[Asked]:
    """Every patient of the demo cohort, or every `step`-th."""
    for place, (name, story, bundle) in enumerate(cohort()):
        if place % step == 0:
            yield Asked(f"{name} of the cohort ({story.name})", bundle, COHORT_AS_OF)


def made(count: int, number: int) -> list[Asked]:
    """Patients that hypothesis makes; the same `number` makes the same ones."""
    found: list[Asked] = []

    @seed(number)
    @settings(
        max_examples=count, phases=[Phase.generate], database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(patients, AS_OFS)
    def make(resources: list[Any], as_of: datetime) -> None:
        entries = [{"resource": resource} for resource in resources]
        bundle = written({"resourceType": "Bundle", "type": "collection", "entry": entries})  # type: ignore[arg-type]  # any JSON
        found.append(Asked(f"{len(found)} of those that {number} makes", bundle, as_of))

    make()
    return found[:count]
