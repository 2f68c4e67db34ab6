"""Bookmarks: moments that people marked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "bookmarks",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("camera", sa.String(length=16), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("person", sa.String(length=16), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["camera"], ["cameras.id"], name=op.f("fk_bookmarks_camera_cameras")),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_bookmarks_person_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookmarks")),
    )
    op.create_index("ix_bookmarks_at_ns", "bookmarks", ["at_ns", "id"], unique=False)
    op.create_index("ix_bookmarks_camera_at_ns", "bookmarks", ["camera", "at_ns"], unique=False)
