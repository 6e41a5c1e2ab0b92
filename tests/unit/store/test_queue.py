"""What becomes of an entry of the queue."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from adapter.screening.react.changes import Relevance, ResourceChange
from adapter.screening.react.context import Timing
from adapter.screening.react.inbox import enqueue
from adapter.store import Database, open_database, queue
from adapter.store.queue import Claim, LostLeaseError
from adapter.store.tables import pending, resource_index, touch

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEASE = timedelta(seconds=60)
SECOND = timedelta(seconds=1)
MOST_OF_SQLITE = 32_766
"""Parameters of a statement, where it was not compiled otherwise."""

STUDY = frozenset({"study"})
RELEVANCE = Relevance(
    by_name={"weak": STUDY, "strong": STUDY},
    everything=STUDY,
    index=frozenset({"strong"}),
    index_types=frozenset({"Observation"}),
    types=frozenset({"Medication", "Observation"}),
)


def notify(database: Database, key: str, *touches: str, at: datetime = NOW) -> None:
    """One notification, due at once."""
    with database.transaction() as connection:
        queue.notify(connection, {key: frozenset(touches)}, at, at)


def claim(database: Database, at: datetime = NOW, most: int = 10) -> list[Claim]:
    """What can be claimed at a moment."""
    with database.transaction() as connection:
        return queue.claim(connection, at, LEASE, most)


def finish(database: Database, done: Claim, at: datetime = NOW) -> bool:
    """End a claim."""
    with database.transaction() as connection:
        return queue.finish(connection, done, at)


def depth(database: Database) -> tuple[int, int]:
    """Waiting and dead."""
    with database.transaction() as connection:
        found = queue.depth(connection)
    return found.waiting, found.dead


def test_forty_notifications_of_a_patient_are_one_entry(database: Database) -> None:
    """A laboratory's forty results are one evaluation, which knows all that has changed and since when."""
    for number in range(40):
        notify(database, "Patient/p1", f"analyte-{number % 4}", at=NOW + number * SECOND)
    (found,) = claim(database, NOW + timedelta(minutes=1))
    assert found.touched == {"analyte-0", "analyte-1", "analyte-2", "analyte-3"}
    assert found.since == NOW
    assert finish(database, found)
    assert depth(database) == (0, 0)


@pytest.mark.parametrize("of_one_medication", [True, False])
def test_more_patients_than_a_statement_takes(database: Database, *, of_one_medication: bool) -> None:
    """A hospital's one entry for a drug, which they all take; or many messages of theirs at the same time."""
    patients = [f"Patient/{number}" for number in range(MOST_OF_SQLITE + 1)]
    medication = ResourceChange(resource="Medication/m", touches=frozenset({"weak"}))
    theirs = [
        ResourceChange(resource=f"Observation/{number}", patient=each, touches=frozenset({"weak"}))
        for number, each in enumerate(patients)
    ]
    rows = [{"resource": "Medication/m", "patient": each, "reads": '["weak"]'} for each in patients]
    with database.transaction() as connection:
        held = connection.connection.driver_connection
        assert isinstance(held, sqlite3.Connection)
        held.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, MOST_OF_SQLITE)
        connection.execute(insert(resource_index), rows)
        found = enqueue(connection, [medication] if of_one_medication else theirs, RELEVANCE, NOW)
    wanted = {"queued": 1} if of_one_medication else {"unindicated": len(patients)}
    assert (found, depth(database)) == (wanted, (len(patients) if of_one_medication else 0, 0))


@pytest.mark.parametrize("ahead", [queue.FURTHEST + SECOND, timedelta(hours=2), timedelta(days=400)])
def test_a_clock_that_was_ahead_holds_nobody_up(database: Database, ahead: timedelta) -> None:
    """Neither what it stored as due, nor what it leased and never finished."""
    notify(database, "Patient/p1", "creatinine", at=NOW + ahead)
    notify(database, "Patient/p2", "creatinine", at=NOW + ahead)
    (_, *_) = claim(database, NOW + ahead, most=1)
    assert {each.key for each in claim(database, NOW)} == {"Patient/p1", "Patient/p2"}
    assert claim(database, NOW + 30 * SECOND) == []


def test_no_pause_is_taken_for_a_wrong_clock() -> None:
    """The longest, also where the clocks of two processes differ."""
    assert Timing().longest_wait + queue.LONGEST_SETTLE + timedelta(minutes=10) <= queue.FURTHEST


def test_what_comes_during_the_work_is_done_afterwards(database: Database) -> None:
    """A change that arrives while the patient is evaluated keeps the entry, with only that change."""
    notify(database, "Patient/p1", "creatinine")
    (first,) = claim(database)
    notify(database, "Patient/p1", "alt")
    assert claim(database) == []  # one at a time
    assert not finish(database, first)
    (second,) = claim(database)
    assert second.touched == {"alt"}
    assert finish(database, second)


