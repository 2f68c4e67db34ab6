"""PostgreSQL: coverage out of the index on a Stream's Segments alone.

Rows of one camera lie among those of all others, so that a day of it is a page of the table per Segment; with the
columns that coverage needs, the index has them side by side. What it says holds without a look into the table where
vacuum has seen the page: after each fiftieth of the table that is new, not after each fifth.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INDEX = "ix_segments_camera_stream_start_ns"


def upgrade() -> None:
    """Nothing for SQLite."""
    if op.get_bind().dialect.name != "postgresql":
        return
    op.drop_index(_INDEX, "segments")
    op.create_index(
        _INDEX,
        "segments",
        ["camera", "stream", "start_ns", "end_ns"],
        unique=False,
        postgresql_include=["epoch", "run", "number", "state"],
    )
    op.execute(
        "ALTER TABLE segments SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02)"
    )
