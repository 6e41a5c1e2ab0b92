"""What runs beside the web server: the worker, and periodic duties, each in one process at a time.

Deletes what is older than the site keeps it, some rows at a time: nobody waits for it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial

import httpx
from sqlalchemy import Connection

from adapter.errors import StoreError, place_of
from adapter.retries import retry_context
from adapter.screening.react.changes import study
from adapter.screening.react.context import SWEEP, Context
from adapter.screening.react.deliver import DELIVER, EventDelivery
from adapter.screening.react.inbox import Inbox
from adapter.screening.react.subscriptions import SubscriptionKeeper
from adapter.screening.react.sweep import Sweep
from adapter.screening.react.worker import Worker
from adapter.store import duties, queue, retention, verdicts
from adapter.store.duties import Lease

EXPIRE = "expire"
"""The duty's name."""

_MARK = "expired"
_ROWS = 500
_BATCHES = 20
"""Of a round; what is left waits for the next."""


class DataExpiry:
    """One round. A clock that is ahead for a moment deletes nothing: an instant counts when the next round has come."""

    def __init__(self, context: Context) -> None:
        """How long data stay, the context says."""
        self._context = context

    async def __call__(self, lease: Lease) -> None:
        """Delete. Raises StoreError where the database can't, or another process does it now."""
        context = self._context
        now = await self._trusted()
        if now is None:
            return
        urls, kept = context.urls, context.retention
        studies = context.relevance.everything
        steps: Mapping[str, Callable[[Connection], int]] = {
            "deliveries": partial(
                retention.expire_deliveries, limit=retention.before(now, kept.deliveries), urls=urls, most=_ROWS
            ),
            "events": partial(retention.expire_events, limit=retention.before(now, kept.events), urls=urls, most=_ROWS),
            "verdicts": partial(
                retention.expire_verdicts, limit=retention.before(now, kept.verdicts), studies=studies, most=_ROWS
            ),
        }
        left = _BATCHES
        for what, step in steps.items():
            count = _ROWS
            while count >= _ROWS and left:
                count = await context.database.run(partial(_held, step=step, lease=lease, context=context))
                context.metrics.expired.labels(what).inc(count)
                left -= 1
                await asyncio.sleep(0)

    async def _trusted(self) -> datetime | None:
        """Now, or when the round before this was, if that was earlier; None in the first round."""
        now = self._context.clock()

        def remembered(connection: Connection) -> datetime | None:
            known = duties.read_mark(connection, _MARK)
            duties.set_mark(connection, _MARK, now.isoformat())
            return min(now, datetime.fromisoformat(known)) if known is not None else None

        return await self._context.database.run(remembered)


def _held(connection: Connection, step: Callable[[Connection], int], lease: Lease, context: Context) -> int:
    """A step, while the duty is ours."""
    if not duties.extend(connection, lease, context.clock(), context.timing.lease):
        msg = "another process deletes what is old now"
        raise StoreError(msg)
    return step(connection)


log = logging.getLogger(__name__)

_LOOK = 1.0
"""Seconds between two checks whether the duty has been asked for, here or by another process."""

_DONE, _FAILED = "done", "failed"

CALENDAR = "calendar"
"""The duty's name."""

_MOST = 1000


