"""Where Sites and Cameras are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Those that are there have no position yet."""
    for table in ("sites", "cameras"):
        op.add_column(table, sa.Column("longitude", sa.Float(), nullable=True))
        op.add_column(table, sa.Column("latitude", sa.Float(), nullable=True))
