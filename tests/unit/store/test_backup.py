"""A copy of the database while others work on it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from adapter.errors import AdapterError, StoreError, UsageError
from adapter.store import Database, duties, open_database
from adapter.store.database import back_up
from tests.unit.store.kept import FOLDER


def test_a_copy_holds_what_was_committed(database: Database, tmp_path: Path) -> None:
    """Also what stands in the log only, not what a transaction that runs has written; nobody is kept waiting."""
    url, copy = f"sqlite:///{tmp_path / 'hook.db'}", tmp_path / "copy.db"
    with database.transaction() as connection:
        duties.set_mark(connection, "a", "committed")
    with database.transaction() as connection:
        duties.set_mark(connection, "a", "not yet")
        assert back_up(url, copy) == copy.stat().st_size
    assert copy.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.glob("copy.db*")] == ["copy.db"]
    restored = open_database(f"sqlite:///{copy}")
    with restored.reading() as connection:
        assert duties.read_mark(connection, "a") == "committed"
    restored.close()


def test_an_earlier_versions_database_is_copied_as_it_is(tmp_path: Path) -> None:
    """The copy is made before the upgrade, or it would be none to go back to."""
    copy = tmp_path / "copy.db"
    back_up(f"sqlite:///{FOLDER / 'v1.db'}", copy)
    with create_engine(f"sqlite:///{copy}").connect() as connection:
        assert connection.exec_driver_sql("SELECT version FROM schema_version").scalar_one() == 1


@pytest.mark.parametrize("there", ["file", "link"])
def test_nothing_is_written_over(database: Database, tmp_path: Path, there: str) -> None:  # noqa: ARG001  # makes it
    """Neither a file, nor through a link that somebody has laid."""
    target = tmp_path / "copy.db"
    if there == "file":
        target.write_bytes(b"theirs")
    else:
        target.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is there already"):
        back_up(f"sqlite:///{tmp_path / 'hook.db'}", target)
    assert not (tmp_path / "elsewhere").exists()


def test_a_damaged_database_is_said(database: Database, tmp_path: Path) -> None:
    """Before the good backup of yesterday is thrown away for it."""
    database.close()
    file = tmp_path / "hook.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    damaged = bytearray(file.read_bytes())
    damaged[4096 * 2 : 4096 * 3] = b"\xff" * 4096
    file.write_bytes(damaged)
    with pytest.raises(StoreError, match=r"damaged|can't be copied"):
        back_up(f"sqlite:///{file}", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.parametrize(
    ("url", "kind", "said"),
    [
        ("sqlite:///nowhere.db", StoreError, "is it there"),
        ("postgresql://host/name", UsageError, "pg_dump"),
    ],
)
def test_what_can_not_be_copied(tmp_path: Path, url: str, kind: type[AdapterError], said: str) -> None:
    """With what to do instead, and no empty file."""
    with pytest.raises(kind, match=said):
        back_up(url, tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []
