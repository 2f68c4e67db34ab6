"""First schema: registry, people, footage."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables."""
    _registry()
    _people()
    _footage()


def _registry() -> None:
    op.create_table(
        "meta",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_meta")),
    )
    op.create_table(
        "nodes",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("site", sa.String(length=16), nullable=True),
        sa.Column("registered_ns", sa.BigInteger(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nodes")),
    )
    op.create_table(
        "stores",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_stores")),
    )
    op.create_table(
        "sites",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("parent", sa.String(length=16), nullable=True),
        sa.Column("home_store", sa.String(length=64), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["parent"], ["sites.id"], name=op.f("fk_sites_parent_sites")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sites")),
        sa.UniqueConstraint("slug", name=op.f("uq_sites_slug")),
    )
    op.create_table(
        "cameras",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("username", sa.String(length=256), nullable=False),
        sa.Column("password", sa.LargeBinary(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("audio", sa.Boolean(), nullable=False),
        sa.Column("transport", sa.String(length=8), nullable=False),
        sa.Column("retention_days", sa.Integer(), nullable=True),
        sa.Column("registered_ns", sa.BigInteger(), nullable=False),
        sa.Column("deleted_ns", sa.BigInteger(), nullable=True),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.id"], name=op.f("fk_cameras_site_sites")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cameras")),
    )
    op.create_index("ix_cameras_site", "cameras", ["site"], unique=False)
    op.create_index(
        "uq_cameras_slug",
        "cameras",
        ["slug"],
        unique=True,
        sqlite_where=sa.text("deleted_ns IS NULL"),
        postgresql_where=sa.text("deleted_ns IS NULL"),
    )
    op.create_table(
        "streams",
        sa.Column("camera", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=8), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("record", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["camera"], ["cameras.id"], name=op.f("fk_streams_camera_cameras")),
        sa.PrimaryKeyConstraint("camera", "name", name=op.f("pk_streams")),
    )


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("username", sa.String(length=100), nullable=False),
        sa.Column("username_folded", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("username_folded", name=op.f("uq_people_username_folded")),
    )
    op.create_table(
        "sessions",
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("person", sa.String(length=16), nullable=False),
        sa.Column("csrf", sa.String(length=128), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), nullable=False),
        sa.Column("seen_ns", sa.BigInteger(), nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name=op.f("fk_sessions_person_people")),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_sessions")),
    )
    op.create_index("ix_sessions_expires_ns", "sessions", ["expires_ns"], unique=False)
    op.create_index("ix_sessions_person", "sessions", ["person"], unique=False)
    op.create_table(
        "audit",
        sa.Column("node", sa.String(length=16), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("node", "number", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_at_ns", "audit", ["at_ns"], unique=False)


def _footage() -> None:
    op.create_table(
        "grants",
        sa.Column("camera", sa.String(length=16), nullable=False),
        sa.Column("stream", sa.String(length=8), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("node", sa.String(length=16), nullable=False),
        sa.Column("granted_ns", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("camera", "stream", "epoch", name=op.f("pk_grants")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("camera", sa.String(length=16), nullable=False),
        sa.Column("stream", sa.String(length=8), nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("node", sa.String(length=16), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("tracks", sa.JSON(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.String(length=32), nullable=True),
        sa.Column("anchor_ns", sa.BigInteger(), nullable=False),
        sa.Column("correction_ns", sa.BigInteger(), nullable=True),
        sa.Column("clock_boot_id", sa.String(length=64), nullable=False),
        sa.Column("clock_mono_ns", sa.BigInteger(), nullable=False),
        sa.Column("clock_wall_ns", sa.BigInteger(), nullable=False),
        sa.Column("clock_synchronized", sa.Boolean(), nullable=False),
        sa.Column("clock_offset_ns", sa.BigInteger(), nullable=True),
        sa.Column("clock_rtcp_ns", sa.BigInteger(), nullable=True),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index("ix_runs_camera_stream_end_ns", "runs", ["camera", "stream", "end_ns"], unique=False)
    op.create_index(
        "ix_runs_corrected",
        "runs",
        ["camera", "stream", "correction_ns"],
        unique=False,
        sqlite_where=sa.text("correction_ns IS NOT NULL"),
        postgresql_where=sa.text("correction_ns IS NOT NULL"),
    )
    op.create_index(
        "ix_runs_under_way",
        "runs",
        ["node"],
        unique=False,
        sqlite_where=sa.text("end_ns IS NULL"),
        postgresql_where=sa.text("end_ns IS NULL"),
    )
    op.create_table(
        "segments",
        sa.Column("run", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("camera", sa.String(length=16), nullable=False),
        sa.Column("stream", sa.String(length=8), nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("node", sa.String(length=16), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("init_bytes", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_root", sa.LargeBinary(), nullable=False),
        sa.Column("previous_root", sa.LargeBinary(), nullable=False),
        sa.Column("first_gop", sa.Integer(), nullable=False),
        sa.Column("gops", sa.Integer(), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run", "number", name=op.f("pk_segments")),
    )
    op.create_index(
        "ix_segments_camera_stream_start_ns", "segments", ["camera", "stream", "start_ns", "end_ns"], unique=False
    )
    op.create_index(
        "ix_segments_in_spool",
        "segments",
        ["node", "state"],
        unique=False,
        sqlite_where=sa.text("state IN ('open', 'spooled')"),
        postgresql_where=sa.text("state IN ('open', 'spooled')"),
    )
    op.create_index(
        "ix_segments_stored",
        "segments",
        ["camera", "start_ns", "size_bytes", "state"],
        unique=False,
        sqlite_where=sa.text("state = 'stored'"),
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.create_table(
        "fragment_indexes",
        sa.Column("run", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run", "number"],
            ["segments.run", "segments.number"],
            name=op.f("fk_fragment_indexes_run_number_segments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run", "number", name=op.f("pk_fragment_indexes")),
    )
    op.create_table(
        "gaps",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("camera", sa.String(length=16), nullable=False),
        sa.Column("stream", sa.String(length=8), nullable=False),
        sa.Column("site", sa.String(length=16), nullable=False),
        sa.Column("node", sa.String(length=16), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gaps")),
    )
    op.create_index("ix_gaps_camera_stream_end_ns", "gaps", ["camera", "stream", "end_ns"], unique=False)
    op.create_index(
        "ix_gaps_open",
        "gaps",
        ["node", "camera", "stream"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "copies",
        sa.Column("run", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("store", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("verified_ns", sa.BigInteger(), nullable=True),
        sa.Column("rev", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run", "number", "store", name=op.f("pk_copies")),
    )
