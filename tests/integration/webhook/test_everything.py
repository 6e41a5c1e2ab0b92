"""All at once: workers killed, the clock stepped, the disk full, the database restarted, receivers failing."""

import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from adapter.screening.setup import Setup
from tests.integration.hapi.client import Hapi
from tests.integration.postgres import Postgres, postgres_server
from tests.integration.waiting import wait_until
from tests.integration.webhook.adapter_process import Adapter
from tests.integration.webhook.patients import Storm, send
from tests.integration.webhook.truth import wait_until_right
from tests.needs import not_available

PATIENTS = min(int(os.environ.get("SOAK_PATIENTS", "12")), 40)
STEPS = ("+7h", "-7h", "+0")
"""Where the clock goes, one after the other: further than any pause, so that what was stored by a wrong one is seen."""

_PATIENCE = 600.0
"""Seconds until all must be right: nothing may be lost, however slow the machine."""


@pytest.fixture
def clock(tmp_path: Path) -> tuple[dict[str, str], Callable[[str], None]]:
    """The environment of a process whose clock can be stepped, and what steps it."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        not_available("libfaketime", "Debian's package faketime has it")
    file = tmp_path / "clock"

    def step(to: str) -> None:
        coming = file.with_suffix(".new")
        coming.write_text(f"{to}\n", encoding="ascii")
        coming.replace(file)

    step("+0")
    return (
        {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_CACHE_DURATION": "1",  # second: without, each look at a clock opens the file
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # or whoever waits for Python's lock (the GIL) spins instead
        },
        step,
    )


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few hundred kilobytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=True, capture_output=True)  # noqa: S603, S607  # of the test's own
    except (OSError, subprocess.CalledProcessError):
        not_available("a small disk", "only root may mount one")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S603, S607  # as above


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Fill a disk to its last byte, for as long as the block lasts."""
    junk = disk / "junk"
    with suppress(OSError), junk.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        junk.unlink()


class Receiver:
    """Takes events, each of them when it comes again."""

    def __init__(self) -> None:  # noqa: D107
        taken = self.taken = []  # type: list[bytes]
        refused: set[str | None] = set()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # http.server's name
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                name = self.headers.get("webhook-id")
                fails = name not in refused
                refused.add(name)
                if not fails:
                    taken.append(body)
                self.send_response(500 if fails else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/events"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()


def killed(adapter: Adapter, chance: random.Random) -> None:
    """One of the processes that work for it, the one that makes the others among them."""
    workers = adapter.workers()
    if workers:
        with suppress(ProcessLookupError):
            os.kill(chance.choice(workers), signal.SIGKILL)


@pytest.mark.skipif("SOAK_PATIENTS" not in os.environ, reason="takes minutes: make soak")
def test_everything_at_once(
    own_hapi: Hapi,
    tmp_path: Path,
    strict: Setup,
    clock: tuple[dict[str, str], Callable[[str], None]],
    disk: Path,
) -> None:
    """And at the end every candidate is right, every event is taken, and nobody was given up."""
    others, step = clock
    receiver, chance = Receiver(), random.Random(1)  # noqa: S311  # nothing is to be kept secret
    own_hapi.empty()
    with postgres_server() as database:
        adapter = Adapter(tmp_path, own_hapi.url, others=others)
        adapter.settings |= {
            "HOOK_URL": adapter.hook,
            "DATABASE_URL": database.url,
            "EVENT_URLS": receiver.url,
            "EVENT_SECRET": "a-secret-of-these-events",
            "AUDIT": str(disk / "audit.ndjson"),
        }
        Adapter(tmp_path, own_hapi.url).run("publish")
        try:
            adapter.start()
            storm(own_hapi, adapter, strict, database, disk, step, chance)
            wait_until(lambda: adapter.metric("events_undelivered") == 0, _PATIENCE)
            assert receiver.taken
            assert adapter.ready()["queue"]["dead"] == 0
            assert adapter.times_started == 1
            assert "all-" not in adapter.log()
        finally:
            adapter.stop()
            adapter.run("unsubscribe")
            receiver.close()


def storm(
    hapi: Hapi,
    adapter: Adapter,
    setup: Setup,
    database: Postgres,
    disk: Path,
    step: Callable[[str], None],
    chance: random.Random,
) -> None:
    """Changes, and in each round of them everything that may go wrong, at other moments."""
    made = Storm(seed=6, patients=PATIENTS, prefix="all-")
    hapi.transact(made.now.values())
    wait_until_right(hapi, made.names, setup, adapter, _PATIENCE)
    for number, to in enumerate(STEPS):
        step(to)
        changes = list(made.changes(2))
        some = len(changes) // 3
        for place, change in enumerate(changes):
            send(hapi, change)
            if place % 5 == number:
                killed(adapter, chance)
            if place == some:
                database.restart()
        with full(disk):
            for change in made.changes(1):
                send(hapi, change)
                killed(adapter, chance)
    wait_until_right(hapi, made.names, setup, adapter, _PATIENCE)
