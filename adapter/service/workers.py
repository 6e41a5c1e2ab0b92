"""Runs evaluations beside the event loop, only so many at a time, and refuses more than may wait."""

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from adapter.service.errors import BusyError

T = TypeVar("T")

_AT_ONCE = 4
"""Threads share one processor (the GIL): more of them would only wait for each other. A few, so that a large record
doesn't hold up the small ones behind it."""


class Workers:
    """Belongs to one app."""

    def __init__(self, max_waiting: int) -> None:
        """Let so many evaluations run or wait."""
        self._max = max_waiting
        self._now = 0
        self._limiter: CapacityLimiter | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """The result of the work. Raises BusyError where too much is waiting already."""
        if self._now >= self._max:
            msg = "too many requests are waiting; come back in a few seconds"
            raise BusyError(msg)
        self._now += 1
        try:
            self._limiter = self._limiter or CapacityLimiter(_AT_ONCE)  # needs the event loop, which runs only now
            return await to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._now -= 1
