"""What one message to the webhook says, and the one transaction that stores it (invariant 6).

Messages that come at the same time are stored in one transaction: they share the wait for the disk.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from adapter.screening.react.hint import Hint
from adapter.screening.react.intake import take
from adapter.screening.react.site import Reacting
from adapter.screening.react.sweep import SWEEP
from adapter.store import duties, marks

_AT_MOST = 200
"""Messages of one transaction: enough to share the disk, few enough to be quick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """Where a topic subscription has come to. `numbers`: of the events told, `so_far`: how many there have been."""

    subscription: str
    numbers: tuple[int, ...] = ()
    so_far: int | None = None
    begins: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One message. `sweep`: it says that something has changed, and not, or not all of, what."""

    kind: str
    hints: tuple[Hint, ...] = ()
    sweep: bool = False
    topic: Topic | None = None


class Door:
    """Takes messages, and returns when they are stored."""

    def __init__(self, site: Reacting) -> None:
        """For a site. `changed`, `sweep_asked`: set when there is something to do."""
        self._site = site
        self._waiting: list[tuple[Notice, asyncio.Future[None]]] = []
        self._storing: asyncio.Task[None] | None = None
        self.settle = site.pace.settle.total_seconds()
        self.changed = asyncio.Event()
        self.sweep_asked = asyncio.Event()

    async def take(self, notice: Notice) -> None:
        """Return when the message is stored. Raises StoreError where it could not be."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((notice, stored))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store_all())
        await stored

    async def _store_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_AT_MOST], self._waiting[_AT_MOST:]
            notices = [notice for notice, _ in batch]
            try:
                counts, swept = await self._site.database.run(partial(self._store, notices=notices))
            except Exception as error:  # noqa: BLE001  # each caller gets it
                for _, stored in batch:
                    if not stored.done():
                        stored.set_exception(error)
                continue
            for _, stored in batch:
                if not stored.done():
                    stored.set_result(None)
            self._tell(counts, notices, swept=swept)

    def _store(self, connection: Connection, notices: Sequence[Notice]) -> tuple[Counter[str], bool]:
        site = self._site
        now = site.clock()
        hints = [hint for notice in notices for hint in notice.hints]
        counts = take(connection, hints, site.interest, now, site.pace.settle) if hints else Counter[str]()
        gaps = [notice.topic is not None and _is_behind(connection, notice.topic) for notice in notices]
        sweep = any(gaps) or any(notice.sweep for notice in notices)
        if sweep:
            duties.ask(connection, SWEEP, now)
        return counts, sweep

    def _tell(self, counts: Counter[str], notices: Sequence[Notice], *, swept: bool) -> None:
        for outcome, count in counts.items():
            self._site.metrics.notifications.labels(outcome).inc(count)
        for notice in notices:
            self._site.metrics.messages.labels(notice.kind).inc()
        if counts["queued"]:
            self.changed.set()
        if swept:
            self.sweep_asked.set()


def _is_behind(connection: Connection, topic: Topic) -> bool:
    """Whether events of a subscription have not been told; remembers how far it has come."""
    name = f"topic {topic.subscription}"
    known = marks.read_mark(connection, name)
    last = 0 if known is None or topic.begins else int(known)
    told = sorted(set(topic.numbers))
    behind = False
    newest = last
    for number in told:
        behind = behind or number > newest + 1
        newest = max(newest, number)
    if topic.so_far is not None:
        behind = behind or topic.so_far > newest
        newest = max(newest, topic.so_far)
    if known is None or newest != int(known):
        marks.set_mark(connection, name, str(newest))
    return behind and not topic.begins
