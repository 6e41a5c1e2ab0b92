"""Does a duty again and again, in whichever process has its turn."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from adapter.errors import StoreError
from adapter.screening.mishap import place_of
from adapter.screening.react.site import Reacting
from adapter.store import duties
from adapter.store.duties import Turn

log = logging.getLogger(__name__)

_LOOK = 1.0
"""Seconds between looks whether another process, or a notification, has asked for the duty."""


class Round:
    """One duty. `run` ends when `stop` was called; what is under way then is broken off, and done again later."""

    def __init__(self, site: Reacting, name: str, every: timedelta, work: Callable[[Turn], Awaitable[None]]) -> None:
        """A duty's name, how long after it was done it is due again, and what it is."""
        self._site = site
        self._name = name
        self._every = every
        self._work = work
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """It may be due."""
        self._wake.set()

    async def run(self) -> None:
        """Go on until cancelled."""
        pause = min(_LOOK, self._every.total_seconds())
        while True:
            self._wake.clear()
            try:
                await self._once()
            except StoreError as error:
                self._note(error)
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _once(self) -> None:
        site = self._site
        now = site.clock()
        due = await site.database.look(partial(duties.due_at, name=self._name))
        if due is not None and due > now:
            return
        turn = await site.database.run(partial(duties.take, name=self._name, now=now, lease=site.pace.lease))
        if turn is None:
            return
        again = now + site.pace.server_wait
        try:
            await self._work(turn)
            again = site.clock() + self._every
            site.metrics.rounds.labels(self._name, "done").inc()
        except Exception as error:  # noqa: BLE001  # it is done again soon
            self._note(error)
            site.metrics.rounds.labels(self._name, "failed").inc()
        finally:
            await asyncio.shield(site.database.run(partial(duties.done, turn=turn, now=site.clock(), again=again)))

    def _note(self, error: Exception) -> None:
        self._site.metrics.errors.labels(type(error).__name__).inc()
        log.warning("%s failed, and is tried again: %s", self._name, place_of(error))
