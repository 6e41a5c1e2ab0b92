"""The service over the shipped site, made once."""

import pytest

from adapter.screening.setup import Setup
from adapter.service.site import Site
from tests.unit.service.calls import Caller, app_with
from tests.unit.service.pools import site_of


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """The event loop that the service runs on."""
    return "asyncio"


@pytest.fixture(scope="module")
def site(strict: Setup) -> Site:
    """A site with one trial and two workers."""
    return site_of(strict)


@pytest.fixture(scope="session")
def service(strict: Setup, problem_list: Setup) -> Caller:
    """A service that asks nobody who they are."""
    return Caller(app_with(strict, problem_list))
