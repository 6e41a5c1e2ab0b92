"""What one process at a time does again and again, whichever of them comes first; marks: how far something has come."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection, case, literal, or_, select, update

from adapter.store.tables import Instant, duty, mark, upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A duty that this process has now, and no other. `asked`: how often it had been asked for when it began."""

    name: str
    owner: str
    asked: int


def ask(connection: Connection, name: str, now: datetime) -> None:
    """Have a duty done at once, and once more where it is being done just now."""
    statement = upsert(connection, duty).values(name=name, due=now, asked=1)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[duty.c.name],
            set_={"asked": duty.c.asked + 1, "due": case((duty.c.due < now, duty.c.due), else_=literal(now, Instant))},
        )
    )


def acquire(connection: Connection, name: str, now: datetime, length: timedelta, furthest: timedelta) -> Lease | None:
    """A lease of some length, if the duty is due and no process has it. One that nobody has done yet is due.

    `furthest`: how far from now a duty can be due; what is due later, or leased for longer than two leases, was stored
    by a clock that was ahead.
    """
    connection.execute(upsert(connection, duty).values(name=name, due=now, asked=0).on_conflict_do_nothing())
    free = or_(duty.c.owner.is_(None), duty.c.lease <= now, duty.c.lease > now + 2 * length)
    is_due = or_(duty.c.due <= now, duty.c.due > now + furthest)
    chosen = select(duty).where(duty.c.name == name, is_due, free)
    row = connection.execute(chosen.with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    lease = Lease(name=name, owner=uuid4().hex, asked=row.asked)
    connection.execute(update(duty).where(duty.c.name == name).values(owner=lease.owner, lease=now + length))
    return lease


def extend(connection: Connection, lease: Lease, now: datetime, length: timedelta) -> bool:
    """Keep the lease for longer; False where another process has the duty."""
    held = (duty.c.name == lease.name, duty.c.owner == lease.owner)
    return connection.execute(update(duty).where(*held).values(lease=now + length)).rowcount == 1


def release(connection: Connection, lease: Lease, now: datetime, again: datetime) -> None:
    """End the lease; the duty is due again at an instant, at once where it was asked for meanwhile."""
    held = (duty.c.name == lease.name, duty.c.owner == lease.owner)
    due = case((duty.c.asked > lease.asked, literal(now, Instant)), else_=literal(again, Instant))
    connection.execute(update(duty).where(*held).values(owner=None, lease=None, due=due))


def due_at(connection: Connection, name: str) -> datetime | None:
    """When a duty comes next."""
    found: datetime | None = connection.execute(select(duty.c.due).where(duty.c.name == name)).scalar_one_or_none()
    return found


def read_mark(connection: Connection, name: str) -> str | None:
    """What is remembered; it stays until the transaction ends."""
    chosen = select(mark.c.value).where(mark.c.name == name).with_for_update()
    value: str | None = connection.execute(chosen).scalar_one_or_none()
    return value


def set_mark(connection: Connection, name: str, value: str) -> None:
    """Remember it."""
    statement = upsert(connection, mark).values(name=name, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=[mark.c.name], set_={"value": value}))
