"""Events that a URL has not taken yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from adapter.store.tables import delivery
from adapter.store.tables import event as event_table
from adapter.store.verdicts import DEAD, WAITING, Event, event_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event on its way to a URL."""

    event: Event
    url: str
    attempts: int


def due(connection: Connection, urls: Sequence[str], now: datetime, most: int) -> list[Delivery]:
    """What is to be sent now to URLs that are still configured, in the order of events."""
    chosen = (
        select(event_table, delivery.c.url, delivery.c.attempts)
        .join(delivery, delivery.c.event == event_table.c.id)
        .where(delivery.c.state == WAITING, delivery.c.due <= now, delivery.c.url.in_(urls))
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
    """It has arrived."""
    connection.execute(delete(delivery).where(delivery.c.event == sent.event.id, delivery.c.url == sent.url))


def failed(connection: Connection, sent: Delivery, error: str, again: datetime | None) -> None:
    """It has not, and is sent again at an instant; None: never."""
    which = (delivery.c.event == sent.event.id, delivery.c.url == sent.url)
    values = {"attempts": sent.attempts + 1, "error": error}
    more = {"state": DEAD} if again is None else {"due": again}
    connection.execute(update(delivery).where(*which).values({**values, **more}))


def retry(connection: Connection, now: datetime) -> int:
    """Send again what was given up; how many there were."""
    values = {"state": WAITING, "due": now, "attempts": 0}
    return connection.execute(update(delivery).where(delivery.c.state == DEAD).values(values)).rowcount


def undelivered(connection: Connection) -> dict[str, int]:
    """How many wait, and how many were given up, by state."""
    counted = select(delivery.c.state, func.count()).group_by(delivery.c.state)
    return dict(connection.execute(counted).all())
