"""Events that a URL has not taken yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, exists, func, or_, select, update

from adapter.store.tables import delivery
from adapter.store.tables import event as event_table
from adapter.store.verdicts import DEAD, WAITING, Event, event_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event on its way to a URL."""

    event: Event
    url: str
    attempts: int


LONGEST_WAIT = timedelta(hours=6)
"""The longest pause between two attempts: what is due later than that was stored by a clock that was wrong."""


def due(connection: Connection, urls: Sequence[str], now: datetime, most: int) -> list[Delivery]:
    """What is to be sent now to URLs that are still configured, in the order of events.

    An event waits as long as an earlier one of its patient to the same URL waits to be tried again: a receiver that
    took them in another order would end with the wrong decision.
    """
    earlier, its_event = delivery.alias(), event_table.alias()
    beyond = now + LONGEST_WAIT
    waits = exists().where(
        earlier.c.event == its_event.c.id,
        earlier.c.url == delivery.c.url,
        earlier.c.state == WAITING,
        earlier.c.due > now,
        earlier.c.due <= beyond,
        earlier.c.event < delivery.c.event,
        its_event.c.patient == event_table.c.patient,
    )
    chosen = (
        select(event_table, delivery.c.url, delivery.c.attempts)
        .join(delivery, delivery.c.event == event_table.c.id)
        .where(delivery.c.state == WAITING, delivery.c.url.in_(urls), ~waits)
        .where(or_(delivery.c.due <= now, delivery.c.due > beyond))
        .order_by(event_table.c.id)
        .limit(most)
    )
    found = []
    for row in connection.execute(chosen):
        values = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's documented name
        url, attempts = values.pop("url"), values.pop("attempts")
        found.append(Delivery(event=event_of(values), url=url, attempts=attempts))
    return found


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
