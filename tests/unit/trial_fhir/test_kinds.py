"""The table of kinds is complete: what the algebra can say, FHIR holds."""

from typing import get_args

from adapter.criteria.model import AtLeast, Combinator
from mappings.trial.fhir.kinds import JOINS


def test_every_join() -> None:
    """Each combinator has an entry; `at-least-n`, which has a count, is read by itself."""
    assert {join.kind for join in JOINS.values()} | {AtLeast} == set(get_args(Combinator))
