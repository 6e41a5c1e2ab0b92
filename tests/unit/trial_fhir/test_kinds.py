"""The table of kinds is complete: what the algebra can say, FHIR holds."""

import dataclasses
from typing import get_args

from adapter.criteria.model import AtLeast, Combinator
from adapter.kinds import KINDS
from mappings.trial.fhir.kinds import JOINS, LEAVES


def test_every_leaf() -> None:
    """Each kind of leaf has an entry, with each of its fields."""
    assert {record.kind for record in LEAVES.values()} == {kind.statement for kind in KINDS}
    for record in LEAVES.values():
        assert {field.name for field in record.fields} == {field.name for field in dataclasses.fields(record.kind)}


def test_every_join() -> None:
    """Each combinator has an entry; `at-least-n`, which has a count, is read by itself."""
    assert {join.kind for join in JOINS.values()} | {AtLeast} == set(get_args(Combinator))
