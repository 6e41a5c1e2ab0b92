"""What all tests share: the shipped site, loaded once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from adapter.screening.setup import Setup, SiteConfig, load_setup

pytest_plugins = ["tests.running", "tests.integration.hapi.fixtures"]

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def strict() -> Setup:
    """All shipped trials under the policy that assumes nothing."""
    return load_setup(SiteConfig(), None)


@pytest.fixture(scope="session")
def problem_list() -> Setup:
    """All shipped trials under the policy that trusts the problem list."""
    return load_setup(SiteConfig(policy="problem-list"), None)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Write a file below the test's folder and return its path."""

    def to_file(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return to_file
