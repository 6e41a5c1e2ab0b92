"""One database: its connections, its transactions, its schema.

SQLite: one file, write-ahead log, synchronous FULL (a commit is on the disk when it returns), every transaction that
may write takes the lock when it begins, so that none has to give up half-way; what is deleted is overwritten.
PostgreSQL: as it comes, READ COMMITTED.

A copy of an SQLite database while others work on it, by SQLite's online backup. PostgreSQL has pg_dump for that.
"""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from adapter.errors import StoreError, UsageError
from adapter.retries import retry_context
from adapter.store.migrations import is_current, upgrade

PATIENCE = 5.0
"""Seconds to wait for another process' transaction, before the caller is told to come back."""

_CONNECTIONS = 8
_WIPE_PATIENCE = 0.2
_READS = "only_reads"
_ONE_AT_A_TIME = 7_120_419
"""The number of the lock under which the schema is made, or brought up to date."""
_UPGRADING = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '5min'"
"""A large database takes its time, and who starts meanwhile waits for it."""

_FAILURES = (DBAPIError, NoConnectionError)
_BUSY = frozenset({"40001", "40P01", "55P03", "57014"})
"""PostgreSQL's codes of what others' transactions are to blame for, or the load: serialization failure, deadlock, lock
not available, query canceled (https://www.postgresql.org/docs/15/errcodes-appendix.html)."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """Where a database is: an SQLAlchemy URL, which may hold a password."""

    url: str = field(repr=False)


class Database:
    """Runs transactions. Belongs to one process. `failure`: why the last one failed, None if it didn't."""

    def __init__(self, engine: Engine) -> None:
        """An engine whose schema stands."""
        self._engine = engine
        self._limiter: CapacityLimiter | None = None
        self._looking: CapacityLimiter | None = None
        self.failure: str | None = None

    @property
    def is_shared(self) -> bool:
        """Whether several machines can work on it."""
        return self._engine.dialect.name != "sqlite"

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction, durable when the block has ended, undone where it raises.

        Raises StoreError where the database can't be reached, or stays locked.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except _FAILURES as error:
            self.failure = _reason_of(error)
            raise StoreError(self.failure) from error
        self.failure = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads, and waits for no other. Raises StoreError where the database can't be used."""
        try:
            with self._engine.connect().execution_options(**{_READS: True}) as connection, connection.begin():
                yield connection
        except _FAILURES as error:
            raise StoreError(_reason_of(error)) from error

    async def run(self, work: Callable[[Connection], T]) -> T:
        """The result of a transaction, beside the event loop. Raises StoreError as above."""
        if self._limiter is None:  # needs the event loop
            self._limiter = CapacityLimiter(_CONNECTIONS if self.is_shared else 1)

        def transact() -> T:
            with self.transaction() as connection:
                return work(connection)

        return await to_thread.run_sync(transact, limiter=self._limiter)

    async def look(self, work: Callable[[Connection], T]) -> T:
        """The result of a transaction that only reads, beside the event loop. Raises StoreError as above."""
        if self._looking is None:
            self._looking = CapacityLimiter(_CONNECTIONS)

        def read() -> T:
            with self.reading() as connection:
                return work(connection)

        return await to_thread.run_sync(read, limiter=self._looking)

    async def wipe(self) -> None:
        """Have what was deleted leave the disk as well, as far as that is ours to do (SQLite's log).

        Best effort: where somebody reads just now, the log is written over by later ones.
        """
        if not self.is_shared:
            with suppress(sqlite3.Error):
                await to_thread.run_sync(self._truncate_log)

    def _truncate_log(self) -> None:
        """Over a connection with hardly any patience: whoever waits for a reader here keeps the writers waiting."""
        with closing(sqlite3.connect(self._engine.url.database or "", timeout=_WIPE_PATIENCE)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def open_database(url: str, patience: float = PATIENCE) -> Database:
    """The database at an SQLAlchemy URL (`sqlite:///file`, `postgresql://…`), its schema made, or brought up to date.

    Processes that start at once wait for the first. Raises UsageError for a URL of anything else, StoreError where the
    database can't be used, or is of a newer version.
    """
    engine = _engine(_parsed(url), patience)
    try:
        with engine.connect().execution_options(**{_READS: True}) as connection, connection.begin():
            is_ready = is_current(connection)  # a look needs no lock: whoever holds it doesn't keep us from starting
        if not is_ready:
            with engine.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(text(_UPGRADING))
                    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ONE_AT_A_TIME})
                upgrade(connection)
    except StoreError:
        engine.dispose()
        raise
    except SQLAlchemyError as error:
        engine.dispose()
        raise StoreError(_reason_of(error)) from error
    return Database(engine)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        msg = "the database's address is no URL; write sqlite:///file.db or postgresql://user:password@host/name"
        raise UsageError(msg) from None
    if parsed.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed
    msg = f"a database {parsed.drivername!r} is not known here; write sqlite:///file.db or postgresql://…"
    raise UsageError(msg)


