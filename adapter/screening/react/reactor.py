"""All that runs beside the web server: the worker, and the duties that this process may have the turn of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import httpx
import stamina

from adapter.errors import StoreError
from adapter.screening.react.calendar import CALENDAR, Calendar
from adapter.screening.react.deliver import DELIVER, Deliver
from adapter.screening.react.notice import Door
from adapter.screening.react.rounds import Round
from adapter.screening.react.site import Reacting
from adapter.screening.react.subscriptions import Keeper
from adapter.screening.react.sweep import SWEEP, Sweep
from adapter.screening.react.worker import Worker
from adapter.store import duties


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
