"""The queue: one row a patient, however many notifications name it; who claims it, and what becomes of it.

A notification raises the row's generation. A claim remembers the generation at which it began: what has come since
keeps the row in the queue when the claim is done. A claim ends with its lease, so a killed worker's patients come back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Insert, and_, case, delete, func, literal, or_, select, update
from sqlalchemy.sql.dml import ReturningInsert

from adapter.errors import StoreError
from adapter.store.tables import Instant, lots, pending, touch, upsert

WAITING, DEAD = "waiting", "dead"
LONGEST_SETTLE = timedelta(minutes=5)
"""For no longer is a row kept back so that further changes of the same patient come in."""

FURTHEST = timedelta(minutes=25)
"""No row is due later than that from now: a pause between tries (adapter.screening.react.context), that, and clocks of
two processes that differ by ten minutes."""


class LostLeaseError(StoreError):
    """A claim's lease ended before its work did; whoever has claimed the row since does the work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A row that is being worked on. `touched`: what has changed; `since`: when the first change was notified."""

    key: str
    owner: str
    generation: int
    touched: frozenset[str]
    since: datetime
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A row as a person sees it."""

    key: str
    state: str
    since: datetime
    due: datetime
    attempts: int
    error: str | None
    claimed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How much waits, and since when the oldest does."""

    waiting: int
    dead: int
    oldest: datetime | None


def notify(connection: Connection, touches: Mapping[str, frozenset[str]], now: datetime, due: datetime) -> None:
    """Put every key into the queue with what has changed, to be worked on at `due`; a dead one comes back to life."""
    if not touches:
        return
    keys = [{"key": key} for key in sorted(touches)]  # in one order, so that two transactions can't wait for each other
    put = connection.execute(_put(connection, now, due), keys)
    generations = {row.key: row.generation for row in put}
    rows = [
        {"key": key, "what": what, "generation": generations[key]}
        for key in sorted(touches)
        for what in sorted(touches[key])
    ]
    if rows:
        connection.execute(_touched(connection), rows)


def _put(connection: Connection, now: datetime, due: datetime) -> ReturningInsert[tuple[str, int]]:
    """Puts keys into the queue, or raises their generation; who waits for work already has then come due last."""
    due_then, now_then, revived = literal(due, Instant), literal(now, Instant), pending.c.state == DEAD
    statement = upsert(connection, pending).values(generation=1, state=WAITING, due=due, since=now, attempts=0)
    return statement.on_conflict_do_update(
        index_elements=[pending.c.key],
        set_={
            "generation": pending.c.generation + 1,
            "state": WAITING,
            "due": case((revived, due_then), (pending.c.due < now_then, now_then), else_=pending.c.due),
            "since": case((revived, now_then), else_=pending.c.since),
            "attempts": case((revived, 0), else_=pending.c.attempts),
        },
    ).returning(pending.c.key, pending.c.generation)


def _touched(connection: Connection) -> Insert:
    """Notes what has changed for a key."""
    statement = upsert(connection, touch)
    return statement.on_conflict_do_update(
        index_elements=[touch.c.key, touch.c.what], set_={"generation": statement.excluded.generation}
    )


def lock_waiting(connection: Connection, keys: Iterable[str]) -> set[str]:
    """Which of the keys are in the queue; they stay there until the transaction ends.

    They are held in the order in which `notify` holds them, whatever order the database has of its own.
    """
    order = pending.c.key.collate("BINARY" if connection.dialect.name == "sqlite" else "C")
    chosen = select(pending.c.key).order_by(order).with_for_update()
    return {each for lot in lots(keys) for each in connection.execute(chosen.where(pending.c.key.in_(lot))).scalars()}


