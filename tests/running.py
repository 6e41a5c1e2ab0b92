"""How the tests are run, as a pytest plugin: their marks, what is collected, and which worker has which module.

And how hard the properties search: by default every run tries the same examples; `HYPOTHESIS_PROFILE=explore` tries
many new ones.
"""

import gc
import os
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

_TESTS = Path(__file__).parent
_SLOW_TO_DRAW = [HealthCheck.too_slow, HealthCheck.data_too_large]  # a patient is a large example, and that is meant

settings.register_profile(
    "fixed", derandomize=True, database=None, deadline=None, max_examples=80, suppress_health_check=_SLOW_TO_DRAW
)
settings.register_profile("explore", deadline=None, max_examples=3000, suppress_health_check=_SLOW_TO_DRAW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

SERVER = ("agreement", "conformance/hapi_validate", "conformance/profiles", "integration", "unit/spark")
"""Folders whose tests start a server, a Java program or another tool from outside of Python."""
SLOW = (
    "cases_sites",
    "conformance/r4_examples",
    "process",
    "properties",
    "service",
    "unit/columns/test_extract.py",
    "unit/columns/test_screen_facts.py",
    "unit/columns/test_other_fields.py",
    "unit/columns/test_sql.py",
    "unit/demo",
    "unit/patient/cohort",
    "unit/patient/omop/test_omop.py",
    "unit/screening/test_feasibility.py",
    "unit/screening/test_private.py",
    "unit/service/test_feasibility.py",
    "unit/service/test_pool.py",
    "unit/service/test_serve.py",
    "unit/service/test_work.py",
    "unit/terminology/test_everyday.py",
    "unit/terminology/test_wide.py",
    "unit/trial_fhir/test_round_trip.py",
)
"""Tests that try many inputs, or start processes; `make check` leaves them and the above to `make test`."""
DEAR = (*SLOW, "docs", "unit/columns", "unit/fhir")
"""Folders of which a module may take as long as a hundred others: begun late, it would be waited for at the end."""
LONGEST = (
    "integration/webhook/test_storm.py",
    "agreement",
    "unit/spark",
    "conformance/profiles/test_validate.py",
    "integration/webhook",
    "integration/screening",
    "conformance",
)
"""Likewise of those in `SERVER`, the longest first."""


def _in(path: str, places: tuple[str, ...]) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in places)


@cache
def _marks(path: Path) -> list[str]:
    """What the tests of a file or folder are marked as."""
    below = path.relative_to(_TESTS).as_posix()
    return [mark for mark, places in (("server", SERVER), ("slow", SLOW)) if _in(below, places)]


def _left_out(config: pytest.Config) -> set[str]:
    """The marks whose tests are all deselected by `-m "not … and not …"`."""
    return {each.removeprefix("not ") for each in config.option.markexpr.split(" and ") if each.startswith("not ")}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave a file unread whose tests are all deselected by `-m "not … and not …"`: some take long to import."""
    left_out = _left_out(config)
    return True if collection_path.is_relative_to(_TESTS) and left_out & set(_marks(collection_path)) else None


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


SPARE = 3
"""From so many workers on, the last begins with what waits, as the first does."""


class ByModule(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """xdist's scheduler with a module's tests in one worker: what they share is made once.

    The first worker begins with the modules that want the empty server for themselves, one after the other: a second
    worker would only wait for it. The last of three or more begins with the others that start servers, which mostly
    wait; the longest first. The others begin with those that compute. Then all share what is left.
    """

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]

    def _assign_work_unit(self, node: object) -> None:
        alone = [module for module in self.workqueue if _wants_the_empty_server(module)]
        serving = [module for module in self.workqueue if _in(_below(module), SERVER) and module not in alone]
        computing = [module for module in self.workqueue if module not in alone and module not in serving]
        first = node is self.nodes[0]
        waits = first or (len(self.nodes) >= SPARE and node is self.nodes[-1])
        if computing and not (waits and (serving or (first and alone))):
            chosen = min(computing, key=lambda module: (not _in(_below(module), DEAR), -len(self.workqueue[module])))
        elif serving and not (first and alone):
            chosen = min(serving, key=_rank)
        else:
            chosen = alone[0]
        self.workqueue.move_to_end(chosen, last=False)
        super()._assign_work_unit(node)


def _below(module: str) -> str:
    return module.removeprefix("tests/")


def _rank(module: str) -> int:
    return next((rank for rank, place in enumerate(LONGEST) if _in(_below(module), (place,))), len(LONGEST))


@cache
def _wants_the_empty_server(module: str) -> bool:
    """Whether a module waits until nobody else uses the one server that is emptied (`empty_hapi`)."""
    return _in(_below(module), ("integration",)) and "empty_hapi" in (_TESTS.parent / module).read_text("utf-8")


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> Generator[None, int, int]:
    """With `-n auto`, one worker more than there are cores, for the tests that mostly wait for servers."""
    return (yield) + ("server" not in _left_out(config))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByModule:  # noqa: ANN401  # xdist's Producer
    """Which worker has which module, whatever `--dist` says."""
    return ByModule(config, log)
