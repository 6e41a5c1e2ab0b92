"""What all tests share: the shipped site, loaded once; the marks by folder; and what makes a run short."""

import gc
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from adapter.screening.setup import Setup, SiteConfig, load_setup

pytest_plugins = ["tests.integration.hapi.fixtures"]

ROOT = Path(__file__).parent.parent
SERVER = ("agreement", "conformance/hapi_validate", "conformance/profiles", "integration", "unit/spark")
"""Folders whose tests start a server, a Java program or another tool from outside of Python."""
SLOW = (
    "cases_sites",
    "conformance/r4_examples",
    "process",
    "properties",
    "service",
    "unit/demo",
    "unit/patient/cohort",
    "unit/patient/omop/test_omop.py",
    "unit/screening/test_private.py",
    "unit/service/test_serve.py",
    "unit/service/test_work.py",
    "unit/terminology/test_everyday.py",
    "unit/terminology/test_wide.py",
    "unit/trial_fhir/test_round_trip.py",
)
"""Tests that try many inputs, or start processes; `make check` leaves them and the above to `make test`."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave a file unread whose tests are all deselected by `-m "not … and not …"`: some take long to import."""
    left_out = {each.removeprefix("not ") for each in config.option.markexpr.split(" and ") if each.startswith("not ")}
    return True if left_out & set(_marks(collection_path)) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep what is collected out of the garbage collector's sight: it stays to the end, and is large.

    What the tests make, it looks through less often than by default.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by the folder or file that it stands in."""
    for item in items:
        for mark in _marks(item.path):
            item.add_marker(mark)


def _marks(path: Path) -> list[str]:
    """What the tests of a file or folder are marked as."""
    below = path.relative_to(ROOT / "tests").as_posix()
    return [
        mark
        for mark, places in (("server", SERVER), ("slow", SLOW))
        if any(below == each or below.startswith(f"{each}/") for each in places)
    ]


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
