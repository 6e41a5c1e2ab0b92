"""`trial-adapter serve` in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.conftest import ROOT

TOKEN = "a-token-of-this-test"  # noqa: S105  # opens this test's service only
SERVE = "from adapter.cli import main; raise SystemExit(main(['serve', '--port', '0']))"
LISTENS = re.compile(r"running on (http://127\.0\.0\.1:\d+)")
PATIENCE = 60


@dataclass
class Served:
    """A service in a process of its own, and what it has written to stderr so far."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    address: str = ""

    def follow(self) -> None:
        """Keep what it writes, until it ends."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            found = LISTENS.search(line)
            if found:
                self.address = found[1]

    def await_line(self, words: str) -> str:
        """The first line with these words, once it has come."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            found = next((line for line in list(self.lines) if words in line), None)
            if found is not None:
                return found
            time.sleep(0.02)
        pytest.fail(f"no line with {words!r} came: {''.join(self.lines)}")


@contextmanager
def serving(**settings: str) -> Iterator[Served]:
    """A service on a free loopback port, set up by variables without their prefix."""
    set_up = {f"TRIAL_ADAPTER_{name}": text for name, text in settings.items()} | {"PYTHONPATH": str(ROOT)}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIAL_ADAPTER_")} | set_up
    process = subprocess.Popen(  # noqa: S603  # our own code
        [sys.executable, "-c", SERVE], env=environment, stderr=subprocess.PIPE, text=True
    )
    service = Served(process)
    follower = threading.Thread(target=service.follow)
    follower.start()
    try:
        service.await_line("running on")
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        follower.join(PATIENCE)
        if process.stderr is not None:
            process.stderr.close()
    assert "Traceback" not in "".join(service.lines)
