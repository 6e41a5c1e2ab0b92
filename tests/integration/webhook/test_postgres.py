"""The webhook's queue on a real PostgreSQL, alone and with several processes."""

import inspect
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import pytest
from sqlalchemy import delete, text

from adapter.store import Database, open_database, queue, verdicts
from adapter.store.tables import metadata, schema_version
from tests.integration.postgres import postgres
from tests.integration.webhook.sharing import TABLES, main
from tests.unit.store import test_queue

ON_SQLITE = [
    function
    for name, function in inspect.getmembers(test_queue, inspect.isfunction)
    if name.startswith("test_") and list(inspect.signature(function).parameters) == ["database"]
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server of our own."""
    with postgres() as found:
        yield found


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """Its database, emptied."""
    opened = open_database(url)
    with opened.transaction() as connection:
        for table in metadata.sorted_tables:
            if table is not schema_version:
                connection.execute(delete(table))
    yield opened
    opened.close()


@pytest.mark.parametrize("behaves", ON_SQLITE, ids=lambda function: function.__name__)
def test_it_behaves_as_on_sqlite(database: Database, behaves: object) -> None:
    """Every behaviour of the queue that is tested on SQLite."""
    assert len(ON_SQLITE) > 5
    behaves(database)  # type: ignore[operator]  # a test of tests/unit/store


def test_two_processes_share_the_patients(database: Database, url: str, tmp_path: Path) -> None:
    """No patient is worked on by both at once, both work, and in the end everything is done."""
    names, stop = [f"p{number}" for number in range(40)], tmp_path / "stop"
    with database.transaction() as connection:
        for statement in TABLES:
            connection.execute(text(statement))
    processes = [
        get_context("spawn").Process(target=main, args=(url, number, names, stop), daemon=True) for number in range(2)
    ]
    for process in processes:
        process.start()
    try:
        for _ in range(4):
            now = datetime.now(UTC)
            with database.transaction() as connection:
                queue.notify(connection, {f"Patient/{name}": frozenset({"everything"}) for name in names}, now, now)
            _wait_until_empty(database)
    finally:
        stop.touch()
        for process in processes:
            process.join(60)
    with database.transaction() as connection:
        done = connection.execute(
            text("SELECT process, count(*), count(*) FILTER (WHERE together) FROM done GROUP BY 1")
        )
        counts = {process: (count, together) for process, count, together in done}
        known = verdicts.known_patients(connection, [f"Patient/{name}" for name in names])
    assert [process.exitcode for process in processes] == [0, 0]
    assert {together for _, together in counts.values()} == {0}
    assert sum(count for count, _ in counts.values()) >= 160
    assert all(count > 20 for count, _ in counts.values())
    assert len(counts) == 2
    assert len(known) == 40


def _wait_until_empty(database: Database) -> None:
    until = time.monotonic() + 120
    while True:
        with database.reading() as connection:
            if queue.depth(connection).waiting == 0:
                return
        assert time.monotonic() < until
        time.sleep(0.1)
