"""Verdicts that a clock made which was ahead are found by their instant."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the index."""
    op.create_index("verdict_as_of", "verdict", ["as_of"])
