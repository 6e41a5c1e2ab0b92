"""A hospital for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapter.screening.setup import Setup
from tests.unit.react.hospital import Hospital, open_hospital


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the service runs on."""
    return "asyncio"


@pytest.fixture
async def hospital(strict: Setup, tmp_path: Path) -> AsyncIterator[Hospital]:
    """An empty hospital."""
    async with open_hospital(strict, tmp_path) as opened:
        yield opened
