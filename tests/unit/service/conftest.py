"""The service over the shipped site, made once."""

import pytest

from adapter.screening.setup import Setup
from tests.unit.service.calls import Caller, app_with


@pytest.fixture(scope="session")
def service(strict: Setup, problem_list: Setup) -> Caller:
    """A service that asks nobody who they are."""
    return Caller(app_with(strict, problem_list))
