"""The tables of a PostgreSQL database -> CSV files, all of one moment, streamed by COPY."""

from collections.abc import Iterable
from pathlib import Path

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
