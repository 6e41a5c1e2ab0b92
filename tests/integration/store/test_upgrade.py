"""A PostgreSQL database of the first version is upgraded, as an SQLite one is (tests/unit/store)."""

from collections.abc import Iterator

import psycopg
import pytest

from adapter.errors import StoreError
from adapter.store import migrations, open_database
from tests.integration.postgres import postgres
from tests.process.test_store import start_at_once
from tests.unit.store.kept import FOLDER, check_that_it_goes_on
from tests.unit.store.test_migrations import differences


@pytest.fixture
def url() -> Iterator[str]:
    """An empty server of our own."""
    with postgres() as found:
        yield found


def test_a_database_of_the_first_version_is_upgraded(url: str) -> None:
    """By one of the processes that start at once; nothing is lost, and the work goes on."""
    _load(url)
    start_at_once(url)
    database = open_database(url)
    with database.reading() as connection:
        assert migrations.is_current(connection)
        assert differences(connection) == []
    check_that_it_goes_on(database)
    database.close()


def test_an_empty_database(url: str) -> None:
    """Processes that start at once make the tables once; those of a newer version are refused."""
    start_at_once(url)
    database = open_database(url)
    with database.reading() as connection:
        assert differences(connection) == []
    database.close()
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE schema_revision SET version_num = '9999'")
    with pytest.raises(StoreError, match="9999 of a newer version"):
        open_database(url)


def _load(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute((FOLDER / "v1.sql").read_bytes())
