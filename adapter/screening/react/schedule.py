"""What runs beside the web server: the worker, and periodic duties, each in one process at a time."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial

import httpx
import stamina
from sqlalchemy import Connection

from adapter.errors import StoreError, place_of
from adapter.screening.react.changes import study
from adapter.screening.react.context import SWEEP, Reacting
from adapter.screening.react.deliver import DELIVER, Deliver
from adapter.screening.react.inbox import Door
from adapter.screening.react.subscriptions import Keeper
from adapter.screening.react.sweep import Sweep
from adapter.screening.react.worker import Worker
from adapter.store import duties, queue, verdicts
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


CALENDAR = "calendar"
"""The duty's name."""

_MOST = 1000


class Calendar:
    """Queues whose verdict's `validUntil` has passed."""

    def __init__(self, site: Reacting, wake: Callable[[], None]) -> None:
        """For a site."""
        self._site = site
        self._wake = wake

    async def __call__(self, _: Turn) -> None:
        """Look once."""
        if await self._site.database.run(partial(_queue_ended, site=self._site)):
            self._wake()


def _queue_ended(connection: Connection, site: Reacting) -> int:
    now = site.clock()
    ended = verdicts.ended(connection, site.interest.everything, now, _MOST)
    waiting = queue.lock_waiting(connection, ended) if ended else set()
    touches = {
        patient: frozenset(study(each) for each in studies)
        for patient, studies in ended.items()
        if patient not in waiting  # it is evaluated anyway; what that leaves is seen the next time
    }
    queue.notify(connection, touches, now, now)
    return len(touches)


@asynccontextmanager
async def running(
    site: Reacting,
    *,
    at_once: int = 4,
    patience: float = 20,
    event_http: httpx.AsyncClient | None = None,
    event_secret: str = "",
    keeper: Keeper | None = None,
) -> AsyncIterator[Door]:
    """React to what comes through the door until the block ends; then what has begun is done, or given back.

    `at_once`: patients evaluated side by side; `patience`: seconds that they get to end in when the block ends.
    `keeper`: keeps the Subscriptions in order, before each sweep. A sweep is asked for at once: something may have
    happened while nobody ran.
    """
    door = Door(site)
    worker = Worker(site, at_once, patience)
    sweep = Sweep(site, worker.wake, keeper)
    rounds = [
        Round(site, SWEEP, site.pace.sweep, sweep),
        Round(site, CALENDAR, site.pace.calendar, Calendar(site, worker.wake)),
    ]
    if site.urls and event_http is not None:
        rounds.append(Round(site, DELIVER, site.pace.deliver, Deliver(site, event_http, event_secret)))
    working = asyncio.create_task(worker.run())
    others = [asyncio.create_task(each.run()) for each in rounds]
    others.append(asyncio.create_task(_pass_on(door, worker, rounds[0])))
    others.append(asyncio.create_task(_ask_for_sweep(site, rounds[0])))
    try:
        yield door
    finally:
        worker.stop()
        for task in others:
            task.cancel()
        for task in others:
            with suppress(asyncio.CancelledError):
                await task
        await working


async def _ask_for_sweep(site: Reacting, sweep: Round) -> None:
    """Have a sweep made, as soon as the database takes the wish."""
    async for attempt in stamina.retry_context(on=StoreError, attempts=None, timeout=None, wait_max=5):
        with attempt:
            await site.database.run(partial(duties.ask, name=SWEEP, now=site.clock()))
    sweep.wake()


async def _pass_on(door: Door, worker: Worker, sweep: Round) -> None:
    """Tell the worker and the sweep what has come through the door."""

    async def changes() -> None:
        while True:
            await door.changed.wait()
            door.changed.clear()
            await asyncio.sleep(door.settle)
            worker.wake()

    async def gaps() -> None:
        while True:
            await door.sweep_asked.wait()
            door.sweep_asked.clear()
            sweep.wake()

    await asyncio.gather(changes(), gaps())
