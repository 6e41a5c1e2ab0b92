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

from adapter.screening.react.changes import EVERYTHING, MEDICATION, PATIENT, Hint, Interest
from adapter.screening.react.context import SWEEP, Reacting
from adapter.store import duties, index, marks, queue, verdicts
from adapter.store.index import Indexed


def take(
    connection: Connection, hints: Sequence[Hint], interest: Interest, now: datetime, settle: timedelta = timedelta(0)
) -> Counter[str]:
    """Queue whom the hints concern, and count what they came to.

    `queued`; `seen`: the patient's last evaluation read this very version; `untouched`: no study reads it;
    `unindicated`: the patient has no study's disease on record, and this doesn't change that; `ignored`: a type that
    is not read. `settle`: how long to wait for further hints of the same patient.
    """
    sorting = _Sorting(interest)
    read = [hint for hint in hints if hint.type in interest.types]
    known = index.of_resources(connection, {hint.resource for hint in read}) if read else {}
    for hint in read:
        sorting.sort(hint, known.get(hint.resource, []))
    sorting.counts["ignored"] += len(hints) - len(read)
    _add_known(connection, sorting)
    if sorting.wanted:
        touches = _followed(sorting.wanted, index.survivors(connection, sorting.wanted))
        queue.notify(connection, touches, now, now + settle)
    return +sorting.counts


class _Sorting:
    """Whom hints concern: `wanted` for certain, `weak` only if something is known of them. Lives for one call."""

    def __init__(self, interest: Interest) -> None:
        self.interest = interest
        self.wanted: dict[str, set[str]] = {}
        self.weak: dict[str, list[frozenset[str]]] = {}
        self.counts: Counter[str] = Counter()

    def sort(self, hint: Hint, rows: Sequence[Indexed]) -> None:
        """Note whom a hint concerns; `rows`: the patients who have been evaluated with the resource."""
        if _is_seen(hint, rows):
            self.counts["seen"] += 1
            return
        if hint.touches is None and not hint.deleted:
            self.want(hint.resource, {EVERYTHING})
            return
        for row in rows:
            self.wanted.setdefault(row.patient, set()).update(row.reads)
        patient, touches = hint.patient, self.interest.known(hint.touches or ())
        if hint.type == PATIENT:
            patient, touches = hint.resource, frozenset({PATIENT})
        elif hint.deleted:
            patient = None
        if patient is None or not touches:
            self.counts["queued" if rows else "untouched"] += 1
        elif hint.merges or self.interest.indicates(touches) or any(row.patient == patient for row in rows):
            self.want(patient, touches)
        else:
            self.weak.setdefault(patient, []).append(touches)

    def want(self, key: str, touches: Iterable[str]) -> None:
        """Somebody, or something, to be looked at for certain."""
        self.wanted.setdefault(key, set()).update(touches)
        self.counts["queued"] += 1


def _is_seen(hint: Hint, rows: Sequence[Indexed]) -> bool:
    """Whether the last evaluation of everyone concerned read this very version."""
    if hint.deleted or hint.version is None:
        return False
    concerned = rows if hint.type == MEDICATION else [row for row in rows if row.patient == hint.patient]
    return bool(concerned) and all(
        row.version == hint.version and (row.updated == hint.updated or None in (row.updated, hint.updated))
        for row in concerned
    )


def _add_known(connection: Connection, sorting: _Sorting) -> None:
    """Queue those on whom there is a verdict, or who wait for one.

    The queue is looked at first, and held: whoever leaves it in the meantime has left a verdict.
    """
    if not sorting.weak:
        return
    into = index.survivors(connection, sorting.weak)
    keys = sorting.weak.keys() | set(into.values())
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
