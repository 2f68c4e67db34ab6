"""Cases, what people note in them, and what they hold (vms/domain/case.py, vms/domain/hold.py)."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from vms.store.tables.base import ID_CHARS, METADATA

cases = Table(
    "cases",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the Case; never changes."),
    Column("year", Integer, nullable=False, doc="Its number: the year in which it was opened."),
    Column("serial", Integer, nullable=False, doc="Its number: one more than the one before in that year."),
    Column("title", String(200), nullable=False, doc="What it is about, in a line."),
    Column("description", String(4000), nullable=False, doc="More of it; may be empty."),
    Column("people", JSON, nullable=False, doc="Who may see it: list of person and role (owner, member)."),
    Column("person", String(ID_CHARS), ForeignKey("people.id"), nullable=False, doc="Who opened it."),
    Column("created_ns", BigInteger, nullable=False, doc="When it was opened."),
    Column("closed_ns", BigInteger, nullable=True, doc="When it was closed; NULL while it is open."),
    Column("rev", Integer, nullable=False, doc="Version of the row, one more at each change."),
    UniqueConstraint("year", "serial"),
)

case_notes = Table(
    "case_notes",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the note."),
    Column("case", String(ID_CHARS), ForeignKey("cases.id"), nullable=False, doc="The Case."),
    Column("text", String(4000), nullable=False, doc="What was written; never changed."),
    Column("person", String(ID_CHARS), ForeignKey("people.id"), nullable=False, doc="Who wrote it."),
    Column("at_ns", BigInteger, nullable=False, doc="When."),
    Index("ix_case_notes_case_at_ns", "case", "at_ns"),
)

# No foreign keys: Holds travel to the Camera's Site, where there is no Case and perhaps not yet the Camera.
holds = Table(
    "holds",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the Hold; never changes."),
    Column("case", String(ID_CHARS), nullable=False, doc="The Case that claims it."),
    Column("camera", String(ID_CHARS), nullable=False, doc="The Camera; it may be removed."),
    Column("site", String(ID_CHARS), nullable=False, doc="The Camera's Site, whose nodes have to know of it."),
    Column("start_ns", BigInteger, nullable=False, doc="From when on footage is held, capture time."),
    Column("end_ns", BigInteger, nullable=True, doc="Until when; NULL: without an end."),
    Column("reason", String(500), nullable=False, doc="Why."),
    Column("person", String(ID_CHARS), nullable=False, doc="Who held it."),
    Column("created_ns", BigInteger, nullable=False, doc="Since when."),
    Column("removed_ns", BigInteger, nullable=True, doc="When it was taken off; it holds for an hour more."),
    Column("removed_by", String(ID_CHARS), nullable=True, doc="By whom."),
    Column("rev", Integer, nullable=False, doc="Version of the row; the greater wins."),
    Index("ix_holds_camera_start_ns", "camera", "start_ns"),
    Index("ix_holds_case", "case"),
)
