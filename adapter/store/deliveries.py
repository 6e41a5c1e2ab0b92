"""Events that a URL has not taken yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, case, delete, exists, func, literal, or_, select, update

from adapter.store.tables import Instant, delivery
from adapter.store.tables import event as event_table
from adapter.store.verdicts import APART, DEAD, WAITING, Event, event_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event on its way to a URL."""

    event: Event
    url: str
    attempts: int


_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(hours=6)
_DOUBLINGS = 13
"""After which the pause is the longest."""


def pause(attempts: int) -> timedelta:
    """How long an event waits that was sent so many times in vain; not at all before the first."""
    return min(_FIRST_PAUSE * int(2 ** min(attempts - 1, _DOUBLINGS)), _LONGEST_PAUSE) if attempts else timedelta()


def due(connection: Connection, urls: Sequence[str], now: datetime, most: int) -> list[Delivery]:
    """What is to be sent now to URLs that are still configured, in the order of events.

    An event waits as long as an earlier one of its patient to the same URL waits to be tried again: a receiver that
    took them in another order would end with the wrong decision. What is due later than its attempts allow was stored
    by a clock that was ahead: it waits no longer.
    """
    earlier, its_event = delivery.alias(), event_table.alias()
    waits = exists().where(
        earlier.c.event == its_event.c.id,
        earlier.c.url == delivery.c.url,
        earlier.c.state == WAITING,
        earlier.c.due > now,
        earlier.c.due <= _latest(earlier.c.attempts, now),
        earlier.c.event < delivery.c.event,
        its_event.c.patient == event_table.c.patient,
    )
    chosen = (
        select(event_table, delivery.c.url, delivery.c.attempts)
        .join(delivery, delivery.c.event == event_table.c.id)
        .where(delivery.c.state == WAITING, delivery.c.url.in_(urls), ~waits)
        .where(or_(delivery.c.due <= now, delivery.c.due > _latest(delivery.c.attempts, now)))
        .order_by(event_table.c.id)
        .limit(most)
    )
    found = []
    for row in connection.execute(chosen):
        values = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's documented name
        url, attempts = values.pop("url"), values.pop("attempts")
        found.append(Delivery(event=event_of(values), url=url, attempts=attempts))
    return found


def _latest(attempts: ColumnElement[int], now: datetime) -> ColumnElement[datetime]:
    """When a delivery with so many attempts is due at the latest."""
    by_attempts = {each: literal(now + pause(each) + APART, Instant) for each in range(_DOUBLINGS + 1)}
    return case(by_attempts, value=attempts, else_=literal(now + _LONGEST_PAUSE + APART, Instant))


def delivered(connection: Connection, sent: Delivery) -> None:
    """It has arrived; an event that was kept for that alone goes with its last delivery."""
    number = sent.event.id
    connection.execute(delete(delivery).where(delivery.c.event == number, delivery.c.url == sent.url))
    others = exists().where(delivery.c.event == number)
    connection.execute(delete(event_table).where(event_table.c.id == number, event_table.c.until_sent, ~others))


def failed(connection: Connection, sent: Delivery, error: str, again: datetime | None) -> None:
    """It has not, and is sent again at an instant; None: never."""
    which = (delivery.c.event == sent.event.id, delivery.c.url == sent.url)
    values = {"attempts": sent.attempts + 1, "error": error}
    more = {"state": DEAD} if again is None else {"due": again}
    connection.execute(update(delivery).where(*which).values({**values, **more}))


def retry(connection: Connection, now: datetime) -> int:
    """Send again what was given up; how many there were.

    An event is dropped where its receiver has taken a later one of the same patient and study meanwhile.
    """
    old, new, waiting = event_table.alias(), event_table.alias(), delivery.alias()
    still_waits = exists().where(waiting.c.event == new.c.id, waiting.c.url == delivery.c.url)
    superseded = exists().where(
        old.c.id == delivery.c.event,
        new.c.patient == old.c.patient,
        new.c.study == old.c.study,
        new.c.id > old.c.id,
        ~still_waits,
    )
    connection.execute(delete(delivery).where(delivery.c.state == DEAD, superseded))
    values = {"state": WAITING, "due": now, "attempts": 0}
    return connection.execute(update(delivery).where(delivery.c.state == DEAD).values(values)).rowcount


def undelivered(connection: Connection) -> dict[str, int]:
    """How many wait, and how many were given up, by state."""
    counted = select(delivery.c.state, func.count()).group_by(delivery.c.state)
    return dict(connection.execute(counted).all())
