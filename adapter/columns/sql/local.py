"""Queries over a folder of facts in this process, by DuckDB."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from adapter.columns.folder import Facts
from adapter.columns.sql.codings import Codings
from adapter.columns.sql.query import TABLES, Query
from adapter.criteria.value_set import Coding


class Local:
    """The tables of a folder as views of one connection; not to be shared by threads."""

    def __init__(self, facts: Facts, connection: duckdb.DuckDBPyConnection) -> None:
        """Name every table of the folder in the connection."""
        self.connection = connection
        for name in TABLES:
            listed = ", ".join(_quoted(path) for path in facts.files(name))
            connection.execute(f"CREATE OR REPLACE VIEW facts_{name} AS SELECT * FROM read_parquet([{listed}])")
        listed = ", ".join(_quoted(path) for path in facts.files("coded"))
        found = connection.execute(f"SELECT coded, systems, codes, value_sets FROM read_parquet([{listed}])").fetchall()
        self.codings = tuple(
            Codings(key, tuple(map(Coding, systems, codes)), frozenset(value_sets))
            for key, systems, codes, value_sets in found
        )

    def prepare(self, query: Query) -> None:
        """Work out the steps of a query, so that `query.last` can be asked.

        Each is planned by itself, since DuckDB takes long over all of them in one statement.
        """
        for each in query.steps:
            what = "TABLE" if each.kept else "VIEW"
            self.connection.execute(f"CREATE OR REPLACE TEMP {what} {each.name} AS {each.text}")

    def rows(self, query: Query) -> tuple[list[str], list[tuple[Any, ...]]]:
        """The columns and the rows of a query."""
        self.prepare(query)
        found = self.connection.execute(query.last)
        return [column[0] for column in found.description], found.fetchall()


@contextmanager
def open_local(facts: Facts, *, threads: int | None = None) -> Iterator[Local]:
    """The tables of a folder of facts, in a connection that keeps nothing.

    Raises InputError, which names the file, where one can't be read.
    """
    try:
        with duckdb.connect(":memory:", config={"threads": threads} if threads else {}) as connection:
            yield Local(facts, connection)
    except duckdb.Error:
        facts.check_files()  # DuckDB doesn't always say which it was
        raise


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
