"""A FHIR server that answers as a test says."""

from collections.abc import AsyncIterator, Iterator

import pytest
import respx

from adapter.fhir.client import FhirClient, ServerSettings, open_client
from tests.unit.fhir_client.answers import BASE


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the service runs on."""
    return "asyncio"


@pytest.fixture
def server() -> Iterator[respx.MockRouter]:
    """The server; a request that no test expects fails."""
    with respx.mock(base_url=BASE) as router:
        yield router


@pytest.fixture
async def client(server: respx.MockRouter) -> AsyncIterator[FhirClient]:  # noqa: ARG001  # the server is there first
    """A client that doesn't wait between its tries."""
    async with open_client(ServerSettings(url=BASE, wait=0, wait_max=1, attempts=3)) as opened:
        yield opened
