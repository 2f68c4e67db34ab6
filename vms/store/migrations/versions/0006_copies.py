"""What of a Site goes to the center's Store too, and Copies that are to be made or deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Sites that are there order nothing."""
    op.add_column("sites", sa.Column("copies", sa.String(length=16), nullable=False, server_default="on_demand"))
    due = sa.text("state IN ('wanted', 'doomed')")
    op.create_index("ix_copies_due", "copies", ["store", "state"], unique=False, sqlite_where=due, postgresql_where=due)
