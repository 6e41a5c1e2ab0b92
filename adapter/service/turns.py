"""Who waits for a worker: a line a caller, and callers take turns. Pure: the clock is the caller's."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

W = TypeVar("W")

_LATE = 0.5
"""Seconds of waiting from which on a caller's newest request goes first: the oldest may be given up already."""


@dataclass(eq=False, slots=True)
class Waiter(Generic[W]):
    """Whoever waits for a worker, and since when."""

    caller: str
    since: float
    worker: asyncio.Future[W]


@dataclass(eq=False, slots=True)
class Turns(Generic[W]):
    """Who waits: a line a caller, and callers take turns."""

    lines: OrderedDict[str, deque[Waiter[W]]] = field(default_factory=OrderedDict)
    count: int = 0

    def of(self, caller: str) -> int:
        """How many a caller has waiting."""
        return len(self.lines.get(caller, ()))

    def add(self, waiter: Waiter[W]) -> None:
        """Wait at the end of the caller's line."""
        self.lines.setdefault(waiter.caller, deque()).append(waiter)
        self.count += 1

    def take(self, now: float, held: Mapping[str, int]) -> Waiter[W]:
        """The next of the caller who holds the fewest workers, and has waited for a turn the longest."""
        caller = min(self.lines, key=lambda each: held[each])
        line = self.lines.pop(caller)
        found = line.pop() if now - line[0].since > _LATE else line.popleft()
        if line:
            self.lines[caller] = line
        self.count -= 1
        return found

    def remove(self, waiter: Waiter[W]) -> None:
        """Wait no longer."""
        line = self.lines.get(waiter.caller, deque())
        if waiter in line:
            line.remove(waiter)
            self.count -= 1
            if not line:
                del self.lines[waiter.caller]
