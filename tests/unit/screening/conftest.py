"""A server that exports, and its exports fetched."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import respx

from adapter.fhir.client import ServerSettings
from adapter.screening.source.server import Exported, ExportSource, fetch_export
from tests.unit.fhir_client.answers import BASE
from tests.unit.screening.exports import STATUS, TYPES


@pytest.fixture
def server() -> Iterator[respx.Router]:
    """A server whose exports begin and are done at once."""
    with respx.mock(base_url=BASE, assert_all_called=False) as router:
        router.get("/$export").respond(202, headers={"Content-Location": STATUS})
        router.delete("/status/1").respond(202)
        yield router


@pytest.fixture
def fetch(tmp_path: Path) -> Callable[..., Exported]:
    """Fetch the export of all into one folder."""

    def fetched(path: str = "$export", auth: httpx.Auth | None = None) -> Exported:
        settings = ServerSettings(url=BASE, attempts=3, wait=0, wait_max=0.01, auth=auth)
        return fetch_export(ExportSource(server=settings, path=path), TYPES, tmp_path / "kept")

    return fetched
