"""From here on Alembic knows which tables a database has.

The first version of the adapter works only on a database with the number 1: with 2 it refuses, in words, and does not
work on tables that it doesn't know.
"""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Keep the first version away."""
    op.execute("UPDATE schema_version SET version = 2")
