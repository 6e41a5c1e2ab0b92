"""Takes claims from the queue as long as the process runs, a few at once, and decides what a failure means."""

import asyncio
import logging
import random
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from adapter.errors import BadAnswerError, NoAccessError, OverloadedError, RejectedError, StoreError, UnreachableError
from adapter.screening.mishap import place_of
from adapter.screening.react.site import Reacting
from adapter.screening.react.work import Work
from adapter.store import queue
from adapter.store.queue import Claim, LostLeaseError

log = logging.getLogger(__name__)

_OUTAGE = (UnreachableError, OverloadedError, NoAccessError)
"""Failures of a server, whichever patient is asked for."""

_RECENTLY = timedelta(minutes=1)


class Worker:
    """One process' worker. `run` ends when `stop` was called and what had begun is done, or given back."""

    def __init__(self, site: Reacting, at_once: int = 4, patience: float = 20) -> None:
        """`at_once`: patients evaluated side by side; `patience`: seconds that they get to end in when we stop."""
        self._site = site
        self._work = Work(site)
        self._at_once = at_once
        self._patience = patience
        self._running: dict[asyncio.Task[None], Claim] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._outages = 0
        self._last_success = site.clock() - 2 * _RECENTLY

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Work until stopped."""
        try:
            while not self._stopping:
                self._wake.clear()
                if not await self._claim():
                    await self._rest()
        finally:
            await self._end()

    async def _claim(self) -> bool:
        """Claim as much as there is room for; whether there was anything."""
        site = self._site
        room = self._at_once - len(self._running)
        if room <= 0 or self._outages:
            room = min(room, 1 - len(self._running))  # in an outage one patient at a time tries whether it is over
        if room <= 0:
            return False
        now = site.clock()
        try:
            claims = await site.database.run(partial(queue.claim, now=now, lease=site.pace.lease, most=room))
        except StoreError as error:
            self._note(error)
            await asyncio.sleep(site.pace.first_wait.total_seconds())
            return False
        for claim in claims:
            task = asyncio.create_task(self._do(claim))
            self._running[task] = claim
            task.add_done_callback(self._done)
        return bool(claims)

    async def _rest(self) -> None:
        seconds = self._site.pace.poll.total_seconds()
        if self._outages and not self._running:
            seconds = self._wait(self._site.pace.server_wait, min(self._outages, 4)).total_seconds()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
                if self._outages:  # notifications don't end an outage
                    await asyncio.sleep(seconds)
        except TimeoutError:
            pass

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        self._wake.set()

    async def _do(self, claim: Claim) -> None:
        """Do a claim within its lease, and note what became of it."""
        seconds = self._site.pace.lease.total_seconds() * 0.75
        try:
            async with asyncio.timeout(seconds):
                await self._work(claim)
        except asyncio.CancelledError:
            raise
        except LostLeaseError as error:
            self._note(error)
        except Exception as error:  # noqa: BLE001  # one patient must not end the others' turn
            self._note(error)
            await self._put_back(claim, error)
        else:
            self._outages = 0
            self._last_success = self._site.clock()

    async def _put_back(self, claim: Claim, error: Exception) -> None:
        """Decide when a claim is tried again: an outage is nobody's fault and counts for no patient."""
        pace, now = self._site.pace, self._site.clock()
        outage = isinstance(error, _OUTAGE)
        self._outages = self._outages + 1 if outage else 0
        works_for_others = now - self._last_success <= _RECENTLY
        counts = not (outage or isinstance(error, StoreError)) and (
            works_for_others or not isinstance(error, BadAnswerError | RejectedError | TimeoutError)
        )
        attempts = claim.attempts + 1 if counts else claim.attempts
        if not counts:
            again = now + pace.server_wait
        elif attempts >= pace.most_attempts:
            again = None
        else:
            again = now + self._wait(pace.first_wait, attempts - 1)
        kind = _kind(error)

        def fail(connection: Connection) -> None:
            queue.fail(connection, claim, kind, again, counts=counts)

        try:
            await self._site.database.run(fail)
        except StoreError as trouble:  # then its lease ends by itself
            self._note(trouble)
        if again is None:
            log.error("an evaluation was given up after %d attempts: %s; see trial-adapter queue", attempts, kind)

    def _wait(self, first: timedelta, doublings: int) -> timedelta:
        """A pause that doubles, with jitter, so that what failed together doesn't come back together."""
        longest = self._site.pace.longest_wait
        plain: timedelta = min(first * int(2 ** min(doublings, 20)), longest)
        return plain * random.uniform(0.75, 1.0)  # noqa: S311  # no secret

    def _note(self, error: BaseException) -> None:
        self._site.metrics.errors.labels(type(error).__name__).inc()
        log.warning("an evaluation failed: %s", place_of(error))

    async def _end(self) -> None:
        """Let what has begun end; what takes too long goes back into the queue."""
        if self._running:
            await asyncio.wait(self._running, timeout=self._patience)
        left = dict(self._running)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
            claims = list(left.values())
            try:
                await self._site.database.run(partial(queue.give_back, claims=claims))
            except StoreError as error:
                self._note(error)


def _kind(error: Exception) -> str:
    return place_of(error)[:120]