class PeriodicDuty:
    """A duty that one process at a time does again and again. What is cancelled half-way is done again later."""

    def __init__(self, context: Context, name: str, every: timedelta, work: Callable[[Lease], Awaitable[None]]) -> None:
        """`every`: how long after it was done it is due again."""
        self._context = context
        self._name = name
        self._every = every
        self._work = work
        self._wake = asyncio.Event()
        for outcome in (_DONE, _FAILED):  # there from the start, or "none for an hour" could not be seen
            context.metrics.rounds.labels(name, outcome)

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
        context = self._context
        now = context.clock()
        due = await context.database.look(partial(duties.due_at, name=self._name))
        furthest = max(self._every, context.timing.server_wait)
        if due is not None and now < due <= now + furthest:  # what is due later was stored by a clock that was ahead
            return
        acquire = partial(duties.acquire, name=self._name, now=now, length=context.timing.lease, furthest=furthest)
        lease = await context.database.run(acquire)
        if lease is None:
            return
        again = now + context.timing.server_wait
        try:
            await self._work(lease)
            again = context.clock() + self._every
            context.metrics.rounds.labels(self._name, _DONE).inc()
        except Exception as error:  # noqa: BLE001  # it is done again soon
            self._note(error)
            context.metrics.rounds.labels(self._name, _FAILED).inc()
        finally:
            await asyncio.shield(
                context.database.run(partial(duties.release, lease=lease, now=context.clock(), again=again))
            )

    def _note(self, error: Exception) -> None:
        self._context.metrics.errors.labels(type(error).__name__).inc()
        log.warning("%s failed, and is tried again: %s", self._name, place_of(error))


class ExpiryCheck:
    """Queues patients of whom a verdict's `validUntil` has passed: by a birthday, or by the age of a value."""

    def __init__(self, context: Context, wake: Callable[[], None]) -> None:
        """`wake`: called when there is something to evaluate."""
        self._context = context
        self._wake = wake

    async def __call__(self, _: Lease) -> None:
        """Check once."""
        if await self._context.database.run(partial(_queue_ended, context=self._context)):
            self._wake()


def _queue_ended(connection: Connection, context: Context) -> int:
    now = context.clock()
    ended = verdicts.ended(connection, context.relevance.everything, now, _MOST)
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
    context: Context,
    *,
    at_once: int = 4,
    patience: float = 20,
    event_http: httpx.AsyncClient | None = None,
    event_secret: str = "",
    keeper: SubscriptionKeeper | None = None,
) -> AsyncIterator[Inbox]:
    """Evaluate what the inbox stores until the block ends; then what has begun is done, or given back.

    `at_once`: patients evaluated side by side; `patience`: seconds that they get to end in when the block ends.
    `keeper`: keeps the Subscriptions in order, before each sweep. A sweep is asked for at once: something may have
    happened while nobody ran.
    """
    inbox = Inbox(context)
    worker = Worker(context, at_once, patience)
    sweep = Sweep(context, worker.wake, keeper)
    rounds = [
        PeriodicDuty(context, SWEEP, context.timing.sweep, sweep),
        PeriodicDuty(context, CALENDAR, context.timing.calendar, ExpiryCheck(context, worker.wake)),
        PeriodicDuty(context, EXPIRE, context.timing.expire, DataExpiry(context)),
    ]
    if context.urls and event_http is not None:
        rounds.append(
            PeriodicDuty(context, DELIVER, context.timing.deliver, EventDelivery(context, event_http, event_secret))
        )
    working = asyncio.create_task(worker.run())
    others = [asyncio.create_task(each.run()) for each in rounds]
    others.append(asyncio.create_task(_pass_on(inbox, worker, rounds[0])))
    others.append(asyncio.create_task(_ask_for_sweep(context, rounds[0])))
    try:
        yield inbox
    finally:
        worker.stop()
        for task in others:
            task.cancel()
        for task in others:
            with suppress(asyncio.CancelledError):
                await task
        await working


async def _ask_for_sweep(context: Context, sweep: PeriodicDuty) -> None:
    """Ask for a sweep, as soon as the database can store that."""
    async for attempt in retry_context(on=StoreError, attempts=None, timeout=None, wait_max=5):
        with attempt:
            await context.database.run(partial(duties.ask, name=SWEEP, now=context.clock()))
    sweep.wake()


async def _pass_on(inbox: Inbox, worker: Worker, sweep: PeriodicDuty) -> None:
    """Wake the worker and the sweep when the inbox has stored something."""

    async def changes() -> None:
        while True:
            await inbox.changed.wait()
            inbox.changed.clear()
            await asyncio.sleep(inbox.settle)
            worker.wake()

    async def gaps() -> None:
        while True:
            await inbox.sweep_asked.wait()
            inbox.sweep_asked.clear()
            sweep.wake()

    await asyncio.gather(changes(), gaps())
