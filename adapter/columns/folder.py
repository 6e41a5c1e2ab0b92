"""The files of a folder of facts: written part by part with flat memory, and read again."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import IO, Any, Self

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adapter.columns.manifest import FAILURES, manifest_of
from adapter.columns.rows import basis_of, decoded, part_of
from adapter.columns.runs import Runs
from adapter.columns.schema import CODED, TABLES, Divided, Gathered, columns, schema_of
from adapter.columns.values import Cells, Row
from adapter.criteria.policy import Policy
from adapter.criteria.terminology import Terminology
from adapter.errors import InputError, UsageError
from adapter.record.contents import Contents

PARTS = 16

_ROW = 256
"""Bytes of a row, about, of every table but `records`. Measured alike in every process: so the files are the same."""

_BYTES = 8 << 20
"""Bytes of the columns of a part from which on they are written: what one group of rows holds."""

_RECORDS = 2 << 20
"""The same of `records`, which are compressed by the megabyte."""

_SORTED_BY = {"observations": "value_set"}
"""By which column the rows of a table stand (`adapter.columns.runs`): few are asked for, and the others skipped."""

_PENDING = 64 << 20
"""Bytes of the columns of all parts that wait; beyond it the largest are written before they are full."""

_PIECES = 16
"""Pieces of a part that are put together while they wait: a piece takes some kilobytes beside its rows, and holds those
of the other parts that came with it."""

_SMALL: Mapping[str, Any] = {"compression": "snappy"}
_LARGE: Mapping[str, Any] = {"compression": "zstd", "compression_level": 1}
_OF_RECORDS: Mapping[str, Any] = {
    **_LARGE,
    "write_statistics": ["patient"],  # a record's least and greatest are as long as it
    "data_page_size": 1 << 19,  # what zstd looks back at; a page and its room are held until the file ends
    "write_batch_size": 8,  # records after which the writer looks whether a page is full
}
"""How files are written."""

_FEW = 4096
"""Rows of a first group that is small: zstd would take longer to begin each of its columns than to compress them."""

_NAMES = frozenset({"place", "resource", "subject"})
"""Columns of texts that hardly ever come again."""

_READ_AT_ONCE = 256


class Writer:
    """Writes rows into the files of a folder; what a killed one leaves is no facts of anybody."""

    def __init__(self, folder: Path, parts: int, new_file: Callable[[Path], IO[bytes]]) -> None:
        """`new_file`: opens a file that is not there yet."""
        self._folder = folder
        self._new_file = new_file
        self._pending = 0
        self._gathered = Gathered(parts)
        self.parts = [
            {name: _Table(self._opener(name, part), name, folder) for name in TABLES} for part in range(parts)
        ]

    def add(self, patient: int, cells: dict[str, Cells]) -> None:
        """Add a patient's rows (`rows.Rows.of`)."""
        self._gathered.add(patient, cells)
        if self._gathered.is_full:
            self._convert()

    def take(self, tables: Mapping[str, Divided]) -> None:
        """Add the rows of several patients, which are columns already."""
        for name, divided in tables.items():
            for part, batch in divided.slices():
                self._take(part, name, batch)

    def keep(self, part: int, table: str, batch: pa.RecordBatch) -> None:
        """Add rows of a part of a table that are columns already."""
        self._convert()
        self._take(part, table, batch)

    def _convert(self) -> None:
        self.take(self._gathered.columns())

    def _take(self, part: int, table: str, batch: pa.RecordBatch) -> None:
        held = self.parts[part][table]
        before = held.pending
        held.take(batch)
        self._grown(held.pending - before)

    def _grown(self, size: int) -> None:
        self._pending += size
        if self._pending > _PENDING:
            largest = max((table for each in self.parts for table in each.values()), key=lambda table: table.pending)
            self._pending -= largest.pending
            largest.flush()

    def close(self, coded: dict[int, Row]) -> None:
        """Write what is left, and the table of codings. Raises InputError where two patients have one key."""
        self._convert()
        tables = [table for part in self.parts for table in part.values()]
        for table in tables:  # before runs are put together, which takes the most memory, nothing else waits in it
            table.settle()
        for table in tables:
            table.close()
        for path in sorted((self._folder / "patients").iterdir()):
            keys = pq.read_table(path, columns=["patient"]).column("patient")
            if len(pc.unique(keys)) < len(keys):
                msg = "two patients have the same Patient/id (or, once in a million runs, the same hash of it)"
                raise InputError(msg)
        path = self._folder / "coded.parquet"
        with self._new_file(path) as file:
            cells = list(chain.from_iterable(coded[key] for key in sorted(coded)))
            pq.write_table(pa.Table.from_batches([columns(cells, CODED, {})]), file)

    def __enter__(self) -> Self:
        """Files are open until the block ends; `close` is what makes them whole."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give up what was not closed."""
        for part in self.parts:
            for table in part.values():
                table.abandon()

    def _opener(self, table: str, part: int) -> Callable[[], IO[bytes]]:
        def opened() -> IO[bytes]:
            folder = self._folder / table
            folder.mkdir(exist_ok=True)
            return self._new_file(folder / f"part-{part:02}.parquet")

        return opened


