"""Moments that people marked (vms/domain/bookmark.py)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table

from vms.store.tables.base import ID_CHARS, METADATA

bookmarks = Table(
    "bookmarks",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the Bookmark; never changes."),
    Column("camera", String(ID_CHARS), ForeignKey("cameras.id"), nullable=False, doc="The Camera; it may be removed."),
    Column("at_ns", BigInteger, nullable=False, doc="The moment, capture time."),
    Column("note", String(500), nullable=False, doc="What the Person wrote; may be empty."),
    Column("person", String(ID_CHARS), ForeignKey("people.id"), nullable=False, doc="Who marked it."),
    Column("created_ns", BigInteger, nullable=False, doc="When it was marked."),
    Column("case", String(ID_CHARS), nullable=True, doc="The Case it belongs to; NULL: none."),
    Index("ix_bookmarks_at_ns", "at_ns", "id"),
    Index("ix_bookmarks_camera_at_ns", "camera", "at_ns"),
    Index("ix_bookmarks_case", "case"),
)
