"""Queries over a folder of facts in this process, by DuckDB."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb

from adapter.columns.folder import Facts
from adapter.columns.sql.cells import codings_of
from adapter.columns.sql.query import TABLES, Query


class Local:
    """The tables of a folder as views of one connection; not to be shared by threads."""

    def __init__(self, facts: Facts, connection: duckdb.DuckDBPyConnection) -> None:
        """Name every table of the folder in the connection."""
        self.connection = connection
        self._facts = facts
        self._made: dict[str, str] = {}
        self.ask_parts(range(facts.manifest.parts))
        self.codings = codings_of(facts)

    def ask_parts(self, parts: Iterable[int]) -> None:
        """Ask nothing but some parts of the tables from now on."""
        asked = tuple(parts)
        for name in TABLES:
            listed = ", ".join(_quoted(self._facts.file(name, part)) for part in asked)
            read = f"read_parquet([{listed}], hive_partitioning = false)"  # no folder above is called for a column
            self.connection.execute(f"CREATE OR REPLACE VIEW facts_{name} AS SELECT * FROM {read}")

    def lots(self, patients: int) -> Iterator[range]:
        """The parts of the tables in lots of about so many patients each; each lot has a part at least."""
        parts = self._facts.manifest.parts
        step = max(1, patients * parts // max(1, self._facts.manifest.patients))
        for first in range(0, parts, step):
            yield range(first, min(first + step, parts))

    def prepare(self, query: Query) -> None:
        """Work out the steps of a query, so that `query.last` can be asked.

        Each is planned by itself, since DuckDB takes long over all of them in one statement.
        """
        for each in query.steps:
            what = "TABLE" if each.kept else "VIEW"
            before = self._made.get(each.name, what)
            if before != what:  # of another query: DuckDB replaces no view by a table
                self.connection.execute(f"DROP {before} {each.name}")
            self._made[each.name] = what
            self.connection.execute(f"CREATE OR REPLACE TEMP {what} {each.name} AS {each.text}")

    def ask(self, text: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement, some at a time; no other one is asked before they have ended."""
        found = self.connection.execute(text)
        while rows := found.fetchmany(10_000):
            yield from rows

    def rows(self, query: Query) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The columns and the rows of a query."""
        self.prepare(query)
        found = self.connection.execute(query.last)
        return [column[0] for column in found.description], found.fetchall()


@contextmanager
def open_local(facts: Facts, *, threads: int | None = None) -> Iterator[Local]:
    """The tables of a folder of facts, in a connection that keeps nothing.

    Raises InputError, which names the file, where one can't be read, MemoryError where there is not enough.
    """
    try:
        with duckdb.connect(":memory:", config={"threads": threads} if threads else {}) as connection:
            if threads:
                with suppress(duckdb.CatalogException):  # a setting of DuckDB 2: threads beside those
                    connection.execute("SET async_threads = 0")
            yield Local(facts, connection)
    except duckdb.OutOfMemoryException as error:
        raise MemoryError from error
    except duckdb.Error:
        facts.check_files()  # DuckDB doesn't always say which it was
        raise


def _quoted(path: Path) -> str:
    """A file's name between quotes, with nothing in it that stands for other files."""
    return "'" + re.sub(r"([*?\[])", r"[\1]", str(path)).replace("'", "''") + "'"