def test_the_same_change_again_during_the_work(database: Database) -> None:
    """It is another change of the same thing, and is not taken for the one that has been seen."""
    notify(database, "Patient/p1", "creatinine")
    (first,) = claim(database)
    notify(database, "Patient/p1", "creatinine")
    finish(database, first)
    (second,) = claim(database)
    assert second.touched == {"creatinine"}


def test_a_killed_workers_entry_comes_back(database: Database) -> None:
    """When its lease has ended another may have it, and what the first one says then doesn't count any more."""
    notify(database, "Patient/p1", "creatinine")
    (lost,) = claim(database)
    assert claim(database, NOW + LEASE - SECOND) == []
    (again,) = claim(database, NOW + LEASE)
    with pytest.raises(LostLeaseError):
        finish(database, lost)
    with pytest.raises(LostLeaseError), database.transaction() as connection:
        queue.fail(connection, lost, "X", NOW)
    assert finish(database, again)


def test_what_is_given_back_can_be_claimed_at_once(database: Database) -> None:
    """A worker that stops returns what it hasn't done."""
    notify(database, "Patient/p1", "creatinine")
    claims = claim(database)
    with database.transaction() as connection:
        queue.give_back(connection, claims)
    assert [each.key for each in claim(database)] == ["Patient/p1"]


def test_not_before_it_is_due(database: Database) -> None:
    """Further notifications neither hasten nor delay an entry."""
    with database.transaction() as connection:
        queue.notify(connection, {"Patient/p1": frozenset({"a"})}, NOW, NOW + SECOND)
        queue.notify(connection, {"Patient/p1": frozenset({"b"})}, NOW, NOW + 9 * SECOND)
    assert claim(database) == []
    assert len(claim(database, NOW + SECOND)) == 1


def test_a_dead_letter(database: Database) -> None:
    """It is listed, and not claimed, until a person or a new notification asks for it."""
    notify(database, "Patient/p1", "creatinine")
    (failed,) = claim(database)
    with database.transaction() as connection:
        queue.fail(connection, failed, "InputError in x:1", None)
        (listed,) = queue.listed(connection, dead_only=True)
    assert (listed.key, listed.state, listed.attempts, listed.error) == ("Patient/p1", "dead", 1, "InputError in x:1")
    assert claim(database, NOW + timedelta(days=9)) == []
    with database.transaction() as connection:
        assert queue.retry(connection, None, NOW) == 1
    (again,) = claim(database)
    assert (again.attempts, set(again.touched)) == (0, {"creatinine"})
    with database.transaction() as connection:
        queue.fail(connection, again, "X", None)
    notify(database, "Patient/p1", "alt", at=NOW + SECOND)
    (revived,) = claim(database, NOW + SECOND)
    assert (revived.attempts, set(revived.touched)) == (0, {"creatinine", "alt"})


def test_a_failure_that_counts_for_nobody(database: Database) -> None:
    """An outage moves an entry to a later moment, and takes none of its attempts."""
    notify(database, "Patient/p1", "creatinine")
    for number, counts in enumerate((False, False, True)):
        (failed,) = claim(database, NOW + number * SECOND)
        with database.transaction() as connection:
            queue.fail(connection, failed, "X", NOW + (number + 1) * SECOND, counts=counts)
    (failed,) = claim(database, NOW + timedelta(minutes=1))
    assert failed.attempts == 1


STEPS = st.tuples(st.sampled_from(["notify", "claim", "finish", "kill"]), st.integers(0, 3), st.integers(0, 2))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for many examples."""
    opened = open_database(f"sqlite:///{tmp_path_factory.mktemp('queue') / 'hook.db'}")
    yield opened
    opened.close()


@given(st.lists(STEPS, max_size=25))
@settings(max_examples=40, deadline=None)
def test_no_change_is_lost(shared: Database, steps: list[tuple[str, int, int]]) -> None:
    """Whatever is notified, claimed, done and killed in whatever order: each change is seen by a claim that ended."""
    with shared.transaction() as connection:
        connection.execute(delete(pending))
        connection.execute(delete(touch))
    unseen: dict[str, set[str]] = {}
    held: dict[str, tuple[Claim, set[str]]] = {}
    now = NOW
    for step, patient, what in [*steps, *[("kill", each, 0) for each in range(4)]]:
        key, name = f"Patient/{patient}", f"analyte-{what}"
        now += SECOND
        if step == "notify":
            notify(shared, key, name, at=now)
            unseen.setdefault(key, set()).add(name)
            if key in held:
                held[key][1].add(name)
        elif step == "claim":
            for each in claim(shared, now, most=1):
                assert each.key not in held
                held[each.key] = (each, set())
        elif key in held:
            done, meanwhile = held.pop(key)
            if step == "finish":
                finish(shared, done, now)
                unseen[key] -= done.touched - meanwhile
            else:
                with shared.transaction() as connection:
                    queue.give_back(connection, [done])
    left = {each.key: set(each.touched) for each in claim(shared, now + LEASE)}
    assert left == {key: names for key, names in unseen.items() if names}
