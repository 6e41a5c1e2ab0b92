"""An old backup is restored."""

import shutil
from pathlib import Path

import pytest

from adapter.store import open_database
from adapter.store.database import back_up
from tests.unit.react.hospital import Hospital
from tests.unit.react.restoring import after_the_backup, before_the_backup, check_made_whole

pytestmark = pytest.mark.anyio


async def test_the_sweep_makes_it_whole(hospital: Hospital, tmp_path: Path) -> None:
    """SQLite: the copy takes the place of the database, whose log must go with it."""
    file, copy = tmp_path / "hook.db", tmp_path / "backup.db"
    await before_the_backup(hospital)
    back_up(f"sqlite:///{file}", copy)
    expected = await after_the_backup(hospital)
    hospital.context.database.close()
    restore(copy, file)
    hospital.context.database = open_database(f"sqlite:///{file}")
    await check_made_whole(hospital, expected)
    hospital.context.database.close()


def restore(copy: Path, file: Path) -> None:
    """As docs/operations.md says."""
    for left in file.parent.glob(f"{file.name}-*"):
        left.unlink()
    shutil.copy(copy, file)
