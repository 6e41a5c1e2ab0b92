"""Fixtures with a real HAPI FHIR server (a pytest plugin, so that every folder of tests has them).

`hapi` is started once a run, whatever the number of workers; `empty_hapi` belongs to one module at a time; `own_hapi`
is started for a module; `start_hapi` starts another one, and `open_proxy` puts a proxy in front of any.
tests/integration/README.md says more.
"""

import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapter.fhir.publishing import conformance
from tests.integration.hapi.client import Hapi
from tests.integration.hapi.server import NotAvailableError, Process, Settings, build
from tests.integration.proxy.proxy import Proxy
from tests.needs import not_available


@dataclass(frozen=True, slots=True)
class Run:
    """What all workers of one test run share."""

    folder: Path
    controller: int
    """The process that starts first and ends last."""


RUN = pytest.StashKey[Run]()
STARTED = pytest.StashKey[list[Process]]()  # kept only so that nobody forgets a process that still runs


def pytest_configure(config: pytest.Config) -> None:
    """Know the run's folder: the controller makes it, workers are told."""
    told: dict[str, Any] | None = getattr(config, "workerinput", None)
    if told is None:
        config.stash[RUN] = Run(Path(tempfile.mkdtemp(prefix="hapi-")), os.getpid())
    else:
        config.stash[RUN] = Run(Path(told["hapi_folder"]), told["hapi_controller"])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401  # xdist's WorkerController has no public type
    """Tell a worker."""
    run = node.config.stash[RUN]
    node.workerinput |= {"hapi_folder": str(run.folder), "hapi_controller": run.controller}


def pytest_unconfigure(config: pytest.Config) -> None:
    """The controller stops what was started for all, however the run ended."""
    run = config.stash.get(RUN, None)
    if run is None or hasattr(config, "workerinput"):
        return
    for pid_file in run.folder.glob("*/pid"):
        with suppress(ProcessLookupError):
            os.kill(int(pid_file.read_text()), signal.SIGKILL)  # its data are in memory: nothing to save
    shutil.rmtree(run.folder, ignore_errors=True)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _started_once(config: pytest.Config, name: str) -> Hapi:
    """The run's server of this name: the first who asks starts it."""
    run = config.stash[RUN]
    folder = run.folder / name
    with _locked(folder / "lock"):
        failed, url = folder / "failed", folder / "url"
        if failed.exists():
            not_available("HAPI FHIR", failed.read_text())
        if not url.exists():
            server = Process(folder, ends_with=run.controller)
            try:
                build()
                server.start()
            except NotAvailableError as problem:
                failed.write_text(str(problem))
                not_available("HAPI FHIR", str(problem))
            assert server.process is not None
            config.stash.setdefault(STARTED, []).append(server)
            (folder / "pid").write_text(str(server.process.pid))
            url.write_text(server.url)
        return Hapi(url.read_text())


@pytest.fixture(scope="session")
def hapi(pytestconfig: pytest.Config) -> Iterator[Hapi]:
    """The server that all tests of the run share: take ids that no other test has, and never empty it."""
    server = _started_once(pytestconfig, "shared")
    yield server
    server.http.close()


@pytest.fixture(scope="session")
def hapi_with_package(hapi: Hapi, pytestconfig: pytest.Config) -> Hapi:
    """The shared server, holding our FHIR package: it can validate against our profiles."""
    folder = pytestconfig.stash[RUN].folder / "package"
    with _locked(folder / "lock"):
        if not (folder / "loaded").exists():
            held = conformance()
            for kind in ("CodeSystem", "ValueSet", "StructureDefinition"):
                hapi.transact(held[kind].values())
            (folder / "loaded").touch()
    return hapi


@pytest.fixture(scope="module")
def empty_hapi(pytestconfig: pytest.Config) -> Iterator[Hapi]:
    """A server that is empty when the module starts, and that nobody else uses until the module is done."""
    with _locked(pytestconfig.stash[RUN].folder / "empty" / "use"):
        server = _started_once(pytestconfig, "empty")
        server.empty()
        yield server
        server.http.close()


@pytest.fixture(scope="module")
def start_hapi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Process]]:
    """Start a server of this module's own: `start_hapi(Settings(search_reuse_ms=60_000), keeps_data=True)`.

    It takes about 20 seconds. What comes back can be stopped and started again; at the module's end it is stopped.
    """
    started: list[Process] = []

    def start(settings: Settings | None = None, *, keeps_data: bool = False) -> Process:
        server = Process(tmp_path_factory.mktemp("hapi"), settings or Settings(), keeps_data=keeps_data)
        try:
            build()
            server.start()
        except NotAvailableError as problem:
            not_available("HAPI FHIR", str(problem))
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def own_hapi(start_hapi: Callable[..., Process]) -> Iterator[Hapi]:
    """A server that nobody has used before: one on which much was done and deleted told its Subscriptions nothing."""
    server = Hapi(start_hapi().url)
    yield server
    server.http.close()


@pytest.fixture
def open_proxy() -> Iterator[Callable[[str], Proxy]]:
    """Put a proxy in front of a server: `open_proxy(hapi.url)`; it counts requests, and does harm if told to."""
    with ExitStack() as opened:
        yield lambda url: opened.enter_context(Proxy(url))