class _Table:
    """One part of a table; a file is made even where there are no rows, so that every part has every table.

    `pending`: bytes that wait to be written.
    """

    def __init__(self, opened: Callable[[], IO[bytes]], name: str, folder: Path) -> None:
        self._opened = opened
        self._schema = schema_of(TABLES[name])
        self._whole = name == "records"
        self._words = [] if self._whole else _words(self._schema)
        self._runs = Runs(_SORTED_BY[name], folder) if name in _SORTED_BY else None
        self._batches: list[pa.RecordBatch] = []
        self._pieces: list[pa.RecordBatch] = []
        self.pending = 0
        self._file: IO[bytes] | None = None
        self._writer: pq.ParquetWriter | None = None

    def take(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        self._pieces.append(batch)
        if len(self._pieces) >= _PIECES and not self._whole:
            self._join()
        self.pending += batch.nbytes if self._whole else batch.num_rows * _ROW
        if self.pending >= (_RECORDS if self._whole else _BYTES):
            self._write()

    def settle(self) -> None:
        """Write what waits, but for the only rows of a run."""
        if self._runs is None or self._runs.waits:
            self.flush()

    def close(self) -> None:
        """Write all that is left."""
        if self._runs is None:
            self.flush()
        else:
            for each in self._runs.rest(self._waiting()):
                self._put(each)
        if self._writer is None:
            self._write()  # a file without rows
        if self._writer is not None and self._file is not None:
            self._writer.close()
            self._file.close()
            self._writer = self._file = None

    def flush(self) -> None:
        """Write what waits."""
        if self._batches or self._pieces:
            self._write()

    def _join(self) -> None:
        """Put the pieces together."""
        if self._pieces:
            self._batches.append(pa.concat_batches(self._pieces))
            self._pieces = []
        if len(self._batches) >= _PIECES:  # so that how many there are doesn't grow with what waits
            self._batches = [pa.concat_batches(self._batches)]

    def abandon(self) -> None:
        """Close what is open; whatever is wrong with the file was said before."""
        if self._runs is not None:
            self._runs.abandon()
        with suppress(OSError, pa.ArrowException):
            if self._writer is not None:
                self._writer.close()
        with suppress(OSError):
            if self._file is not None:
                self._file.close()

    def _waiting(self) -> pa.Table:
        """What waits, which waits no longer."""
        if not self._whole:  # many small pieces of many columns cost the writer more than putting them together
            self._join()
        table = pa.Table.from_batches([*self._batches, *self._pieces], self._schema)
        self._batches = []
        self._pieces = []
        self.pending = 0
        return table

    def _write(self) -> None:
        table = self._waiting()
        for each in self._runs.add(table) if self._runs is not None else [table]:
            self._put(each)

    def _put(self, table: pa.Table) -> None:
        if self._writer is None:
            self._file = self._opened()
            options = _OF_RECORDS if self._whole else _SMALL if table.num_rows < _FEW else _LARGE
            self._writer = pq.ParquetWriter(
                self._file, self._schema, use_dictionary=self._words, write_page_checksum=True, **options
            )
        if table.num_rows:
            self._writer.write_table(table if self._whole else table.combine_chunks())


def _words(schema: pa.Schema) -> list[str]:
    """The columns whose cells are written as numbers of words, a few of them; doubles and times are sooner written."""
    texts = (each for each in schema if pa.types.is_string(each.type) and each.name not in _NAMES)
    lists = (each for each in schema if pa.types.is_list(each.type))
    return [*(each.name for each in texts), *(f"{each.name}.list.element" for each in lists)]


class Facts:
    """The facts of a folder."""

    def __init__(self, folder: Path) -> None:
        """Raises UsageError where the folder holds none, or those of another version."""
        self.folder = folder
        self.manifest = manifest_of(folder)
        self.data = folder / self.manifest.data

    def check(self, terminology: Terminology, policy: Policy) -> None:
        """Raises UsageError where they are facts under another terminology or another basis."""
        if self.manifest.terminology != terminology.hash:
            what = "another terminology"
        elif self.manifest.basis != basis_of(policy):
            what = "a policy of another time zone, antigen cut-off or table of limits"
        else:
            return
        msg = f"{self.folder} was extracted with {what}; extract again: `extract --source {self.folder} --out NEW`"
        raise UsageError(msg)

    def files(self, table: str) -> list[Path]:
        """The files of a table, a part each."""
        if table == "coded":
            return [self.data / "coded.parquet"]
        return [self.file(table, part) for part in range(self.manifest.parts)]

    def file(self, table: str, part: int) -> Path:
        """The file of a part of a table."""
        return self.data / table / f"part-{part:02}.parquet"

    def batches(self, table: str, part: int, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of a part of a table, some at a time. Raises InputError, which names the file, for a broken one."""
        path = self.file(table, part)
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                yield from file.iter_batches(_READ_AT_ONCE if table == "records" else 1 << 16, columns=columns)
        except pa.ArrowMemoryError:
            raise
        except (OSError, pa.ArrowException) as error:
            msg = f"{path} can't be read ({str(error).splitlines()[0][:200]}); extract again"
            raise InputError(msg) from error

    def check_files(self) -> None:
        """Read everything. Raises InputError as `batches` does."""
        for table in TABLES:
            for part in range(self.manifest.parts):
                for _ in self.batches(table, part):
                    pass
        for _ in self.coded():
            pass

    def coded(self) -> Iterator[Row]:
        """The rows of the table of codings."""
        path = self.data / "coded.parquet"
        try:
            table = pq.read_table(path)
        except (OSError, pa.ArrowException) as error:
            msg = f"{path} can't be read; extract again"
            raise InputError(msg) from error
        return zip(*(column.to_pylist() for column in table.columns), strict=True)

    def failures(self) -> Iterator[bytes]:
        """The lines of what could not be read of the source."""
        yield from (self.data / FAILURES).read_bytes().splitlines()

    def records(self, patients: Collection[int] | None = None) -> Iterator[tuple[int, str, Contents]]:
        """The key, the place in the source and the contents of the asked patients (all of them if None), part by part.

        Give `patients` as a set where there are many. Raises InputError as `batches` does.
        """
        parts = range(self.manifest.parts)
        wanted = parts if patients is None else sorted({part_of(key, self.manifest.parts) for key in patients})
        for part in wanted:
            yield from self.records_of(part, patients)

    def records_of(self, part: int, patients: Collection[int] | None = None) -> Iterator[tuple[int, str, Contents]]:
        """The same of one part."""
        for batch in self.batches("records", part):
            yield from self._records(batch, patients, part)

    def _records(
        self, batch: pa.RecordBatch, patients: Collection[int] | None, part: int
    ) -> Iterator[tuple[int, str, Contents]]:
        keys: list[int] = batch.column("patient").to_pylist()
        for row, key in enumerate(keys):
            if patients is None or key in patients:
                cell: Any = batch.column("contents")[row].as_py()
                try:
                    contents = decoded(cell)
                except msgspec.DecodeError as error:
                    msg = f"{self.file('records', part)}: a record in it can't be read; extract again"
                    raise InputError(msg) from error
                yield key, batch.column("place")[row].as_py(), contents
