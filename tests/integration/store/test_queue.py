"""PostgreSQL, where transactions run beside each other: the queue, and what others do to a transaction meanwhile."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import psycopg
import pytest
from sqlalchemy import Connection, text

from adapter.errors import StoreError
from adapter.screening.react.changes import ResourceChange
from adapter.screening.react.inbox import enqueue
from adapter.store import Database, open_database, queue
from tests.integration.postgres import Postgres, postgres, postgres_server
from tests.unit.store.test_queue import NOW, RELEVANCE

PATIENTS = [f"Patient/{letter}{number}" for letter in "aB-" for number in range(12)]
ROUNDS = 25


def test_no_two_messages_wait_for_each_other() -> None:
    """Whatever is said of whom, at the same time: what may be wanted and what is wanted is held in one order."""
    with postgres() as url:
        database = open_database(url)
        with database.transaction() as connection:
            queue.notify(connection, {each: frozenset({"weak"}) for each in PATIENTS}, NOW, NOW)

        def send(sender: int) -> None:
            chance = random.Random(sender)  # noqa: S311  # nothing secret
            for number in range(ROUNDS):
                changes = [
                    ResourceChange(
                        resource=f"Observation/{sender}-{number}-{place}",
                        patient=patient,
                        touches=frozenset({chance.choice(["weak", "strong"])}),
                    )
                    for place, patient in enumerate(chance.sample(PATIENTS, 10))
                ]
                with database.transaction() as connection:
                    enqueue(connection, changes, RELEVANCE, NOW)

        try:
            with ThreadPoolExecutor(4) as senders:
                list(senders.map(send, range(4)))
        finally:
            database.close()


BUSY, UNUSABLE = "the database is too busy", "the database can't be used"
MARKED = "UPDATE mark SET value = 'ours' WHERE name = 'm'"


def others(server: Postgres, statement: str) -> None:
    """What an administrator, or another program, does meanwhile."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement)


END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
MEANWHILE: dict[str, tuple[Callable[[Postgres, Connection], object], str]] = {
    "too slow": (lambda _, ours: ours.execute(text("SELECT pg_sleep(60)")), BUSY),
    "ended by an administrator": (lambda server, _: others(server, END_ALL), UNUSABLE),
    "restarted": (lambda server, _: server.restart(), UNUSABLE),
    "read-only": (lambda _, ours: ours.execute(text("SET TRANSACTION READ ONLY; DELETE FROM mark")), UNUSABLE),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server of our own, with a mark that somebody else has set."""
    with postgres_server() as found:
        open_database(found.url).close()
        others(found, "INSERT INTO mark VALUES ('m', 'theirs')")
        yield found


@pytest.mark.parametrize(("meanwhile", "said"), MEANWHILE.values(), ids=MEANWHILE)
def test_a_transaction_that_fails_is_said_and_undone(
    server: Postgres, meanwhile: Callable[[Postgres, Connection], object], said: str
) -> None:
    """Whoever asked comes back; the next transaction finds a connection by itself."""
    database = open_database(server.url, patience=0.5)
    with pytest.raises(StoreError, match=said), database.transaction() as connection:  # noqa: PT012  # all of it
        connection.execute(text(MARKED))
        meanwhile(server, connection)
    assert value(database) == "theirs"
    database.close()


def test_a_row_that_somebody_holds_is_waited_for_a_while(server: Postgres) -> None:
    """It is read at once, and written once it is free."""
    database = open_database(server.url, patience=0.5)
    with psycopg.connect(server.url) as connection:
        connection.execute(MARKED.replace("ours", "nobodys"))
        with pytest.raises(StoreError, match=BUSY), database.transaction() as ours:
            ours.execute(text(MARKED))
        assert value(database) == "theirs"
        connection.rollback()
    with database.transaction() as ours:
        ours.execute(text(MARKED.replace("ours", "theirs")))
    database.close()


@pytest.mark.parametrize("whose", ["another program's", "our own"])
def test_connections_that_are_used_up(server: Postgres, whose: str) -> None:
    """Of the server, or of this process: it is said, and over once they are free."""
    database = open_database(server.url, patience=0.5)
    database.close()  # no connection is kept
    with ExitStack() as held, pytest.raises(StoreError, match=BUSY if whose == "our own" else UNUSABLE):  # noqa: PT012
        for _ in range(200):
            if whose == "our own":
                held.enter_context(database.transaction())
            else:
                with suppress(psycopg.OperationalError):
                    held.enter_context(psycopg.connect(server.url, user="postgres", dbname="postgres"))
        value(database)
    assert value(database) == "theirs"
    database.close()


def value(database: Database) -> str:
    """What the mark says."""
    with database.reading() as connection:
        return str(connection.execute(text("SELECT value FROM mark")).scalar_one())
