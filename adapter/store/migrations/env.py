"""What Alembic runs to do the steps: on the connection, and in the transaction, of whoever asks for them."""

from alembic import context

from adapter.store.migrations import REVISION_TABLE
from adapter.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=REVISION_TABLE
)
context.run_migrations()
