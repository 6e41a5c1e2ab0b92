"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable


def wait_until(holds: Callable[[], bool], seconds: float = 30, pause: float = 0.1) -> None:
    """Wait until it holds; a failure if it doesn't within so many seconds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not so within {seconds} s"
        time.sleep(pause)
