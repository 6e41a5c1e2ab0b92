"""An OMOP CDM database, whatever it lies in, as tables that DuckDB reads: CSV, Parquet, DuckDB, PostgreSQL.

Memory is bounded: DuckDB sorts on disk beyond its limit, and rows are fetched in batches.
"""

import errno
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psycopg
from psycopg import sql

from adapter.errors import InputError


def copied(url: str, schema: str | None, tables: Iterable[str], folder: Path) -> Path:
    """A folder below `folder` with a CSV file for each of the tables that is there. Raises InputError."""
    target = folder / "postgresql"
    target.mkdir()
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            for table in tables:
                name = sql.Identifier(schema, table) if schema else sql.Identifier(table)
                if not _is_there(connection, name):
                    continue
                wanted = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT csv, HEADER true)").format(name)
                with connection.cursor().copy(wanted) as data, (target / f"{table}.csv").open("wb") as file:
                    for block in data:
                        file.write(block)
    except psycopg.Error as error:
        reason = (str(error).splitlines() or [""])[0] if isinstance(error, psycopg.OperationalError) else ""
        msg = (
            f"the PostgreSQL database can't be read ({type(error).__name__}); check the URL, the schema and the rights"
        )
        raise InputError(msg if "password" in reason else f"{msg}: {reason}".rstrip(": ")) from error
    return target


def _is_there(connection: psycopg.Connection, name: sql.Identifier) -> bool:
    found = connection.execute("SELECT to_regclass(%s)", [name.as_string(connection)]).fetchone()
    return found is not None and found[0] is not None


_MEMORY = "384MB"
_BATCH = 2000
_TEXT = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
_PARQUET = (".parquet",)

READ = (
    "person",
    "death",
    "visit_occurrence",
    "condition_occurrence",
    "drug_exposure",
    "measurement",
    "procedure_occurrence",
    "device_exposure",
    "observation",
    "concept",
    "concept_ancestor",
    "cdm_source",
)
"""The tables that are read; a source need not have any but person."""


@dataclass(frozen=True, slots=True)
class Database:
    """The tables that are there, each with its columns."""

    name: str
    connection: duckdb.DuckDBPyConnection
    columns: dict[str, frozenset[str]]

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> Iterator[tuple[str | None, ...]]:
        """The rows of a query, a batch at a time. Raises InputError if the source can't be read."""
        cursor = self.connection.cursor()
        try:
            cursor.execute(sql, parameters)
            while batch := cursor.fetchmany(_BATCH):
                yield from batch
        except duckdb.Error as error:
            raise _unreadable(self.name, error) from error
        finally:
            cursor.close()

    def column(self, table: str, name: str, alias: str = "t") -> str:
        """A column as text, NULL where the table hasn't got it or holds nothing in it."""
        if name not in self.columns.get(table, ()):
            return "NULL"
        return f"nullif(trim(CAST({alias}.{name} AS VARCHAR)), '')"

    def release_date(self) -> str | None:
        """The day that the data are of, as the database says of itself (YYYY-MM-DD)."""
        date = self.column("cdm_source", "source_release_date")
        if date == "NULL":
            return None
        found = next(self.rows(f"SELECT CAST(TRY_CAST({date} AS DATE) AS VARCHAR) FROM cdm_source t"), None)
        return found[0] if found else None

    def key(self, table: str, name: str, alias: str = "t") -> str:
        """A column of ids as text: 17, also where the source wrote 17.0."""
        text = self.column(table, name, alias)
        return text if text == "NULL" else f"coalesce(CAST(TRY_CAST({text} AS BIGINT) AS VARCHAR), {text})"


@contextmanager
def open_database(source: str, temporary: Path, schema: str | None = None) -> Iterator[Database]:
    """The database at a path (a folder of CSV or Parquet files, a DuckDB file) or a postgresql:// URL.

    `temporary`: a folder of the caller's for what doesn't fit into memory. `schema`: where the tables are, if not in
    the one that is searched. Raises InputError if there is no person table, or nothing that can be read.
    """
    name = "postgresql" if "://" in source else Path(source).resolve().name
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET memory_limit = ?", [_MEMORY])
        connection.execute("SET temp_directory = ?", [str(temporary)])
        connection.execute("SET threads = 2")
        try:
            _attach(connection, source, temporary, schema)
            columns = _columns(connection)
        except duckdb.Error as error:
            raise _unreadable(name, error) from error
        if "person" not in columns:
            msg = f"{name} has no table person; name a folder of CSV or Parquet files, a DuckDB file, or a URL"
            raise InputError(msg)
        yield Database(name, connection, columns)
    finally:
        connection.close()


