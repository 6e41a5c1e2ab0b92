"""A HAPI FHIR server in a process of its own: built once, started on a free port, stopped."""

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "docker" / "hapi"
JAVA = 17
BUILD_TIMEOUT = 900  # seconds; the first build fetches 340 MB
START_TIMEOUT = 240  # seconds; alone on a machine it takes 20


class NotAvailableError(Exception):
    """Why this machine can't build or start the server."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the server behaves; docker/hapi/README.md says more of each."""

    search_reuse_ms: int = 0
    """For how long a search may be answered from an earlier one, in milliseconds. A stock HAPI: 60,000."""
    external_references: bool = False
    """Whether a reference may be absolute and point to another server. A stock HAPI: no."""
    max_page_size: int = 1000
    """The most that a page of a search holds, whatever _count says."""
    subscriptions: bool = True

    def environment(self) -> dict[str, str]:
        """The server's environment variables."""
        return {
            "FHIR_SEARCH_REUSE_MS": str(self.search_reuse_ms),
            "FHIR_EXTERNAL_REFERENCES": str(self.external_references).lower(),
            "FHIR_MAX_PAGE_SIZE": str(self.max_page_size),
            "FHIR_SUBSCRIPTIONS": str(self.subscriptions).lower(),
        }


def build() -> None:
    """Build the server if its sources changed since the last time; whoever comes meanwhile waits.

    Raises:
        NotAvailableError: no Java 17 or Maven, or the build failed.

    """
    reason = _lacks() or _build()
    if reason:
        raise NotAvailableError(reason)


def _build() -> str | None:
    """Build, and say why that failed."""
    command = [str(FOLDER / "build.sh")]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_TIMEOUT, check=False)  # noqa: S603  # our own script
    except subprocess.TimeoutExpired:
        return f"its build took more than {BUILD_TIMEOUT} s"
    if run.returncode == 0:
        return None
    lines = (run.stdout + run.stderr).strip().splitlines() or ["no message"]
    return "its build failed: " + "\n".join(lines[:10])


def _lacks() -> str | None:
    """What this machine lacks to build and start the server."""
    java = shutil.which("java")
    if java is None:
        return "Java is not installed"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False).stderr  # noqa: S603  # java with constant arguments
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < JAVA:
        return f"Java {JAVA} or later is needed"
    return "Maven is not installed" if shutil.which("mvn") is None else None


@dataclass(slots=True)
class Process:
    """A built server's process. Its folder keeps the log and, if asked for, the data over a restart."""

    folder: Path
    settings: Settings = field(default_factory=Settings)
    ends_with: int = field(default_factory=os.getpid)
    """The process with which this one ends, however that ends."""
    keeps_data: bool = False
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The FHIR base."""
        return f"http://127.0.0.1:{self.port}/fhir"

    def start(self) -> None:
        """Start it and wait until it answers: on a free port at first, on the same one later.

        Raises:
            NotAvailableError: it ended, or didn't answer in time; with the end of its log.

        """
        self.folder.mkdir(parents=True, exist_ok=True)
        port_file, log = self.folder / "port", self.folder / "log"
        port_file.unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("FHIR_", "JAVA_"))}
        environment |= self.settings.environment()
        environment |= {"FHIR_PORT_FILE": str(port_file), "FHIR_ENDS_WITH": str(self.ends_with)}
        data = ["--data", str(self.folder / "data")] if self.keeps_data else []
        with log.open("ab") as written:
            # A session of its own: Ctrl-C goes to the tests, which stop the server when they are done with it.
            self.process = subprocess.Popen(  # noqa: S603  # our own script
                [str(FOLDER / "start.sh"), "--port", str(self.port), *data],
                env=environment, stdin=subprocess.DEVNULL, stdout=written, stderr=written, start_new_session=True,
            )  # fmt: skip
        until = time.monotonic() + START_TIMEOUT
        while not port_file.exists():
            if self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
                reason = "it did not start: " + "\n".join(lines[-10:])
                raise NotAvailableError(reason)
            time.sleep(0.1)
        self.port = int(port_file.read_text())

    def stop(self) -> None:
        """Stop it and wait until it is gone."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
