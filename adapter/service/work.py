"""Work beside the event loop: what it is to the routes, and in threads of this process.

`serve` has a `Pool` (`adapter.service.pool`), whose processes can be ended; apps inside other programs have `Threads`.

Who waits for a worker: a line a caller; next is who has had the least of the workers lately. Pure: the clock is the
caller's.
"""

import asyncio
import os
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread

from adapter.errors import BusyError
from adapter.service.site import Site

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_AT_ONCE = 4
"""Threads share one processor (the GIL): more of them would only wait for each other. A few, so that a large record
doesn't hold up the small ones behind it."""


class Work(Protocol):
    """Runs functions of a site and more, which must be importable, and results, which must pickle."""

    async def run(self, caller: str, seconds: float, job: Callable[[Site, *Ts], T], *args: *Ts) -> T:
        """The job's result. Raises what it raises, BusyError where it can't be done now, TooSlowError after seconds."""

    async def adopt(self, site: Site) -> None:
        """Work for this site from now on."""


def crowded() -> BusyError:
    """Too much waits already."""
    return BusyError("too many requests are waiting; come back in a few seconds")


class Threads:
    """Work in this process: for an app inside another program, and tests. What runs can't be ended."""

    def __init__(self, site: Site) -> None:
        """Work for a site."""
        self._site = site
        self._now = 0
        self._limiter: CapacityLimiter | None = None

    async def adopt(self, site: Site) -> None:
        """As in Work."""
        self._site = site

    async def run(
        self,
        caller: str,  # noqa: ARG002  # nobody is told apart here
        seconds: float,  # noqa: ARG002  # nothing is ended here
        job: Callable[[Site, *Ts], T],
        *args: *Ts,
    ) -> T:
        """As in Work."""
        if self._now >= self._site.limits.max_waiting:
            raise crowded()
        self._now += 1
        try:
            self._limiter = self._limiter or CapacityLimiter(_AT_ONCE)  # needs the event loop, which runs only now
            return await to_thread.run_sync(lambda: job(self._site, *args), limiter=self._limiter)
        finally:
            self._now -= 1


W = TypeVar("W")

_SHARE = 0.2
"""Seconds of work in which callers differ; who had less of it by that is first."""

_HALF = 10.0
"""Seconds after which half of what a caller has had is forgotten."""

_MOST_KNOWN = 1000
_LATE = 0.5
"""Seconds of waiting from which on a caller's newest request goes first: the oldest may be given up already."""


@dataclass(eq=False, slots=True)
class Waiter(Generic[W]):
    """Whoever waits for a worker, and since when."""

    caller: str
    since: float
    worker: asyncio.Future[W]


@dataclass(slots=True)
class Shares:
    """How many seconds of work each caller has had lately: of each a half is forgotten every `_HALF` seconds."""

    _had: dict[str, tuple[float, float]] = field(default_factory=dict)

    def of(self, caller: str, now: float) -> float:
        """What a caller has had."""
        seconds, then = self._had.get(caller, (0.0, now))
        return float(seconds * 0.5 ** ((now - then) / _HALF))

    def add(self, caller: str, began: float, now: float) -> None:
        """A caller's work has ended. Of many callers, those who had the least are forgotten first."""
        self._had[caller] = (self.of(caller, now) + now - began, now)
        if len(self._had) > _MOST_KNOWN:
            most = sorted(self._had, key=lambda each: self.of(each, now))[_MOST_KNOWN // 2 :]
            self._had = {each: self._had[each] for each in most if self.of(each, now) > _SHARE}


@dataclass(eq=False, slots=True)
class Turns(Generic[W]):
    """Who waits: a line a caller; callers of whom one has had as much as the other take turns."""

    lines: OrderedDict[str, deque[Waiter[W]]] = field(default_factory=OrderedDict)
    count: int = 0

    def of(self, caller: str) -> int:
        """How many a caller has waiting."""
        return len(self.lines.get(caller, ()))

    def add(self, waiter: Waiter[W]) -> None:
        """Wait at the end of the caller's line."""
        self.lines.setdefault(waiter.caller, deque()).append(waiter)
        self.count += 1

    def take(self, now: float, had: Callable[[str], float]) -> Waiter[W]:
        """The next of the caller who has had the least seconds of work, and has waited for a turn the longest."""
        caller = min(self.lines, key=lambda each: had(each) // _SHARE)
        line = self.lines.pop(caller)
        found = line.pop() if now - line[0].since > _LATE else line.popleft()
        if line:
            self.lines[caller] = line
        self.count -= 1
        return found

    def gives_way(self, caller: str, had: Callable[[str], float]) -> bool:
        """Whether there is room for a caller as somebody waits no longer: the last of whoever wants and had most.

        They are told so. Who fills all places, under however many names, keeps out nobody who asks for less.
        """

        def wants(each: str) -> tuple[int, float]:
            return self.of(each) + (each == caller), had(each) // _SHARE

        most = max(self.lines, key=wants, default=caller)
        if wants(most) <= wants(caller):
            return False
        last = self.lines[most][-1]
        self.remove(last)
        if not last.worker.done():
            last.worker.set_exception(crowded())
        return True

    def remove(self, waiter: Waiter[W]) -> None:
        """Wait no longer."""
        line = self.lines.get(waiter.caller, deque())
        if waiter in line:
            line.remove(waiter)
            self.count -= 1
            if not line:
                del self.lines[waiter.caller]


class Processors:
    """Which processor each process works on: one of its own, where there are just as many as work at once.

    A scheduler that moves what answers little by little onto one processor, as some of virtual machines do, would let
    two processes wait for each other. Where there are more processors, or fewer, it knows better.
    """

    def __init__(self, count: int) -> None:
        """For so many processes at once; 0: they work wherever they are put."""
        known = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
        self._free = known if len(known) == count else set[int]()
        self._all = frozenset(self._free)

    def give(self, pid: int, last: int | None) -> int | None:
        """A processor for a process until it is given back: the one that it had last, if nobody has it now."""
        if last in self._free:
            self._free.discard(last)
            return last
        if not self._free:
            return None
        found = self._free.pop()
        with suppress(OSError):  # it has ended, or must not be told
            os.sched_setaffinity(pid, {found})
        return found

    def give_back(self, processor: int | None) -> None:
        """Nobody works on it any more."""
        self._free |= self._all & {processor}
