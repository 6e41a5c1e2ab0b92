"""Stores what messages to the webhook say (invariant 6): what is answered with success is in the queue.

Messages that come at the same time are stored in one transaction: they share the wait for the disk.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from adapter.screening.react.changes import EVERYTHING, MEDICATION, PATIENT, Relevance, ResourceChange
from adapter.screening.react.context import SWEEP, Context
from adapter.store import duties, index, queue, verdicts
from adapter.store.index import Indexed

_AT_MOST = 200
"""Messages of one transaction: enough to share the disk, few enough to be quick."""


def enqueue(
    connection: Connection,
    changes: Sequence[ResourceChange],
    relevance: Relevance,
    now: datetime,
    settle: timedelta = timedelta(0),
) -> Counter[str]:
    """Queue the patients whom resource changes concern, and count what became of the changes.

    `queued`; `seen`: the patient's last evaluation read this very version; `untouched`: no study reads it;
    `unindicated`: the patient has no study's disease on record, and this doesn't change that; `ignored`: a type that
    is not read. `settle`: how long to wait for further changes of the same patient.
    """
    sorting = _Sorting(relevance)
    read = [change for change in changes if change.type in relevance.types]
    known = index.of_resources(connection, {change.resource for change in read}) if read else {}
    for change in read:
        sorting.sort(change, known.get(change.resource, []))
    sorting.counts["ignored"] += len(changes) - len(read)
    _add_known(connection, sorting)
    if sorting.wanted:
        touches = _followed(sorting.wanted, index.survivors(connection, sorting.wanted))
        queue.notify(connection, touches, now, now + settle)
    return +sorting.counts


class _Sorting:
    """Whom changes concern: `wanted` for certain, `weak` only if something is known of them. Lives for one call."""

    def __init__(self, relevance: Relevance) -> None:
        self.relevance = relevance
        self.wanted: dict[str, set[str]] = {}
        self.weak: dict[str, list[frozenset[str]]] = {}
        self.counts: Counter[str] = Counter()

    def sort(self, change: ResourceChange, rows: Sequence[Indexed]) -> None:
        """Note whom a change concerns; `rows`: the patients who have been evaluated with the resource."""
        if _is_seen(change, rows):
            self.counts["seen"] += 1
            return
        if change.touches is None and not change.deleted:
            self.want(change.resource, {EVERYTHING})
            return
        for row in rows:
            self.wanted.setdefault(row.patient, set()).update(row.reads)
        patient, touches = change.patient, self.relevance.known(change.touches or ())
        if change.type == PATIENT:
            patient, touches = change.resource, frozenset({PATIENT})
        elif change.deleted:
            patient = None
        if change.type == PATIENT and change.deleted:  # whatever we have of them must go
            self.want(change.resource, {PATIENT})
        elif patient is None or not touches:
            self.counts["queued" if rows else "untouched"] += 1
        elif change.merges or self.relevance.indicates(touches) or any(row.patient == patient for row in rows):
            self.want(patient, touches)
        else:
            self.weak.setdefault(patient, []).append(touches)

    def want(self, key: str, touches: Iterable[str]) -> None:
        """Somebody, or something, to be looked at for certain."""
        self.wanted.setdefault(key, set()).update(touches)
        self.counts["queued"] += 1


def _is_seen(change: ResourceChange, rows: Sequence[Indexed]) -> bool:
    """Whether the last evaluation of everyone concerned read this very version."""
    if change.deleted or change.version is None:
        return False
    concerned = rows if change.type == MEDICATION else [row for row in rows if row.patient == change.patient]
    return bool(concerned) and all(
        row.version == change.version and (row.updated == change.updated or None in (row.updated, change.updated))
        for row in concerned
    )


def _add_known(connection: Connection, sorting: _Sorting) -> None:
    """Queue those on whom there is a verdict, or who wait for one.

    The queue is looked at first, and held: whoever leaves it in the meantime has left a verdict. What is wanted anyway
    is held with it, in one order: else two transactions could wait for each other.
    """
    if not sorting.weak:
        return
    named = sorting.weak.keys() | sorting.wanted.keys()
    into = index.survivors(connection, named)
    keys = named | set(into.values())
    known = sorting.wanted.keys() | queue.lock_waiting(connection, keys)
    known |= verdicts.known_patients(connection, keys)
    for patient, found in sorting.weak.items():
        if patient in known or into.get(patient) in known:
            for touches in found:
                sorting.want(patient, touches)
        else:
            sorting.counts["unindicated"] += len(found)


def _followed(wanted: Mapping[str, set[str]], survivors: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """What is wanted of a patient who was merged into another is wanted of that one."""
    touches: dict[str, set[str]] = {}
    for key, names in wanted.items():
        touches.setdefault(survivors.get(key, key), set()).update(names)
        if PATIENT in names:  # the two may have been parted again
            touches.setdefault(key, set()).update(names)
    return {key: frozenset(names) for key, names in touches.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicStatus:
    """How far a topic subscription has come. `numbers`: of a notification's events; `since_start`: how many in all."""

    subscription: str
    numbers: tuple[int, ...] = ()
    since_start: int | None = None
    is_handshake: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One message. `sweep`: something has changed, and the message doesn't say what, or not all of it.

    `kind`: for the metrics; None for a part of a message, whose last part has the kind.
    """

    kind: str | None
    changes: tuple[ResourceChange, ...] = ()
    sweep: bool = False
    topic: TopicStatus | None = None


class Inbox:
    """Stores notifications; several that come at the same time in one transaction."""

    def __init__(self, context: Context) -> None:
        """`changed`, `sweep_asked`: set when there is something to do."""
        self._context = context
        self._waiting: list[tuple[Notification, asyncio.Future[None]]] = []
        self._storing: asyncio.Task[None] | None = None
        self.settle = context.timing.settle.total_seconds()
        self.changed = asyncio.Event()
        self.sweep_asked = asyncio.Event()

    async def store(self, notification: Notification) -> None:
        """Return when the message is stored. Raises StoreError where it could not be."""
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((notification, stored))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store_all())
        await stored

    async def _store_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_AT_MOST], self._waiting[_AT_MOST:]
            notifications = [notification for notification, _ in batch]
            try:
                counts, swept = await self._context.database.run(partial(self._store, notifications=notifications))
            except Exception as error:  # noqa: BLE001  # each caller gets it
                for _, stored in batch:
                    if not stored.done():
                        stored.set_exception(error)
                continue
            for _, stored in batch:
                if not stored.done():
                    stored.set_result(None)
            self._tell(counts, notifications, swept=swept)

    def _store(self, connection: Connection, notifications: Sequence[Notification]) -> tuple[Counter[str], bool]:
        context = self._context
        now = context.clock()
        changes = [change for notification in notifications for change in notification.changes]
        counts = (
            enqueue(connection, changes, context.relevance, now, context.timing.settle) if changes else Counter[str]()
        )
        gaps = [
            notification.topic is not None and _is_behind(connection, notification.topic)
            for notification in notifications
        ]
        sweep = any(gaps) or any(notification.sweep for notification in notifications)
        if sweep:
            duties.ask(connection, SWEEP, now)
        return counts, sweep

    def _tell(self, counts: Counter[str], notifications: Sequence[Notification], *, swept: bool) -> None:
        for outcome, count in counts.items():
            self._context.metrics.notifications.labels(outcome).inc(count)
        for notification in notifications:
            if notification.kind is not None:
                self._context.metrics.messages.labels(notification.kind).inc()
        if counts["queued"]:
            self.changed.set()
        if swept:
            self.sweep_asked.set()


def _is_behind(connection: Connection, topic: TopicStatus) -> bool:
    """Whether events of a subscription are missing; stores how far it has come."""
    name = f"topic {topic.subscription}"
    known = duties.read_mark(connection, name)
    last = 0 if known is None or topic.is_handshake else int(known)
    told = sorted(set(topic.numbers))
    behind = False
    newest = last
    for number in told:
        behind = behind or number > newest + 1
        newest = max(newest, number)
    if topic.since_start is not None:
        behind = behind or topic.since_start > newest
        newest = max(newest, topic.since_start)
    if known is None or newest != int(known):
        duties.set_mark(connection, name, str(newest))
    return behind and not topic.is_handshake
