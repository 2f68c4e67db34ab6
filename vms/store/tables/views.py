"""What operators keep for the wall: views, and whose favourites they are."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table

from vms.store.tables.base import ID_CHARS, METADATA

views = Table(
    "views",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the View; never changes."),
    Column("name", String(100), nullable=False, doc="Name for people."),
    Column("folder", String(200), nullable=False, doc="Path of names joined by `/`; empty: at the top."),
    Column("owner", String(ID_CHARS), ForeignKey("people.id"), nullable=False, doc="The Person who made it."),
    Column("shared", Boolean, nullable=False, doc="Whether everyone sees it; else its owner alone."),
    Column("layout", JSON, nullable=False, doc="Its Layout, as vms/domain/layout.py writes it."),
    Column("cameras", JSON, nullable=False, doc="A camera's id, or null, per Tile; cameras may be gone."),
    Column("changed_ns", BigInteger, nullable=False, doc="Last change."),
    Column("rev", Integer, nullable=False, doc="Version of the row, one more at each change."),
    Index("ix_views_owner", "owner"),
)

view_favourites = Table(
    "view_favourites",
    METADATA,
    Column("person", String(ID_CHARS), ForeignKey("people.id"), primary_key=True, doc="Whose favourite."),
    Column("view", String(ID_CHARS), ForeignKey("views.id", ondelete="CASCADE"), primary_key=True, doc="Which View."),
)
