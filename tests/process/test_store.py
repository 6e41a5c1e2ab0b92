"""The database where several processes open it at the same moment."""

import shutil
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier  # one block of imports
from pathlib import Path

import pytest

from adapter.store import migrations, open_database
from tests.unit.store.kept import FOLDER
from tests.unit.store.test_migrations import differences


@pytest.mark.parametrize("earlier", [True, False], ids=["of the first version", "new"])
def test_processes_may_start_at_once(tmp_path: Path, earlier: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """One upgrades, or makes, the tables; the others wait for it and find them ready."""
    file = tmp_path / "hook.db"
    if earlier:
        shutil.copy(FOLDER / "v1.db", file)
    start_at_once(f"sqlite:///{file}")
    database = open_database(f"sqlite:///{file}")
    with database.reading() as connection:
        assert migrations.is_current(connection)
        assert differences(connection) == []
    database.close()


def start_at_once(url: str, processes: int = 3) -> None:
    """Open a database in several processes at the same moment; raises where one of them can't."""
    context = get_context("spawn")
    ready = context.Barrier(processes)
    started = [context.Process(target=_open, args=(url, ready)) for _ in range(processes)]
    for process in started:
        process.start()
    for process in started:
        process.join(120)
    assert [process.exitcode for process in started] == [0] * processes


def _open(url: str, ready: Barrier) -> None:
    ready.wait(120)
    open_database(url).close()
