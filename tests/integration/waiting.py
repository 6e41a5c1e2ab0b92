"""Waiting for a condition, never for a time; and what runs meanwhile."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def wait_until(holds: Callable[[], bool], seconds: float = 30, pause: float = 0.1) -> None:
    """Wait until it holds; a failure if it doesn't within so many seconds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not so within {seconds} s"
        time.sleep(pause)


def processes(of: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                said = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                parents[int(entry.name)] = int(said[1])
    found = [of]
    for each in found:
        found += [pid for pid, parent in parents.items() if parent == each]
    return found
