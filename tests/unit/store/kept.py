"""What the databases of the first version hold, and what must still be so when they have been upgraded."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select

from adapter.store import Database, deliveries, duties, index, queue, verdicts
from adapter.store.tables import metadata, resource_index, schema_version

FOLDER = Path(__file__).parent / "databases"
ROWS = {
    "delivery": 2, "duty": 2, "event": 20, "mark": 1, "merged": 1, "pending": 3, "resource_index": 80, "touch": 3,
    "verdict": 20,
}  # fmt: skip
"""How many rows each table has."""
_ADDED = {"until_sent", "audit_event"}
"""Columns and tables that the first version had not."""


def contents(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table that holds something of patients."""
    found = {}
    for table in metadata.sorted_tables:
        if table is not schema_version and table.name not in _ADDED:
            columns = [column for column in table.c if column.name not in _ADDED]
            found[table.name] = sorted(tuple(row) for row in connection.execute(select(*columns)))
    return found


def check_that_it_goes_on(database: Database) -> None:
    """What was remembered is read, and what is new is added to it."""
    now = datetime(2026, 11, 28, 13, 50, tzinfo=UTC)  # when the other entries were not due yet
    with database.transaction() as connection:
        assert {name: len(rows) for name, rows in contents(connection).items()} == ROWS
        assert connection.execute(select(schema_version.c.version)).scalar_one() == 2  # the first version refuses it
        waiting = {each.key: (each.state, each.error) for each in queue.listed(connection)}
        assert waiting["Patient/bench-2"] == ("dead", "ServerError")
        assert waiting["Observation/bench-1-3"] == ("waiting", None)
        assert deliveries.undelivered(connection) == {"waiting": 1, "dead": 1}
        assert len(verdicts.of_patient(connection, "Patient/bench-1")) == 5
        assert len(index.of_patient(connection, "Patient/bench-1")) == 20
        assert index.survivors(connection, ["Patient/bench-11"]) == {"Patient/bench-11": "Patient/bench-10"}
        assert duties.read_mark(connection, "hl7v2:ward/MSH-10") == "2026-11-25T10:00:00Z"
        assert duties.due_at(connection, "calendar") is not None
        verdicts.record_event(connection, now, ("Patient/bench-1", "senl-t7", None, "not-eligible"), (), ())
        assert verdicts.events(connection)[-1].id == 21
        queue.retry(connection, None, now)
        (claim,) = queue.claim(connection, now, timedelta(seconds=60), 1)
        assert claim.key == "Patient/bench-2"
        connection.execute(resource_index.delete())