def _engine(url: URL, patience: float) -> Engine:
    try:
        if url.drivername == "sqlite":
            file = Path(url.database or "")
            file.touch(mode=stat.S_IRUSR | stat.S_IWUSR)  # it names patients: its owner's alone
            engine = create_engine(url, connect_args={"timeout": patience, "check_same_thread": False})
            event.listen(engine, "connect", partial(_set_up_sqlite, patience=patience))
            event.listen(engine, "begin", _begin)
            return engine
        options = f"-c lock_timeout={int(patience * 1000)} -c statement_timeout={int(patience * 4000)}"
        return create_engine(
            url,
            pool_size=_CONNECTIONS,
            pool_timeout=patience,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 5, "options": options},
        )
    except NoSuchModuleError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        msg = f"the database's file {url.database} can't be made: {error.strerror}"
        raise StoreError(msg) from error


def _set_up_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry, *, patience: float) -> None:
    connection.isolation_level = None  # SQLAlchemy begins transactions, see below
    # SQLite itself waits for no lock that it needs to turn a new file into one with a log, lest two wait for each other
    waits = retry_context(
        on=_is_locked, attempts=None, timeout=patience, wait_initial=0.02, wait_max=0.5, wait_jitter=0.02
    )
    for attempt in waits:
        with attempt:
            connection.execute("PRAGMA journal_mode=WAL").close()
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _is_locked(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get(_READS) else "BEGIN IMMEDIATE")


def _reason_of(error: SQLAlchemyError) -> str:
    """What is wrong, without the statement: its parameters name patients."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, Exception) and _is_locked(cause):
        return "the database is locked by another process; come back in a few seconds"
    if isinstance(cause, sqlite3.DatabaseError) and "not a database" in str(cause):
        return "the file is no SQLite database; correct TRIAL_ADAPTER_DATABASE_URL, or restore a backup"
    if isinstance(cause, NoConnectionError) or getattr(cause, "sqlstate", None) in _BUSY:
        return f"the database is too busy ({type(cause).__name__}); come back in a few seconds"
    return f"the database can't be used ({type(cause).__name__}); does it run, and is its disk full?"


_OWNER_ALONE = 0o600


def back_up(url: str, to: Path) -> int:
    """Copy the database at an SQLAlchemy URL into a new file, its owner's alone; its bytes.

    It holds what was committed when the copy began, and is checked. Raises UsageError for another database than SQLite,
    StoreError where a file is there already or the copy is not sound.
    """
    parsed = make_url(url)
    if parsed.drivername != "sqlite":
        msg = "PostgreSQL makes its own backups: pg_dump --format=custom --file=FILE DATABASE (docs/operations.md)"
        raise UsageError(msg)
    try:
        os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _OWNER_ALONE))
    except FileExistsError:
        msg = f"{to} is there already; name a new file"
        raise StoreError(msg) from None
    try:
        source = f"{Path(parsed.database or '').absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(source, uri=True)) as held, closing(sqlite3.connect(to)) as copy:
            held.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE").close()  # one file, nothing beside it
            ((said,),) = copy.execute("PRAGMA integrity_check(1)").fetchall()
    except sqlite3.Error as error:
        to.unlink()
        msg = f"the database can't be copied ({type(error).__name__}); is it there, and is there room?"
        raise StoreError(msg) from error
    if said != "ok":
        to.unlink()
        msg = "the database is damaged; restore the last backup"
        raise StoreError(msg)
    return to.stat().st_size