def _attach(connection: duckdb.DuckDBPyConnection, source: str, temporary: Path, schema: str | None) -> None:
    """Make a view of each table that is there."""
    if "://" in source:
        folder = copied(source, schema, READ, temporary)
    elif Path(source).is_dir():
        folder = Path(source)
    else:
        try:
            connection.execute(f"ATTACH '{_quoted(source)}' AS source (READ_ONLY, TYPE duckdb)")
        except duckdb.Error as error:
            msg = f"{Path(source).name} is no DuckDB file that can be opened; for CSV or Parquet, name their folder"
            raise InputError(msg) from error
        found = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = 'source'"
        ).fetchall()
        for within, table in found:
            if table.lower() in READ and (schema is None or within.lower() == schema.lower()):
                named = f"source.{_identifier(within)}.{_identifier(table)}"
                connection.execute(f"CREATE VIEW {table.lower()} AS SELECT * FROM {named}")
        connection.execute("SET allowed_directories = ?", [[str(temporary.resolve())]])
        connection.execute("SET enable_external_access = false")  # its views may ask for any file of ours
        return
    with duckdb.connect(":memory:") as plain:
        for path in sorted(folder.iterdir()):
            table, _, suffix = path.name.lower().partition(".")
            if table in READ and path.is_file() and f".{suffix}" in _TEXT:
                connection.execute(f"CREATE VIEW {table} AS SELECT * FROM {_csv(path, plain)}")
            elif table in READ and (path.is_dir() or f".{suffix}" in _PARQUET):
                files = f"{_exactly(path)}/*.parquet" if path.is_dir() else _exactly(path)
                read = f"read_parquet('{files}', hive_partitioning=false)"  # no folder above is called for a column
                connection.execute(f"CREATE VIEW {table} AS SELECT * FROM {read}")


def _csv(path: Path, plain: duckdb.DuckDBPyConnection) -> str:
    """How a text file is read: everything as text, and nothing skipped. Vocabulary files have tabs and no quotes."""
    line = plain.execute(
        "SELECT column0 FROM read_csv(?, delim='\x01', header=false, quote='', all_varchar=true, "
        "columns={'column0': 'VARCHAR'}) LIMIT 1",
        [_only(path)],
    ).fetchone()
    header = (line and line[0]) or ""  # an empty line is a null
    delimiter = max(",\t;|", key=header.count)
    quote = "" if delimiter == "\t" else '"'
    return (
        f"read_csv('{_exactly(path)}', header=true, all_varchar=true, delim='{delimiter}', quote='{quote}', "
        f"escape='{quote}', null_padding=false, ignore_errors=false, hive_partitioning=false)"
    )


def _columns(connection: duckdb.DuckDBPyConnection) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "SELECT lower(table_name), lower(column_name) FROM information_schema.columns "
        "WHERE table_catalog = 'memory' AND table_schema = 'main'"
    ).fetchall():
        found.setdefault(table, set()).add(column)
    return {table: frozenset(columns) for table, columns in found.items()}


def _identifier(name: str) -> str:
    """A name as SQL has it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    """A text between quotes."""
    return text.replace("'", "''")


def _exactly(path: Path) -> str:
    """A file's name between quotes, with nothing in it that stands for other files."""
    return _quoted(_only(path))


def _only(path: Path) -> str:
    """The pattern that only this file's name fits."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def _unreadable(name: str, error: duckdb.Error) -> InputError | OSError:
    """DuckDB says which file and line; what stands there it also says, and that is a patient's."""
    if os.strerror(errno.ENOSPC) in str(error):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "the folder of temporary files")
    kind = type(error).__name__.removesuffix("Exception")
    lines = [line.strip() for line in str(error).splitlines()]
    where = next((line for line in lines if line.startswith(("CSV Error on Line", "Line:"))), "")
    return InputError(
        f"{name} can't be read ({kind}{': ' + where if where else ''}); check the file, or export it anew"
    )
