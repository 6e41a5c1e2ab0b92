"""Where something has come to: a name, and what is remembered under it."""

from sqlalchemy import Connection, select

from adapter.store.tables import mark
from adapter.store.upsert import upsert


def read_mark(connection: Connection, name: str) -> str | None:
    """What is remembered; it stays until the transaction ends."""
    chosen = select(mark.c.value).where(mark.c.name == name).with_for_update()
    value: str | None = connection.execute(chosen).scalar_one_or_none()
    return value


def set_mark(connection: Connection, name: str, value: str) -> None:
    """Remember it."""
    statement = upsert(connection, mark).values(name=name, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=[mark.c.name], set_={"value": value}))
