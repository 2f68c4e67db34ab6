"""Rules, the Alarms that they or people raise, and from which Events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "rules",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("sites", sa.JSON(), nullable=False),
        sa.Column("cameras", sa.JSON(), nullable=False),
        sa.Column("areas", sa.JSON(), nullable=False),
        sa.Column("days", sa.JSON(), nullable=False),
        sa.Column("from_min", sa.Integer(), nullable=False),
        sa.Column("to_min", sa.Integer(), nullable=False),
        sa.Column("min_duration_s", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("sound", sa.Boolean(), nullable=False),
        sa.Column("alarm_tile", sa.Boolean(), nullable=False),
        sa.Column("cooldown_s", sa.Integer(), nullable=False),
        sa.Column("since_ns", sa.BigInteger(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules")),
    )
    op.create_table(
        "alarms",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("raised_ns", sa.BigInteger(), nullable=False),
        sa.Column("again_ns", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.String(length=16), nullable=True),
        sa.Column("rule_name", sa.String(length=100), nullable=False),
        sa.Column("event", sa.String(length=16), nullable=True),
        sa.Column("subject", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(length=16), nullable=True),
        sa.Column("camera", sa.String(length=16), nullable=True),
        sa.Column("node", sa.String(length=16), nullable=True),
        sa.Column("raised_by", sa.String(length=16), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("sound", sa.Boolean(), nullable=False),
        sa.Column("alarm_tile", sa.Boolean(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("acknowledged_by", sa.String(length=16), nullable=True),
        sa.Column("acknowledged_ns", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_note", sa.String(length=500), nullable=False),
        sa.Column("over_ns", sa.BigInteger(), nullable=True),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
    )
    op.create_table(
        "alarm_events",
        sa.Column("rule", sa.String(length=16), nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("alarm", sa.String(length=16), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alarm"], ["alarms.id"], name=op.f("fk_alarm_events_alarm_alarms"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("rule", "event", name=op.f("pk_alarm_events")),
    )
    op.create_index("ix_alarms_raised_ns", "alarms", ["raised_ns", "id"], unique=False)
    op.create_index("ix_alarms_subject", "alarms", ["rule", "subject", "raised_ns"], unique=False)
    living = sa.text("(acknowledged_ns IS NULL OR over_ns IS NULL)")
    op.create_index(
        "ix_alarms_living", "alarms", ["raised_ns"], unique=False, sqlite_where=living, postgresql_where=living
    )
    op.create_index("ix_alarm_events_alarm", "alarm_events", ["alarm"], unique=False)
