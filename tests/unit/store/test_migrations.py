"""From the tables of an earlier version to the present ones."""

import shutil
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from adapter.errors import InputError, StoreError
from adapter.store import Database, migrations, open_database
from adapter.store.tables import metadata
from tests.unit.store.kept import FOLDER, check_that_it_goes_on, contents


@pytest.fixture
def first_version(tmp_path: Path) -> Path:
    """A copy of a database that the first version made."""
    return Path(shutil.copy(FOLDER / "v1.db", tmp_path / "v1.db"))


def test_a_database_of_the_first_version_is_upgraded(first_version: Path) -> None:
    """Nothing of it is lost or changed, its tables are the present ones, and the work goes on."""
    with create_engine(f"sqlite:///{first_version}").connect() as connection:
        before = contents(connection)
    database = open_database(f"sqlite:///{first_version}")
    with database.reading() as connection:
        assert contents(connection) == before
        assert differences(connection) == []
    check_that_it_goes_on(database)
    database.close()


def test_the_steps_make_the_tables_that_the_code_knows(database: Database) -> None:
    """Every column, its type, the indices: the steps are one place where tables are written, `tables` is the other."""
    with database.reading() as connection:
        assert differences(connection) == []
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, migrations.REVISION_TABLE}


def test_the_last_step_is_the_latest() -> None:
    """There is one way through the steps, and the code knows where it ends."""
    steps = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert steps.get_heads() == [migrations.LATEST]


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE schema_revision SET version_num = '9999'", "schema 9999 of a newer version"),
        ("DROP TABLE schema_revision", "schema 2 of a newer version"),
    ],
)
def test_a_database_of_a_newer_version_is_refused(
    database: Database, tmp_path: Path, statement: str, named: str
) -> None:
    """With what to do, and it is left as it is."""
    with database.transaction() as connection:
        connection.execute(text(statement))
    with pytest.raises(StoreError, match=f"{named} .*; run that version"):
        open_database(f"sqlite:///{tmp_path / 'hook.db'}")


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(
    first_version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All steps are done, or none: the version that made it can go on."""

    def half(connection: Connection) -> None:
        migrations.upgrade(connection)
        raise InputError

    monkeypatch.setattr("adapter.store.database.upgrade", half)
    with pytest.raises(InputError):
        open_database(f"sqlite:///{first_version}")
    with create_engine(f"sqlite:///{first_version}").connect() as connection:
        assert connection.execute(text("SELECT version FROM schema_version")).scalar_one() == 1
        assert not inspect(connection).has_table(migrations.REVISION_TABLE)


def differences(connection: Connection) -> list[object]:
    """What differs between the tables of a database and those that the code knows."""
    context = MigrationContext.configure(connection, opts={"version_table": migrations.REVISION_TABLE})
    return list(compare_metadata(context, metadata))
