"""Backup and restoration of PostgreSQL, as docs/operations.md says, with its own tools."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapter.screening.setup import Setup
from adapter.store import open_database
from tests.integration.postgres import postgres
from tests.unit.react.hospital import open_hospital_on
from tests.unit.react.restoring import after_the_backup, before_the_backup, check_made_whole

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the service runs on."""
    return "asyncio"


@pytest.fixture
def url() -> Iterator[str]:
    """An empty server of our own."""
    with postgres() as found:
        yield found


async def test_the_sweep_makes_a_restored_database_whole(strict: Setup, tmp_path: Path, url: str) -> None:
    """pg_dump while the service works, pg_restore into the same database, one sweep."""
    copy = tmp_path / "adapter.dump"
    async with open_hospital_on(url, strict) as hospital:
        await before_the_backup(hospital)
        run("pg_dump", "--format=custom", f"--file={copy}", url)
        expected = await after_the_backup(hospital)
        hospital.context.database.close()
        run("pg_restore", "--clean", "--if-exists", "--single-transaction", f"--dbname={url}", copy)
        hospital.context.database = open_database(url)
        await check_made_whole(hospital, expected)
        hospital.context.database.close()


def run(*command: str | Path) -> None:
    """A command that must succeed."""
    subprocess.run(command, check=True, timeout=60)  # noqa: S603  # our own, and short
