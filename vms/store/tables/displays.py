"""Screens: walls, the displays of them, and browsers that wait to become one."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table

from vms.store.tables.base import ID_CHARS, METADATA, HexBytes

walls = Table(
    "walls",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the Wall; never changes."),
    Column("name", String(100), nullable=False, doc="Name for people."),
    Column("rev", Integer, nullable=False, doc="Version of the row, one more at each change."),
)

displays = Table(
    "displays",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the Display; never changes."),
    Column("name", String(100), nullable=False, doc="Name for people."),
    Column("wall", String(ID_CHARS), ForeignKey("walls.id"), nullable=False, doc="The Wall it belongs to."),
    Column("key_sha256", HexBytes, nullable=False, unique=True, doc="SHA-256 of its key; the key is not kept."),
    Column("showing", JSON, nullable=False, doc="What it shows, as vms/domain/display.py writes it."),
    Column("earlier", JSON, nullable=False, doc="What it showed before, the newest first; ten at most."),
    Column("paired_ns", BigInteger, nullable=False, doc="When it was paired."),
    Column("seen_ns", BigInteger, nullable=True, doc="When it was last there, to the minute; null: never."),
    Column("rev", Integer, nullable=False, doc="Version of the row, one more at each change but of `seen_ns`."),
    Index("ix_displays_wall", "wall"),
)

pairings = Table(
    "pairings",
    METADATA,
    Column("code", String(6), primary_key=True, doc="What the browser shows and a person types."),
    Column("key_sha256", HexBytes, nullable=False, unique=True, doc="SHA-256 of the key the browser will have."),
    Column("address", String(64), nullable=False, doc="Where it asked from."),
    Column("created_ns", BigInteger, nullable=False, doc="When it asked; ten minutes later the code is worth nothing."),
    Index("ix_pairings_created_ns", "created_ns"),
)
