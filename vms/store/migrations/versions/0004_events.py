"""Events: what happened that a person may want to know of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "events",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("teller", sa.String(length=16), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=True),
        sa.Column("severity", sa.String(length=8), nullable=False),
        sa.Column("site", sa.String(length=16), nullable=True),
        sa.Column("camera", sa.String(length=16), nullable=True),
        sa.Column("stream", sa.String(length=8), nullable=True),
        sa.Column("node", sa.String(length=16), nullable=True),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_start_ns", "events", ["start_ns", "id"], unique=False)
    op.create_index("ix_events_camera_start_ns", "events", ["camera", "start_ns"], unique=False)
    open_ones = sa.text("end_ns IS NULL")
    op.create_index(
        "ix_events_open",
        "events",
        ["teller", "kind"],
        unique=False,
        sqlite_where=open_ones,
        postgresql_where=open_ones,
    )
