"""Events are found by their age and by their patient, to be deleted; the last of an erased patient says that it is."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add what is needed for that."""
    op.add_column("event", sa.Column("until_sent", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_index("event_at", "event", ["at"])
    op.create_index("event_patient", "event", ["patient"])
