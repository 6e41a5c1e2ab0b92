"""What compose.yaml starts, started here in its order: the same commands with the same settings, without containers.

Addresses differ: the FHIR server is that of the tests, and a file of SQLite stands for the PostgreSQL of compose.yaml,
which many machines can't run (the store is tested on PostgreSQL by itself).
"""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.integration.hapi.client import Hapi
from tests.unit.docker.files import DOCKER, FILES, SERVICES, stages

BIN = Path(sys.executable).parent
STARTING = 90


class Rehearsal:
    """Runs the services' commands as the containers would."""

    def __init__(self, hapi: Hapi, database: str, folder: Path) -> None:  # noqa: D107
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = str(free.getsockname()[1])
        self.folder = folder
        self.said = {
            "http://hapi:8090/fhir": hapi.url,
            "http://adapter:8080": f"http://127.0.0.1:{self.port}",
            "127.0.0.1:8080": f"127.0.0.1:{self.port}",
            "${POSTGRES_PASSWORD:-to-try-it-out}": "",
            "postgresql://postgres:@db/adapter": database,
        }

    def here(self, text: str) -> str:
        """A text of the files with the addresses of this rehearsal, and the defaults of its variables."""
        for there, here in self.said.items():
            text = text.replace(there, here)
        if text.startswith("${"):
            text = text.partition(":-")[2].removesuffix("}")
        return self.port if text == "8080" else text

    def command(self, name: str) -> list[str]:
        """The entry point of a service's image, and its command."""
        target = SERVICES[name]["build"]["target"]
        program, *first = json.loads(stages(DOCKER / "Dockerfile")[target].last("ENTRYPOINT"))
        return [str(BIN / program), *first, *(self.here(each) for each in SERVICES[name]["command"])]

    def environment(self, name: str) -> dict[str, str]:
        """The service's variables, and what a process needs here."""
        said = {key: self.here(value) for key, value in SERVICES[name]["environment"].items()}
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **said}

    def run(self, name: str) -> str:
        """Run a service that ends; what it prints."""
        done = subprocess.run(  # noqa: S603  # our own commands
            self.command(name),
            env=self.environment(name),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def is_healthy(self) -> bool:
        """Whether the image's own health check is content."""
        check = stages(DOCKER / "Dockerfile")["service"].last("HEALTHCHECK").partition("CMD ")[2]
        program, *arguments = (self.here(each) for each in json.loads(check))
        return subprocess.run([str(BIN / program), *arguments], capture_output=True, check=False).returncode == 0  # noqa: S603  # ours too


@pytest.fixture
def rehearsal(empty_hapi: Hapi, tmp_path: Path) -> Rehearsal:
    """The files, with an empty FHIR server and an empty database."""
    return Rehearsal(empty_hapi, f"sqlite:///{tmp_path}/adapter.db", tmp_path)


def test_from_nothing_to_a_candidate(rehearsal: Rehearsal, empty_hapi: Hapi) -> None:
    """Publish, serve, subscribe, load: the FHIR server tells the adapter, and the adapter finds a candidate."""
    assert "created" in rehearsal.run("publish")
    with (rehearsal.folder / "log").open("wb") as log:
        adapter = subprocess.Popen(  # noqa: S603  # our own command
            rehearsal.command("adapter"),
            env=rehearsal.environment("adapter"),
            cwd=rehearsal.folder,
            stdout=log,
            stderr=log,
        )
        try:
            until = time.monotonic() + STARTING
            while not rehearsal.is_healthy():
                assert adapter.poll() is None, (rehearsal.folder / "log").read_text()
                assert time.monotonic() < until, "not healthy in time"
                time.sleep(0.2)
            rehearsal.run("subscribe")
            printed = rehearsal.run("demo")
        finally:
            adapter.terminate()
            adapter.wait(timeout=60)
    assert "candidate: Patient/" in printed
    (asked,) = re.findall(
        r"curl 'http://127\.0\.0\.1:8090/fhir/(.+)'", (ROOT / "README.md").read_text(encoding="utf-8")
    )
    assert empty_hapi.count(asked) > 0


def test_the_fhir_servers_health_check(hapi: Hapi) -> None:
    """The command of its image, on the server that the tests run."""
    check = stages(DOCKER / "hapi/Dockerfile")["last"].last("HEALTHCHECK").partition("CMD ")[2]
    port = hapi.url.split(":")[2].partition("/")[0]
    for at, code in ((port, 0), ("1", 1)):
        command = [each.replace("127.0.0.1/8090", f"127.0.0.1/{at}") for each in json.loads(check)]
        assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == code  # noqa: S603  # ours


def test_the_fhir_server_starts_as_the_tests_start_it() -> None:
    """The same class from the same folders as docker/hapi/start.sh."""
    entry = shlex.join(json.loads(stages(DOCKER / "hapi/Dockerfile")["last"].last("ENTRYPOINT")))
    start = (DOCKER / "hapi/start.sh").read_text(encoding="utf-8")
    assert entry.endswith("fhirserver.FhirServer")
    assert "fhirserver.FhirServer" in start
    assert len(FILES) == 2
    for folder in ("target/classes", "target/dependency"):
        assert folder in start
        assert any(
            folder in value for kind, value in stages(DOCKER / "hapi/Dockerfile")["last"].steps if kind == "COPY"
        )
