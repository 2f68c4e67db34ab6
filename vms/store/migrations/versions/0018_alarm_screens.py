"""Rules that bring cameras onto screens, Alarms that come late, and Events that Rules have yet to look at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_BACK_NS = 2 * 86_400 * 1_000_000_000


def upgrade() -> None:
    """No Rule of before has screens. What happened in the last two days is looked at once more: it raises nothing
    twice."""
    op.add_column("rules", sa.Column("displays", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("rules", sa.Column("display_s", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("alarms", sa.Column("late", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("alarms", sa.Column("displays", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("alarms", sa.Column("displays_until_ns", sa.BigInteger(), nullable=True))
    op.create_table(
        "fresh_events",
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["event"], ["events.id"], name=op.f("fk_fresh_events_event_events"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("event", name=op.f("pk_fresh_events")),
    )
    events = sa.table("events", sa.column("id"), sa.column("rev"), sa.column("start_ns"))
    newest = sa.select(sa.func.max(events.c.start_ns)).scalar_subquery()
    late = sa.select(events.c.id, events.c.rev).where(events.c.start_ns > newest - _BACK_NS)
    fresh = sa.table("fresh_events", sa.column("event"), sa.column("rev"))
    op.execute(sa.insert(fresh).from_select(["event", "rev"], late))
