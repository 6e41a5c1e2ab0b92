"""How long data stay."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, func, select

from adapter.store import Database, deliveries, index, queue, retention, verdicts
from adapter.store.deliveries import Delivery
from adapter.store.index import Indexed
from adapter.store.retention import Retention, retention_of
from adapter.store.tables import event, metadata
from adapter.store.verdicts import StoredVerdict

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=91)
LIMIT = NOW - timedelta(days=90)
URLS = ("https://one.example/", "https://two.example/")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "P90D P90D P90D"),
        (("P1Y",), "P1Y P1Y P1Y"),
        (("events=P12M",), "P12M P90D P90D"),
        (("P30D", "deliveries=P1W", "verdicts=P6M"), "P30D P1W P6M"),
    ],
)
def test_what_a_site_writes(words: tuple[str, ...], expected: str) -> None:
    """One length for all, or one for each."""
    found = retention_of(words)
    assert f"{found.events} {found.deliveries} {found.verdicts}" == expected


@pytest.mark.parametrize("word", ["90", "P0D", "events", "queue=P1D", "events=", "P1Y6M", "P200Y", "-P1D"])
def test_what_can_not_be_meant(word: str) -> None:
    """It is said what to write."""
    with pytest.raises(ValueError, match=r"write|none of"):
        retention_of([word])


def test_months_are_calendar_months() -> None:
    """One month before the 31st of March is the last of February; nothing is cut off before its time."""
    assert retention.before(NOW, retention_of(["P1M"]).events) == datetime(2026, 2, 28, 12, tzinfo=UTC)
    assert retention.before(NOW, Retention().events) == NOW - timedelta(days=90)


def add_event(connection: Connection, at: datetime, patient: str = "Patient/a", *urls: str) -> int:
    """An event; its number."""
    verdicts.record_event(connection, at, (patient, "s1", None, "candidate"), (), urls)
    return verdicts.events(connection)[-1].id


def test_old_events_go_some_at_a_time(database: Database) -> None:
    """The oldest first, never more than asked for, and none that is not old."""
    with database.transaction() as connection:
        numbers = [add_event(connection, OLD + timedelta(minutes=minute)) for minute in range(5)]
        young = add_event(connection, LIMIT)
        assert retention.expire_events(connection, LIMIT, URLS, most=3) == 3
        assert [each.id for each in verdicts.events(connection)] == [*numbers[3:], young]
        assert retention.expire_events(connection, LIMIT, URLS, most=3) == 2
        assert retention.expire_events(connection, LIMIT, URLS, most=3) == 0


def test_an_event_that_is_still_to_be_delivered_stays(database: Database) -> None:
    """However old, as long as its URL is configured; what was given up goes by its own time."""
    with database.transaction() as connection:
        waits = add_event(connection, OLD, "Patient/a", URLS[0])
        given_up = add_event(connection, OLD, "Patient/b", URLS[1])
        elsewhere = add_event(connection, OLD, "Patient/c", "https://no-more.example/")
        due = {each.event.id: each for each in deliveries.due(connection, URLS, NOW, 9)}
        deliveries.failed(connection, due[given_up], "status 500", None)
        assert retention.expire_deliveries(connection, OLD, URLS, most=9) == 0
        assert retention.expire_deliveries(connection, LIMIT, URLS, most=9) == 2
        assert deliveries.undelivered(connection) == {"waiting": 1}
        assert {each.id for each in verdicts.events(connection)} == {waits, given_up, elsewhere}
        assert retention.expire_events(connection, LIMIT, URLS, most=9) == 2
        assert [each.id for each in verdicts.events(connection)] == [waits]
        deliveries.delivered(connection, due[waits])
        assert retention.expire_events(connection, LIMIT, URLS, most=9) == 1


def verdict_of(patient: str, study: str, as_of: datetime) -> StoredVerdict:
    """A verdict."""
    return StoredVerdict(
        patient=patient, study=study, decision="candidate", criteria={}, as_of=as_of, valid_until=None, basis="b",
        digest="d",
    )  # fmt: skip


def test_verdicts_of_trials_that_are_no_more(database: Database) -> None:
    """They go; those of present trials stay however old, and so does what is known of their patients."""
    with database.transaction() as connection:
        found = [
            ("Patient/a", "over", OLD),
            ("Patient/a", "now", OLD),
            ("Patient/b", "over", OLD),
            ("Patient/c", "over", NOW),
        ]
        verdicts.put(connection, [verdict_of(*each) for each in found])
        for patient in ("Patient/a", "Patient/b"):
            row = Indexed(resource=f"{patient}-x", patient=patient, version="1", updated=None, reads=frozenset())
            index.replace_patient(connection, patient, [row], keep_others=False)
        assert retention.expire_verdicts(connection, LIMIT, {"now"}, most=9) == 2
        assert set(verdicts.of_patient(connection, "Patient/a")) == {"now"}
        assert index.of_patient(connection, "Patient/a")
        assert index.of_patient(connection, "Patient/b") == {}
        assert set(verdicts.of_patient(connection, "Patient/c")) == {"over"}


def test_everything_of_a_patient_is_erased(database: Database) -> None:
    """From every table, and nothing of anybody else; a table that is new is looked into as well."""

    def fill(name: str) -> None:
        verdicts.put(connection, [verdict_of(name, "s1", NOW)])
        delivered = add_event(connection, NOW, name, *URLS)
        deliveries.failed(
            connection, Delivery(event=verdicts.events(connection)[-1], url=URLS[0], attempts=1), "e", None
        )
        assert delivered
        rows = [
            Indexed(resource=key, patient=name, version="1", updated=None, reads=frozenset())
            for key in (f"Observation/{name[8:]}-lab", "Medication/shared")
        ]
        index.replace_patient(connection, name, rows, keep_others=False)
        index.set_survivor(connection, f"{name}-old", name)
        queue.notify(connection, {f"Observation/{name[8:]}-lab": frozenset()}, NOW, NOW)
        (claim,) = queue.claim(connection, NOW, timedelta(seconds=60), 1)
        queue.fail(connection, claim, "e", None)

    with database.transaction() as connection:
        fill("Patient/zebra")
        fill("Patient/other")
        before = everything(connection, "other")
        retention.erase(connection, "Patient/zebra", NOW, ())
        assert everything(connection, "zebra") == []
        assert everything(connection, "other") == before
        assert len(before) == 6


def test_the_last_event_outlives_a_second_erasure(database: Database) -> None:
    """Or a receiver would never hear that there is no verdict any more; it goes with its retention at the latest."""
    with database.transaction() as connection:
        verdicts.put(connection, [verdict_of("Patient/a", "s1", NOW)])
        retention.erase(connection, "Patient/a", OLD, URLS)
        retention.erase(connection, "Patient/a", OLD, URLS)
        due = deliveries.due(connection, URLS, NOW, 9)
        assert [(each.event.new, each.url) for each in due] == [(None, URLS[0]), (None, URLS[1])]
        deliveries.delivered(connection, due[0])
        deliveries.failed(connection, due[1], "status 500", None)
        assert retention.expire_deliveries(connection, LIMIT, URLS, most=9) == 1
        assert connection.scalar(select(func.count()).select_from(event)) == 0


def everything(connection: Connection, name: str) -> list[str]:
    """All rows that name somebody."""
    rows = [(table.name, row) for table in metadata.sorted_tables for row in connection.execute(select(table))]
    return [f"{table} {row}" for table, row in rows if name in str(row)]
