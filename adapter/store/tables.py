"""The tables. Times are milliseconds since 1970; what only this project reads of a row is JSON.

A change of these gets its step in `migrations.versions`; a test compares the two.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
)
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.types import TypeDecorator

_START = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_AT_ONCE = 10_000

T = TypeVar("T", str, int)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, to the millisecond."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002  # SQLAlchemy's signature
        """Into the database."""
        return None if value is None else (value - _START) // _MILLISECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # as above
        """Out of it."""
        return None if value is None else _START + value * _MILLISECOND


metadata = MetaData()

# Kept for the first version of the adapter alone, which looks here and refuses another number than its own.
schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True, autoincrement=False))

pending = Table(
    "pending",
    metadata,
    # Patient/x to evaluate, or another resource to look up first: one row each, however many notifications name it
    Column("key", String(255), primary_key=True),
    Column("generation", BigInteger, nullable=False),  # raised by every notification
    Column("state", String(16), nullable=False),  # waiting, or dead: given up until a person or a notification asks
    Column("due", Instant, nullable=False),
    Column("since", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("error", String(120)),  # the kind of the last failure, never its text
    Column("owner", String(64)),  # the claim that works on it, until its lease ends
    Column("lease", Instant),
)
Index("pending_due", pending.c.state, pending.c.due)

touch = Table(
    "touch",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("what", String(255), primary_key=True),  # what has changed, as adapter.screening.react.changes names it
    Column("generation", BigInteger, nullable=False),
)

resource_index = Table(
    "resource_index",
    metadata,
    # the resources that verdicts may stand on, as they were when the patient was last evaluated
    Column("resource", String(255), primary_key=True),
    Column("patient", String(255), primary_key=True),
    Column("version", Text),
    Column("updated", Text),
    Column("reads", Text, nullable=False),
)
Index("resource_index_patient", resource_index.c.patient)

merged = Table(
    "merged",
    metadata,
    Column("patient", String(255), primary_key=True),
    Column("into", String(255), nullable=False),
)

verdict = Table(
    "verdict",
    metadata,
    Column("patient", String(255), primary_key=True),
    Column("study", String(255), primary_key=True),
    Column("decision", String(32), nullable=False),
    Column("criteria", Text, nullable=False),
    Column("as_of", Instant, nullable=False),
    Column("valid_until", Instant),
    Column("basis", String(64), nullable=False),  # names definition, policy and terminology by their content
    Column("digest", String(64), nullable=False),  # of all that was written, but for the time
)
Index("verdict_valid_until", verdict.c.valid_until)
Index("verdict_as_of", verdict.c.as_of)
Index("verdict_basis", verdict.c.study, verdict.c.basis)

event = Table(
    "event",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("patient", String(255), nullable=False),
    Column("study", String(255), nullable=False),
    Column("old", String(32)),
    Column("new", String(32)),
    Column("criteria", Text, nullable=False),
    # the last of a patient who was erased: kept until every URL has taken it, and no longer
    Column("until_sent", Boolean, nullable=False, default=False, server_default=false()),
    sqlite_autoincrement=True,
)
Index("event_at", event.c.at)
Index("event_patient", event.c.patient)

delivery = Table(
    "delivery",
    metadata,
    # an event that a URL has not taken yet
    Column("event", Integer, primary_key=True, autoincrement=False),
    Column("url", String(1024), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("due", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("error", String(120)),
)

audit_event = Table(
    "audit_event",
    metadata,
    # who was shown what of whom; nothing takes a row out, and who is forgotten is still who was shown
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("patient", String(255)),
    Column("content", Text, nullable=False),  # the AuditEvent as FHIR JSON
    sqlite_autoincrement=True,
)
Index("audit_event_at", audit_event.c.at)
Index("audit_event_patient", audit_event.c.patient)

duty = Table(
    "duty",
    metadata,
    # what one process at a time does again and again: the sweep, the calendar, deliveries
    Column("name", String(64), primary_key=True),
    Column("due", Instant, nullable=False),
    Column("asked", BigInteger, nullable=False, default=0),  # raised by who wants it done at once
    Column("owner", String(64)),
    Column("lease", Instant),
)

mark = Table("mark", metadata, Column("name", String(255), primary_key=True), Column("value", Text, nullable=False))


def lots(keys: Iterable[T]) -> Iterator[list[T]]:
    """Keys in their order, as many at a time as a statement takes of any database (of SQLite's 32,766 parameters)."""
    ordered = sorted(keys)
    return (ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE))


def upsert(connection: Connection, table: Table) -> SqliteInsert | PostgresInsert:
    """An INSERT into a table, in the words of the connection's database."""
    return SqliteInsert(table) if connection.dialect.name == "sqlite" else PostgresInsert(table)
