"""Rows in any order -> the same rows in stretches of a million or so, each sorted by a column, with flat memory.

What comes at once is sorted and kept as a run, in a file that has no name. Of every so many runs the rows are put
together, value by value: a question then reads long groups of what it asks for, and skips the others.
"""

import heapq
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

import pyarrow as pa
import pyarrow.compute as pc

_GROUP: Final = 122_880
"""Rows that are put together at most: those of a group of DuckDB's own tables, which it reads best."""

_RUNS: Final = 64
"""Runs of a stretch; of each of them a piece is in memory while they are put together."""

_PIECE: Final = 1 << 11
"""Rows of a piece."""


class Runs:
    """The runs of a table that wait, in a file."""

    def __init__(self, column: str, folder: Path) -> None:
        """Rows sorted by a column of text; `folder`: where the file is."""
        self._column = column
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._writer: pa.ipc.RecordBatchFileWriter | None = None
        self._pieces: list[int] = []

    def add(self, table: pa.Table) -> Iterator[pa.Table]:
        """Add rows; what comes back is sorted, and is to be written. Raises OSError where the disk is full."""
        self._keep(self._sorted(table))
        if len(self._pieces) >= _RUNS:
            yield from self._ended()

    def rest(self, table: pa.Table) -> Iterator[pa.Table]:
        """The last rows, with what waits; where nothing does, no file is needed."""
        found = self._sorted(table)
        if not self.waits:
            yield found
            return
        if len(found):
            self._keep(found)
        yield from self._ended()

    def _sorted(self, table: pa.Table) -> pa.Table:
        """Rows in the order of the column; of few values, which are sooner sorted by numbers than as texts."""
        named = table.column(self._column).combine_chunks().dictionary_encode()
        places = pc.rank(named.dictionary).cast(pa.int32())
        return table.take(pc.sort_indices(places.take(named.indices)))

    def _keep(self, table: pa.Table) -> None:
        if self._writer is None:
            self._file = TemporaryFile(dir=self._folder)  # noqa: SIM115  # open until its rows are put together
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writer = pa.ipc.new_file(self._file, table.schema, options=options)
        pieces = table.to_batches(max_chunksize=_PIECE)
        for each in pieces:
            self._writer.write_batch(each)
        self._pieces.append(len(pieces))

    def _ended(self) -> Iterator[pa.Table]:
        if self._writer is not None:
            self._writer.close()
            yield from self._merged()
        self.abandon()

    @property
    def waits(self) -> bool:
        """Whether there are rows in the file."""
        return self._writer is not None

    def abandon(self) -> None:
        """Give up what waits."""
        file, self._file, self._writer, self._pieces = self._file, None, None, []
        if file is not None:
            file.close()

    def _merged(self) -> Iterator[pa.Table]:
        reader = pa.ipc.open_file(self._file)
        runs = [self._slices(reader, *each) for each in pairwise(accumulate(self._pieces, initial=0))]
        held: list[pa.RecordBatch] = []
        count = 0
        for _, rows in heapq.merge(*runs, key=lambda each: each[0]):
            held.append(rows)
            count += len(rows)
            if count >= _GROUP:
                group, held, count = _together(held), [], 0  # while it is written its pieces are no longer held
                yield group
        if held:
            group, held = _together(held), []
            yield group

    def _slices(
        self, reader: pa.ipc.RecordBatchFileReader, first: int, end: int
    ) -> Iterator[tuple[str, pa.RecordBatch]]:
        """The rows of a run, those of one value of a piece together."""
        for number in range(first, end):
            piece = reader.get_batch(number)
            encoded = pc.run_end_encode(piece.column(self._column))
            begun = 0
            for value, until in zip(encoded.values.to_pylist(), encoded.run_ends.to_pylist(), strict=True):
                yield value, piece.slice(begun, until - begun)
                begun = until


def _together(rows: list[pa.RecordBatch]) -> pa.Table:
    return pa.Table.from_batches([pa.concat_batches(rows)])
