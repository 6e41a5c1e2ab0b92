"""What one request, one caller and all together may use: the limits as settings, and what counts towards them.

Nothing here waits. Who is over a limit is refused with words and a time to come back.
"""

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import Self

from pydantic import Field

from adapter.errors import BusyError
from adapter.record.contents import MAX_ENTRIES
from adapter.screening.settings import Count, Seconds, Variables
from adapter.service.errors import TooManyError

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE


def processors(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """The processors that this process may use; `quota`: where Linux says how much of them a container has."""
    known = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        most, period = quota.read_text(encoding="ascii").split()
        return min(known, max(1, ceil(int(most) / int(period))))  # no limit is a word
    return known


class Limits(Variables):
    """The bounds within which the service may be used: each a variable with the prefix TRIAL_ADAPTER_.

    docs/running.md has them as a table, which a test holds against these fields.
    """

    max_connections: Count = Field(1000, description="connections at once, and at most half of the open files allowed")
    header_seconds: Seconds = Field(10, description="seconds until a connection has sent a request's headers")
    max_headers: Count = Field(
        64 * KIBIBYTE,
        description="bytes of a request's address, headers and trailers; as many may come with nothing whole",
    )
    max_pipelined: Count = Field(4, description="requests of a connection that may wait for the one ahead of them")
    timeout: Seconds = Field(
        30, description="seconds for one request: its body, waiting for the FHIR server, the work on it"
    )
    send_seconds: Seconds = Field(10, description="seconds until a caller has taken the next 256 KiB of an answer")
    answer_seconds: Seconds = Field(120, description="seconds until a caller has taken all of an answer")
    max_body: Count = Field(16 * MEBIBYTE, description="bytes of a request, decompressed")
    max_answer: Count = Field(64 * MEBIBYTE, description="bytes of an answer, before it is compressed")
    max_in_flight: Count = Field(
        128 * MEBIBYTE, description="bytes of all bodies, FHIR servers' records and answers that are held at once"
    )
    max_entries: Count = Field(MAX_ENTRIES, description="entries of a request, its Bundles in Bundles together")
    max_subjects: Count = Field(100, description="patients of one request")
    max_waiting: Count = Field(64, description="requests that wait for a worker; half of them of one caller")
    processes: Count = Field(
        default_factory=lambda: min(4, processors() + 1),
        description="worker processes that requests share: one a processor and one more, but 4 at most",
    )
    own_processors: bool = Field(
        default=True, description="whether each worker has a processor of its own, where there are just as many"
    )
    worker_memory: Count = Field(256 * MEBIBYTE, description="bytes that one request may use in its worker process")
    max_rate: Count = Field(1000, description="requests a second of one caller, over some seconds")
    max_failures: Count = Field(30, description="failed tokens a minute of one address")


class Allowances:
    """How often each of many may do something: on average so often a period, and so often at once.

    The generic cell rate algorithm: one instant for each name, of which the most recent ones are kept.
    """

    def __init__(
        self, count: int, seconds: float, *, kept: int = 4096, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`count` times in so many seconds, all of them at once if need be; `kept`: how many names are remembered."""
        self._step = seconds / count
        self._most = seconds
        self._kept = kept
        self._clock = clock
        self._until: OrderedDict[str, float] = OrderedDict()

    def wait(self, name: str) -> float:
        """Seconds until this one may again; 0 for now."""
        return max(0.0, self._until.get(name, 0.0) + self._step - self._most - self._clock())

    def count(self, name: str) -> None:
        """Count one time."""
        now = self._clock()
        self._until[name] = min(max(now, self._until.get(name, 0.0)) + self._step, now + self._most)
        self._until.move_to_end(name)
        if len(self._until) > self._kept:
            self._until.popitem(last=False)

    def take(self, name: str, what: str) -> None:
        """Count one time, or raise TooManyError where it is too often."""
        wait = self.wait(name)
        if wait > 0:
            msg = f"{what}; come back in {wait:.1f} seconds"
            raise TooManyError(msg, wait)
        self.count(name)


class Hold:
    """What one request holds of the bytes in flight, until its block ends."""

    def __init__(self, flight: "InFlight", caller: str, give_up: Callable[[], None]) -> None:
        """Nothing yet. `give_up`: ends the request."""
        self._flight = flight
        self.caller = caller
        self.give_up = give_up
        self.size = 0
        self.counted = 0
        self.since = 0.0
        self.given_up = False

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of all."""
        self._flight.let_go(self)

    def add(self, size: int) -> None:
        """Hold more. Raises BusyError where there is no room for it."""
        self._flight.take(self, size)


class InFlight:
    """The bytes that requests hold in this process, in all of them.

    Where there is no room, whoever has held the most for long enough makes room: a body that does not come to its end,
    an answer that nobody takes. Small ones are not counted: there are only so many connections.
    """

    uncounted = 64 * KIBIBYTE
    patience = 1.0
    """Seconds for which nobody has to make room, but a caller who holds more than half of it."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Room for so many bytes."""
        self._most = most
        self._clock = clock
        self._held = 0
        self._holds: dict[Hold, None] = {}

    @property
    def held(self) -> int:
        """The bytes that are held now."""
        return self._held

    def hold(self, caller: str, give_up: Callable[[], None]) -> Hold:
        """A hold for one request, until its block ends."""
        return Hold(self, caller, give_up)

    def take(self, hold: Hold, size: int) -> None:
        """Raises BusyError where that is too much."""
        whole = hold.size + size
        more = whole - hold.counted if whole > self.uncounted else 0
        while self._held + more > self._most and not hold.given_up:
            self._make_room(hold.caller)
        if hold.given_up:
            raise no_room()
        if more and not hold.counted:
            hold.since = self._clock()
            self._holds[hold] = None
        hold.size = whole
        hold.counted += more
        self._held += more

    def _make_room(self, asking: str) -> None:
        """End one request. Raises BusyError where none has held on for long."""
        by_caller: dict[str, int] = {}
        for each in self._holds:
            by_caller[each.caller] = by_caller.get(each.caller, 0) + each.counted
        late = [
            each
            for each in self._holds
            if self._clock() - each.since > self.patience
            or (each.caller != asking and by_caller[each.caller] > self._most // 2)
        ]
        if not late:
            raise no_room()
        found = min(late, key=lambda each: (-by_caller[each.caller], each.since))
        found.given_up = True
        self.let_go(found)
        found.give_up()

    def let_go(self, hold: Hold) -> None:
        """It holds nothing any more."""
        if hold in self._holds:
            del self._holds[hold]
            self._held -= hold.counted


def no_room() -> BusyError:
    """Nothing more can be held just now."""
    return BusyError("more bytes are held by requests than the service may hold; come back in a few seconds")
