"""Rows -> columns: those of some patients together, ordered by part, so that each part is a slice of a batch."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import pyarrow as pa

from adapter.columns.records import part_of
from adapter.columns.schema import TABLES, Layout, Shared, schema_of
from adapter.columns.values import Row

TOGETHER = 256
"""Patients whose rows become columns together, if their resources are no more than so many `BYTES`."""

BYTES = 4 << 20


class Divided(NamedTuple):
    """Rows of a table; `counts`: how many of them are in each part, one part after another."""

    batch: pa.RecordBatch
    counts: tuple[int, ...]

    def slices(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The rows of each part that has some."""
        first = 0
        for part, count in enumerate(self.counts):
            if count:
                yield part, self.batch.slice(first, count)
                first += count


class Gathered:
    """Rows of patients that wait to become columns. `is_full`: when they should: by number, or by size."""

    def __init__(self, parts: int) -> None:
        """Nobody's, divided into so many parts."""
        self._parts = parts
        self._begin()

    def _begin(self) -> None:
        self._rows: dict[str, list[list[Row]]] = {}
        self._patients = 0
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether they should become columns."""
        return self._patients >= TOGETHER or self._bytes >= BYTES

    def add(self, patient: int, rows: dict[str, list[Row]]) -> None:
        """Add a patient's rows (`rows.Rows.of`)."""
        part = part_of(patient, self._parts)
        for name, found in rows.items():
            divided = self._rows.get(name)
            if divided is None:
                divided = self._rows[name] = [[] for _ in range(self._parts)]
            divided[part] += found
        self._patients += 1
        self._bytes += sum(len(row[-1]) for row in rows.get("records", ()))

    def columns(self) -> dict[str, Divided]:
        """The tables in which somebody has rows; and begin anew."""
        found = {
            name: Divided(columns(list(chain.from_iterable(parts)), TABLES[name]), tuple(map(len, parts)))
            for name, parts in self._rows.items()
        }
        self._begin()
        return found


def columns(rows: Sequence[Row], layout: Layout) -> pa.RecordBatch:
    """Rows of a table as columns."""
    schema = schema_of(layout)
    if not rows:
        return pa.RecordBatch.from_pylist([], schema)
    arrays = [
        array
        for cells, column in zip(_turned(rows, len(layout)), layout, strict=True)
        for array in ([pa.array(cells, column.type)] if isinstance(column, pa.Field) else _shared(cells, column))
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _shared(cells: Sequence[Row], columns: Shared) -> Iterator[pa.Array]:
    """Columns of tuples, of which many are one and the same: each is converted once, and then taken where it stands."""
    named = list(map(id, cells))
    each = dict(zip(named, cells, strict=True))
    places: dict[int, Any] = dict(zip(each, range(len(each)), strict=True))
    taken = pa.array(list(map(places.__getitem__, named)), pa.int32())
    for values, field in zip(_turned(each.values(), len(columns)), columns, strict=True):
        yield pa.array(values, field.type).take(taken)


def _turned(rows: Iterable[Row], width: int) -> Iterator[list[Any]]:
    """The cells of rows column by column; several times as fast as `zip` with an iterator for each of many rows."""
    cells = list(chain.from_iterable(rows))
    return (cells[column::width] for column in range(width))
