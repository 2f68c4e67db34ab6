"""Cases with notes and Holds; Bookmarks and Jobs of a Case; Copies under a legal hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_LOCKED = sa.text("locked")


def upgrade() -> None:
    """What was there before belongs to no Case, and nothing of it is held."""
    op.create_table(
        "cases",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("description", sa.String(length=4000), nullable=False),
        sa.Column("people", sa.JSON(), nullable=False),
        sa.Column("person", sa.String(length=16), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("closed_ns", sa.BigInteger(), nullable=True),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_cases_person_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("year", "serial", name=op.f("uq_cases_year_serial")),
    )
    op.create_table(
        "case_notes",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("case", sa.String(length=16), nullable=False),
        sa.Column("text", sa.String(length=4000), nullable=False),
        sa.Column("person", sa.String(length=16), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["case"], ["cases.id"], name=op.f("fk_case_notes_case_cases")),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_case_notes_person_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_notes")),
    )
    op.create_index("ix_case_notes_case_at_ns", "case_notes", ["case", "at_ns"], unique=False)
    op.create_table(
        "holds",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("case", sa.String(length=16), nullable=False),
        sa.Column("camera", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("person", sa.String(length=16), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("removed_ns", sa.BigInteger(), nullable=True),
        sa.Column("removed_by", sa.String(length=16), nullable=True),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index("ix_holds_camera_start_ns", "holds", ["camera", "start_ns"], unique=False)
    op.create_index("ix_holds_case", "holds", ["case"], unique=False)
    op.add_column("bookmarks", sa.Column("case", sa.String(length=16), nullable=True))
    op.create_index("ix_bookmarks_case", "bookmarks", ["case"], unique=False)
    op.add_column("jobs", sa.Column("case", sa.String(length=16), nullable=True))
    op.create_index("ix_jobs_case", "jobs", ["case"], unique=False)
    op.add_column("copies", sa.Column("locked", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_copies_locked", "copies", ["store"], unique=False, sqlite_where=_LOCKED, postgresql_where=_LOCKED
    )
