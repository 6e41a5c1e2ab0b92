"""The database as a site meets it."""

import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy import insert, select, text

from adapter.errors import InputError, StoreError, UsageError
from adapter.store import Database, open_database
from adapter.store.tables import mark, verdict

MOMENT = datetime(2026, 3, 1, 13, 0, 0, 123000, tzinfo=timezone(timedelta(hours=1)))


def test_a_commit_is_on_the_disk(database: Database) -> None:
    """SQLite's write-ahead log is synchronised at each commit."""
    with database.transaction() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    """All of it, or none."""

    def half() -> None:
        with database.transaction() as connection:
            connection.execute(insert(mark).values(name="a", value="b"))
            raise InputError

    with pytest.raises(InputError):
        half()
    with database.transaction() as connection:
        assert connection.execute(select(mark)).all() == []


def test_an_instant_is_kept_to_the_millisecond(database: Database) -> None:
    """Whatever zone it was said in."""
    with database.transaction() as connection:
        values = {"patient": "p", "study": "s", "decision": "d", "criteria": "{}", "basis": "b", "digest": "x"}
        connection.execute(insert(verdict).values(as_of=MOMENT, **values))
        assert connection.execute(select(verdict.c.as_of)).scalar_one() == MOMENT.astimezone(UTC)


def test_a_locked_database_is_said_so(database: Database, tmp_path: Path) -> None:
    """After a moment, with what to do, and without a statement, which would name patients."""
    with sqlite3.connect(tmp_path / "hook.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another process") as caught, database.transaction():
            pass
        other.execute("ROLLBACK")
    assert "BEGIN" not in str(caught.value)
    other.close()
    with database.transaction() as connection:
        assert connection.execute(select(mark)).all() == []


def test_a_locked_database_is_opened(database: Database, tmp_path: Path) -> None:
    """A process that starts meanwhile needs no lock: what it then has to write waits."""
    with sqlite3.connect(tmp_path / "hook.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        again = open_database(f"sqlite:///{tmp_path / 'hook.db'}", patience=0.01)
        with again.reading() as connection:
            assert connection.execute(select(mark)).all() == []
        again.close()
    other.close()
    assert database.failure is None


def test_opened_again_it_holds_what_it_held(database: Database, tmp_path: Path) -> None:
    """The schema is made once."""
    with database.transaction() as connection:
        connection.execute(insert(mark).values(name="a", value="b"))
    again = open_database(f"sqlite:///{tmp_path / 'hook.db'}")
    with again.transaction() as connection:
        assert connection.execute(select(mark.c.value)).scalar_one() == "b"
    again.close()


def test_only_its_owner_may_read_it(database: Database, tmp_path: Path) -> None:  # noqa: ARG001  # it makes the file
    """It names patients."""
    assert stat.S_IMODE((tmp_path / "hook.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://host/db", "sqlite://", "sqlite:///:memory:"])
def test_an_address_of_something_else(url: str) -> None:
    """Refused with what to write instead."""
    with pytest.raises(UsageError, match=r"sqlite:///file\.db"):
        open_database(url)


def test_a_file_of_something_else(tmp_path: Path) -> None:
    """It is no full disk: the address names another file."""
    (tmp_path / "record.json").write_text("{}" * 1000)
    with pytest.raises(StoreError, match="no SQLite database; correct"):
        open_database(f"sqlite:///{tmp_path / 'record.json'}")


def test_a_server_that_is_not_there() -> None:
    """No connection is a StoreError, without the password."""
    with pytest.raises(StoreError, match="can't be used") as caught:
        open_database("postgresql://user:s3cret@127.0.0.1:1/none")
    assert "s3cret" not in str(caught.value)


def test_a_new_file_that_somebody_writes_is_waited_for(tmp_path: Path) -> None:
    """SQLite waits for no lock where it gives a file its log, so whoever opened it first would turn the others away."""
    file = tmp_path / "new.db"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("CREATE TABLE held (number INTEGER)")
        ends = Timer(0.3, writer.execute, ["ROLLBACK"])
        ends.start()
        open_database(f"sqlite:///{file}").close()
        ends.join()
