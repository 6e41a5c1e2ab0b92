"""From the tables of any earlier version to the present ones, by Alembic: `upgrade` runs the steps in `versions`.

A database keeps the name of its last step in the table `schema_revision`. The first version of the adapter had no
steps and kept a number, 1, in `schema_version`: such a database stands at the first step.
"""

from typing import Final

from sqlalchemy import Connection, TableClause, column, inspect, select, table

from adapter.errors import StoreError

LATEST: Final = "0005"
"""The last step; a test holds that it is."""
REVISION_TABLE: Final = "schema_revision"

_FIRST = "0001"
_revision = table(REVISION_TABLE, column("version_num"))
_number = table("schema_version", column("version"))


def is_current(connection: Connection) -> bool:
    """Whether the tables are the present ones: a look that needs no lock."""
    return inspect(connection).has_table(REVISION_TABLE) and _at(connection, _revision) == LATEST


def upgrade(connection: Connection) -> None:
    """Bring the tables to the present ones, within the caller's transaction: all steps are done, or none.

    Raises StoreError where a newer version of the adapter has made them, and leaves them as they are.
    """
    from alembic import command  # noqa: PLC0415  # slow to import, and needed once in a database's life
    from alembic.config import Config  # noqa: PLC0415  # as above
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # as above

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", __name__.replace(".", ":", 1).replace(".", "/"))
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    tables = inspect(connection)
    if tables.has_table(REVISION_TABLE):
        found = _at(connection, _revision)
        if found is not None and found not in known:
            raise _newer(found)
    elif tables.has_table(_number.name):
        number = _at(connection, _number)
        if number != 1:
            raise _newer(number)
        command.stamp(config, _FIRST)
    command.upgrade(config, "head")


def _at(connection: Connection, kept: TableClause) -> object:
    return connection.execute(select(kept)).scalar_one_or_none()


def _newer(found: object) -> StoreError:
    return StoreError(
        f"the database has the schema {found} of a newer version of the adapter, this one knows {LATEST} and before; "
        "run that version, or name another database"
    )
