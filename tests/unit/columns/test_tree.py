"""What a query makes of the cells of a criterion's parts is what the evaluation makes of their truths."""

from itertools import product
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from adapter.columns.sql.cells import UNDECIDED, UNIT
from adapter.columns.sql.tree import Node, _ends
from adapter.criteria.join import AllOf, AnyKnown, AnyOf, AtLeast, IfThen, IfThenElse, Not, truth_of
from adapter.criteria.model import Combinator, Criterion
from adapter.evaluator.columns import TRUTHS
from adapter.kinds.judgement import Judgement

PART = Criterion(statement=Judgement())
CELLS = (*(place * UNIT for place in range(len(TRUTHS))), UNDECIDED)
STATEMENTS: dict[str, Combinator] = {
    "all-of": AllOf(parts=(PART,) * 3),
    "any-of": AnyOf(parts=(PART,) * 3),
    "at-least 2": AtLeast(count=2, parts=(PART,) * 3),
    "not": Not(part=PART),
    "if then": IfThen(condition=PART, consequence=PART),
    "if then else": IfThenElse(condition=PART, consequence=PART, alternative=PART),
    "any-known": AnyKnown(parts=(PART,) * 3),
}


def possible(statement: Combinator, cells: tuple[int, ...]) -> tuple[int, int]:
    """The least and the greatest truth that the whole may come to, whatever the undecided parts are."""
    each = [range(len(TRUTHS)) if cell == UNDECIDED else (cell // UNIT,) for cell in cells]
    found = [TRUTHS.index(truth_of(statement, [TRUTHS[place] for place in places])) for places in product(*each)]
    return min(found), max(found)


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_ends_hold_whatever_the_undecided_parts_are(name: str) -> None:
    """Of every combination of cells: never narrower, and but for `any-known` as narrow as can be."""
    statement = STATEMENTS[name]
    size = {"not": 1, "if then": 2}.get(name, 3)
    parts: Any = tuple(Node(f"p{place}", SimpleNamespace(), 0, ()) for place in range(size))  # type: ignore[arg-type]
    whole: Any = SimpleNamespace(statement=statement)
    ends = ", ".join(_ends(Node("n", whole, 1, parts)))
    connection = duckdb.connect()
    for cells in product(CELLS, repeat=size):
        columns = ", ".join(f"{cell} AS p{place}" for place, cell in enumerate(cells))
        found = connection.execute(f"SELECT na, nb FROM (SELECT {ends} FROM (SELECT {columns}))").fetchone()  # noqa: S608  # of the places of truths
        assert found is not None
        least, greatest = possible(statement, cells)
        assert found[0] <= least, cells
        assert found[1] >= greatest, cells
        if name != "any-known":
            assert found == (least, greatest), cells
