"""How long data stay, and how they go: what is old some rows at a time, and everything of one patient at once.

Not by age go the queue's rows (what is done leaves it at once; what was given up says that a patient's verdicts are not
up to date) and the verdicts of trials that are evaluated, which are the present state.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, or_, select

from adapter.criteria.calendar import CalendarUnit, Duration, add, duration
from adapter.store import verdicts
from adapter.store.queue import DEAD
from adapter.store.tables import delivery, event, lots, merged, pending, resource_index, touch, verdict
from adapter.store.verdicts import WAITING

_QUARTER = Duration(90, CalendarUnit.DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long each of them stays.

    `events`: verdicts that changed; `deliveries`: those that a URL never took; `verdicts`: of trials that are not
    evaluated any more, from when they last were.
    """

    events: Duration = _QUARTER
    deliveries: Duration = _QUARTER
    verdicts: Duration = _QUARTER


PARTS = tuple(field.name for field in fields(Retention))


def retention_of(words: Iterable[str]) -> Retention:
    """`P90D` for all, `events=P1Y` for one of them; later words go before earlier ones. Raises ValueError, in words."""
    found = Retention()
    for word in words:
        part, is_one, length = word.rpartition("=")
        if is_one and part not in PARTS:
            msg = f"{part!r} is none of {', '.join(PARTS)}"
            raise ValueError(msg)
        found = replace(found, **dict.fromkeys([part] if is_one else PARTS, duration(length)))
    return found


def before(now: datetime, length: Duration) -> datetime:
    """The instant a length of time ago."""
    moment = now.astimezone(UTC)
    return datetime.combine(add(moment.date(), length, -1), moment.timetz())


def expire_events(connection: Connection, limit: datetime, urls: Sequence[str], most: int) -> int:
    """Delete events from before a limit, but for those that a configured URL is still to get; how many."""
    waits = exists().where(delivery.c.event == event.c.id, _awaited(urls))
    ids = connection.scalars(select(event.c.id).where(event.c.at < limit, ~waits).order_by(event.c.at).limit(most))
    return _delete_events(connection, ids.all())


def expire_deliveries(connection: Connection, limit: datetime, urls: Sequence[str], most: int) -> int:
    """Delete what was given up, or is for a URL that is not configured any more, of events from before a limit."""
    old = event.c.at < limit
    chosen = select(delivery.c.event).join(event, event.c.id == delivery.c.event).where(old, ~_awaited(urls))
    ids = connection.scalars(chosen.distinct().limit(most)).all()
    if not ids:
        return 0
    gone = connection.execute(delete(delivery).where(delivery.c.event.in_(ids), ~_awaited(urls))).rowcount
    left = exists().where(delivery.c.event == event.c.id)
    connection.execute(delete(event).where(event.c.id.in_(ids), event.c.until_sent, ~left))
    return gone


def expire_verdicts(connection: Connection, limit: datetime, studies: Collection[str], most: int) -> int:
    """Delete verdicts from before a limit of other than these studies; who has none left is not known any more."""
    chosen = select(verdict.c.patient, verdict.c.study).where(
        verdict.c.as_of < limit, verdict.c.study.not_in(sorted(studies))
    )
    rows = connection.execute(chosen.limit(most)).all()
    for patient, study in rows:
        connection.execute(delete(verdict).where(verdict.c.patient == patient, verdict.c.study == study))
    for patient in sorted({row.patient for row in rows}):
        left = exists().where(verdict.c.patient == resource_index.c.patient)
        connection.execute(delete(resource_index).where(resource_index.c.patient == patient, ~left))
    return len(rows)


def studies_of(connection: Connection, patient: str) -> set[str]:
    """The studies of which something is kept about a patient."""
    named = (select(table.c.study).where(table.c.patient == patient).distinct() for table in (verdict, event))
    return {study for chosen in named for study in connection.scalars(chosen)}


def erase(connection: Connection, patient: str, now: datetime, urls: Sequence[str]) -> None:
    """Delete everything about a patient, but for the queue's row, which whoever has claimed it takes out.

    Each URL is told that there is no verdict any more, by an event that goes when it was taken.
    """
    last = [(study, kept.decision) for study, kept in verdicts.of_patient(connection, patient).items()]
    mine = select(event.c.id).where(event.c.patient == patient, ~event.c.until_sent)
    _delete_events(connection, connection.scalars(mine).all())
    verdicts.drop(connection, patient)
    resources = select(resource_index.c.resource).where(resource_index.c.patient == patient)
    given_up = select(pending.c.key).where(pending.c.key.in_(resources), pending.c.state == DEAD)
    keys = connection.scalars(given_up).all()
    for lot in lots(keys):
        for table in (touch, pending):
            connection.execute(delete(table).where(table.c.key.in_(lot)))
    connection.execute(delete(resource_index).where(resource_index.c.patient == patient))
    connection.execute(delete(merged).where(or_(merged.c.patient == patient, merged.c.into == patient)))
    for study, decision in last if urls else ():
        verdicts.record_event(connection, now, (patient, study, decision, None), (), urls, until_sent=True)


def _awaited(urls: Sequence[str]) -> ColumnElement[bool]:
    return and_(delivery.c.state == WAITING, delivery.c.url.in_(urls))


def _delete_events(connection: Connection, ids: Sequence[int]) -> int:
    for lot in lots(ids):
        connection.execute(delete(delivery).where(delivery.c.event.in_(lot)))
        connection.execute(delete(event).where(event.c.id.in_(lot)))
    return len(ids)
