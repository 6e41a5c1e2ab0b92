"""The adapter in a process of its own, as a site runs it."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.integration.waiting import processes

SECRET = "a-secret-for-the-integration-tests"  # noqa: S105  # a test's
_COMMAND = str(Path(sys.executable).with_name("trial-adapter"))
_START = 180.0


@dataclass
class Adapter:
    """`serve` with its webhook.

    `settings`: further environment variables, without their prefix; `others`: of other programs and libraries.
    """

    folder: Path
    fhir_url: str
    settings: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    times_started: int = 0

    def __post_init__(self) -> None:
        """Take a free port, and keep it."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = self.port or int(free.getsockname()[1])

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def hook(self) -> str:
        """Its webhook."""
        return f"{self.url}/hook"

    def environment(self) -> dict[str, str]:
        """The environment of its commands."""
        said = {
            "FHIR_URL": self.fhir_url,
            "HOOK_SECRET": SECRET,
            "DATABASE_URL": f"sqlite:///{self.folder}/hook.db",
            "LEASE": "20",
            "SWEEP": "10",
            **self.settings,
        }
        plain = {name: value for name, value in os.environ.items() if not name.startswith("TRIAL_ADAPTER_")}
        return {**plain, **self.others, **{f"TRIAL_ADAPTER_{name}": value for name, value in said.items()}}

    def run(self, *arguments: str) -> str:
        """What a command prints; it must succeed."""
        command = [_COMMAND, *arguments]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=120, check=False)  # noqa: S603  # our own command
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.times_started += 1
        command = [_COMMAND, "serve", "--port", str(self.port)]
        with (self.folder / f"log-{self.port}").open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment(), stdout=log, stderr=log)  # noqa: S603  # our own command
        until = time.monotonic() + _START
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log()[-2000:]
            try:
                if httpx.get(f"{self.url}/health/live", timeout=5).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        msg = f"it did not start: {self.log()[-2000:]}"
        raise AssertionError(msg)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def workers(self) -> list[int]:
        """The processes that work for it: those that it has started, and theirs."""
        assert self.process is not None
        return processes(self.process.pid)[1:]

    def stop(self) -> int:
        """End it as an administrator would; its exit code."""
        if self.process is None:
            return 0
        self.process.terminate()
        return self.process.wait(60)

    def ready(self) -> dict[str, Any]:
        """What readiness says."""
        found: dict[str, Any] = httpx.get(f"{self.url}/health/ready", timeout=60).json()
        return found

    def waiting(self) -> int:
        """How many patients wait to be evaluated."""
        return int(self.ready()["queue"]["waiting"])

    def metric(self, name: str) -> float:
        """A metric's value, the sum of its labels'."""
        lines = httpx.get(f"{self.url}/metrics", timeout=60).text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"trial_adapter_{name}"))

    def log(self) -> str:
        """What it has logged."""
        return (self.folder / f"log-{self.port}").read_text(encoding="utf-8", errors="replace")
