"""Sprites: small pictures of hours; and motion of many Cameras out of an index alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and the index of Events by Camera wide enough for timelines."""
    op.create_table(
        "sprites",
        sa.Column("camera", sa.String(length=16), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("node", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("store", sa.String(length=64), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("camera", "start_ns", "node", name=op.f("pk_sprites")),
    )
    op.drop_index("ix_events_camera_start_ns", table_name="events")
    op.create_index("ix_events_camera_start_ns", "events", ["camera", "start_ns", "kind", "end_ns"], unique=False)
