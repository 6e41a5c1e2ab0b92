"""An empty database in a file of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapter.store import Database, open_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """SQLite, as a site has it by default."""
    opened = open_database(f"sqlite:///{tmp_path / 'hook.db'}", patience=0.2)
    yield opened
    opened.close()
