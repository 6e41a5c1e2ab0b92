"""The tables of the first version.

Times are milliseconds since 1970.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    version = op.create_table("schema_version", sa.Column("version", sa.Integer, primary_key=True, autoincrement=False))
    op.bulk_insert(version, [{"version": 1}])
    _queue()
    _index()
    _verdicts()
    op.create_table(
        "duty",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("asked", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.String(64)),
        sa.Column("lease", sa.BigInteger),
    )
    op.create_table(
        "mark",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def _queue() -> None:
    op.create_table(
        "pending",
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.String(120)),
        sa.Column("owner", sa.String(64)),
        sa.Column("lease", sa.BigInteger),
    )
    op.create_index("pending_due", "pending", ["state", "due"])
    op.create_table(
        "touch",
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("what", sa.String(255), primary_key=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
    )


def _index() -> None:
    op.create_table(
        "resource_index",
        sa.Column("resource", sa.String(255), primary_key=True),
        sa.Column("patient", sa.String(255), primary_key=True),
        sa.Column("version", sa.Text),
        sa.Column("updated", sa.Text),
        sa.Column("reads", sa.Text, nullable=False),
    )
    op.create_index("resource_index_patient", "resource_index", ["patient"])
    op.create_table(
        "merged",
        sa.Column("patient", sa.String(255), primary_key=True),
        sa.Column("into", sa.String(255), nullable=False),
    )


def _verdicts() -> None:
    op.create_table(
        "verdict",
        sa.Column("patient", sa.String(255), primary_key=True),
        sa.Column("study", sa.String(255), primary_key=True),
        sa.Column("decision", sa.String(32), nullable=False),
        sa.Column("criteria", sa.Text, nullable=False),
        sa.Column("as_of", sa.BigInteger, nullable=False),
        sa.Column("valid_until", sa.BigInteger),
        sa.Column("basis", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.create_index("verdict_valid_until", "verdict", ["valid_until"])
    op.create_index("verdict_basis", "verdict", ["study", "basis"])
    op.create_table(
        "event",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("patient", sa.String(255), nullable=False),
        sa.Column("study", sa.String(255), nullable=False),
        sa.Column("old", sa.String(32)),
        sa.Column("new", sa.String(32)),
        sa.Column("criteria", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "delivery",
        sa.Column("event", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("url", sa.String(1024), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.String(120)),
    )
