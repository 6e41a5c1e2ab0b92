"""What a test needs and this machine may not have: without it a skip with the reason, on a CI machine a failure."""

import os
from typing import NoReturn

import pytest


def not_available(what: str, reason: str) -> NoReturn:
    """End the test: fail where CI is set, for there everything must be available, and skip elsewhere."""
    message = f"no {what}: {reason}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
