"""Tours of the wall."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table

from vms.store.tables.base import ID_CHARS, METADATA

tours = Table(
    "tours",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the Tour; never changes."),
    Column("name", String(100), nullable=False, doc="Name for people."),
    Column("owner", String(ID_CHARS), ForeignKey("people.id"), nullable=False, doc="The Person who made it."),
    Column("shared", Boolean, nullable=False, doc="Whether everyone sees it; else its owner alone."),
    Column("layout", JSON, nullable=False, doc="Layout of its camera steps, as vms/domain/layout.py writes it."),
    Column("steps", JSON, nullable=False, doc="In order: `view` or `camera`, and `dwell_s`; either may be gone."),
    Column("pinned", JSON, nullable=False, doc="Tiles that keep their camera: `tile`, `camera`."),
    Column("changed_ns", BigInteger, nullable=False, doc="Last change."),
    Column("rev", Integer, nullable=False, doc="Version of the row, one more at each change."),
    Index("ix_tours_owner", "owner"),
)
