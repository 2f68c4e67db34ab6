"""Long work that somebody asked for (vms/domain/job.py)."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text

from vms.store.tables.base import ID_CHARS, METADATA

jobs = Table(
    "jobs",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the Job; never changes."),
    Column("kind", String(16), nullable=False, doc="What it does: export, discovery."),
    Column("person", String(ID_CHARS), ForeignKey("people.id"), nullable=False, doc="Who asked for it."),
    Column("asked", JSON, nullable=False, doc="What was asked, as its kind has it."),
    Column("created_ns", BigInteger, nullable=False, doc="When it was asked for."),
    Column("state", String(16), nullable=False, doc="queued, running, done, failed or cancelled."),
    Column("node", String(ID_CHARS), nullable=False, doc="The Node that runs or ran it; empty while queued."),
    Column("progress_ppm", Integer, nullable=False, doc="How much of it is done, in millionths."),
    Column("started_ns", BigInteger, nullable=True, doc="When a Node took it, the first time."),
    Column("ended_ns", BigInteger, nullable=True, doc="When it ended."),
    Column("expires_ns", BigInteger, nullable=True, doc="When what came of it is removed; NULL: it is kept, or not."),
    Column("result", JSON, nullable=False, doc="What came of it, as its kind has it; empty once that is removed."),
    Column("why", Text, nullable=False, doc="What went wrong, in words without secrets."),
    Column("reason", String(64), nullable=False, doc="A stable name of these words; may be empty."),
    Column("case", String(ID_CHARS), nullable=True, doc="The Case it belongs to; NULL: none."),
    Index("ix_jobs_created_ns", "created_ns", "id"),
    Index("ix_jobs_state_created_ns", "state", "created_ns"),
    Index("ix_jobs_case", "case"),
)
