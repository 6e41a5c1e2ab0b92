"""The queue in PostgreSQL, where transactions run beside each other."""

import random
from concurrent.futures import ThreadPoolExecutor

from adapter.screening.react.changes import ResourceChange
from adapter.screening.react.inbox import enqueue
from adapter.store import open_database, queue
from tests.integration.postgres import postgres
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