def claim(  # which rows, and how
    connection: Connection,
    now: datetime,
    lease: timedelta,
    most: int,
    key: str | None = None,
    *,
    newest: bool = False,
) -> list[Claim]:
    """Claim rows that are due, the longest due first; no other claim gets them before the lease ends.

    What is due later than a row can be, or leased for longer than two leases, was stored by a clock that was ahead: it
    waits no longer. `key`: only this row. `newest`: what has come due last goes first.
    """
    free = or_(pending.c.owner.is_(None), pending.c.lease <= now, pending.c.lease > now + 2 * lease)
    is_due = or_(pending.c.due <= now, pending.c.due > now + FURTHEST)
    due = and_(pending.c.state == WAITING, is_due, free)
    if key is not None:
        due = and_(due, pending.c.key == key)
    order = pending.c.due.desc() if newest else pending.c.due
    chosen = select(pending).where(due).order_by(order, pending.c.key).limit(most)
    rows = connection.execute(chosen.with_for_update(skip_locked=True)).all()
    if not rows:
        return []
    owner, keys = uuid4().hex, [row.key for row in rows]
    connection.execute(update(pending).where(pending.c.key.in_(keys)).values(owner=owner, lease=now + lease))
    touched: dict[str, set[str]] = {}
    for of, what in connection.execute(select(touch.c.key, touch.c.what).where(touch.c.key.in_(keys))):
        touched.setdefault(of, set()).add(what)
    return [
        Claim(
            key=row.key,
            owner=owner,
            generation=row.generation,
            touched=frozenset(touched.get(row.key, ())),
            since=row.since,
            attempts=row.attempts,
        )
        for row in rows
    ]


def finish(connection: Connection, done: Claim, now: datetime) -> bool:
    """Take a claim's row out of the queue; False if something has come since, which keeps it in.

    Raises LostLeaseError, before anything is changed, where the claim doesn't hold any more.
    """
    generation = _held(connection, done)
    connection.execute(delete(touch).where(touch.c.key == done.key, touch.c.generation <= done.generation))
    if generation == done.generation:
        connection.execute(delete(pending).where(pending.c.key == done.key))
        return True
    _set(connection, done, owner=None, lease=None, due=now, since=now, attempts=0, error=None)
    return False


def fail(connection: Connection, failed: Claim, error: str, again: datetime | None, *, counts: bool = True) -> None:
    """Try a claim's row again at an instant, or never (None: a dead letter). `counts`: as one of its attempts.

    Raises LostLeaseError as above.
    """
    _held(connection, failed)
    attempts = failed.attempts + 1 if counts else failed.attempts
    values: dict[str, Any] = {"due": again} if again is not None else {"state": DEAD}
    _set(connection, failed, owner=None, lease=None, attempts=attempts, error=error, **values)


def give_back(connection: Connection, claims: Iterable[Claim]) -> None:
    """Let others have what was claimed and not begun; rows that were lost meanwhile stay as they are."""
    for each in claims:
        held = and_(pending.c.key == each.key, pending.c.owner == each.owner)
        connection.execute(update(pending).where(held).values(owner=None, lease=None))


def depth(connection: Connection) -> Depth:
    """How much waits."""
    counted = select(pending.c.state, func.count(), func.min(pending.c.since)).group_by(pending.c.state)
    rows = {state: (count, oldest) for state, count, oldest in connection.execute(counted)}
    waiting, oldest = rows.get(WAITING, (0, None))
    return Depth(waiting=waiting, dead=rows.get(DEAD, (0, None))[0], oldest=oldest)


def listed(connection: Connection, *, dead_only: bool = False) -> list[Waiting]:
    """Every row, what waits longest first."""
    chosen = select(pending).order_by(pending.c.since, pending.c.key)
    if dead_only:
        chosen = chosen.where(pending.c.state == DEAD)
    return [
        Waiting(
            key=row.key,
            state=row.state,
            since=row.since,
            due=row.due,
            attempts=row.attempts,
            error=row.error,
            claimed=row.owner is not None,
        )
        for row in connection.execute(chosen)
    ]


def retry(connection: Connection, keys: Iterable[str] | None, now: datetime) -> int:
    """Make rows due now, dead ones too; all dead ones if no key is named. How many there were."""
    which: ColumnElement[bool] = pending.c.state == DEAD if keys is None else pending.c.key.in_(sorted(keys))
    values = {"state": WAITING, "due": now, "attempts": 0}
    return connection.execute(update(pending).where(which).values(values)).rowcount


def _held(connection: Connection, held: Claim) -> int:
    """The generation of a claim's row, which is locked until the transaction ends."""
    chosen = select(pending.c.generation).where(pending.c.key == held.key, pending.c.owner == held.owner)
    generation: int | None = connection.execute(chosen.with_for_update()).scalar_one_or_none()
    if generation is None:
        msg = "the lease ended before the work did; the patient is evaluated again"
        raise LostLeaseError(msg)
    return generation


def _set(connection: Connection, held: Claim, **values: Any) -> None:  # noqa: ANN401  # any column
    connection.execute(update(pending).where(pending.c.key == held.key).values(values))
