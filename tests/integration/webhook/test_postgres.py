"""The webhook's queue on a real PostgreSQL, alone and with several processes."""

import inspect
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess  # noqa: TC003  # one block of imports
from pathlib import Path

import pytest
from sqlalchemy import delete, text

from adapter.store import Database, open_database, queue, verdicts
from adapter.store.tables import metadata, schema_version
from tests.integration.postgres import postgres
from tests.integration.waiting import wait_until
from tests.integration.webhook.sharing import NO_TABLES, TABLES, main
from tests.unit.store import test_queue, test_retention

StartWorker = Callable[[list[str], float], None]
ON_SQLITE = [
    function
    for tests in (test_queue, test_retention)
    for name, function in inspect.getmembers(tests, inspect.isfunction)
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
    """Every behaviour of the queue, and of retention, that is tested on SQLite."""
    assert len(ON_SQLITE) > 5
    behaves(database)  # type: ignore[operator]  # a test of tests/unit/store


@pytest.fixture
def start_worker(database: Database, url: str, tmp_path: Path) -> Iterator[StartWorker]:
    """Start a process that works on the queue, and wait until it does; all of them end with the test."""
    processes: list[SpawnProcess] = []
    stop = tmp_path / "stop"
    with database.transaction() as connection:
        for statement in TABLES:
            connection.execute(text(statement))

    def start(names: list[str], pause: float) -> None:
        number = len(processes)
        arguments = (url, number, names, stop, pause)
        processes.append(get_context("spawn").Process(target=main, args=arguments, daemon=True))
        processes[-1].start()
        wait_until(stop.with_name(f"working-{number}").exists, seconds=120)

    yield start
    stop.touch()
    for process in processes:
        process.join(60)
    with database.transaction() as connection:
        for statement in NO_TABLES:
            connection.execute(text(statement))
    assert {process.exitcode for process in processes} == {0}


def test_two_processes_share_the_patients(database: Database, start_worker: StartWorker) -> None:
    """No patient is worked on by both at once, both work, and in the end everything is done."""
    names = [f"p{number}" for number in range(40)]
    for _ in range(2):
        start_worker(names, 0.05)
    for _ in range(4):
        _all_done(database, names)
    with database.transaction() as connection:
        done = connection.execute(
            text("SELECT process, count(*), count(*) FILTER (WHERE together) FROM done GROUP BY 1")
        )
        counts = {process: (count, together) for process, count, together in done}
        known = verdicts.known_patients(connection, [f"Patient/{name}" for name in names])
    assert {together for _, together in counts.values()} == {0}
    assert sum(count for count, _ in counts.values()) == 160
    assert all(count > 20 for count, _ in counts.values())
    assert len(counts) == 2
    assert len(known) == 40


def _all_done(database: Database, names: list[str]) -> None:
    """Everything of everyone has changed, and was evaluated."""
    now = datetime.now(UTC)
    with database.transaction() as connection:
        queue.notify(connection, {f"Patient/{name}": frozenset({"everything"}) for name in names}, now, now)

    def is_empty() -> bool:
        with database.reading() as connection:
            busy = connection.execute(text("SELECT count(*) FROM busy")).scalar_one()
            return queue.depth(connection).waiting == 0 and busy == 0

    wait_until(is_empty, seconds=120, pause=0.05)
