"""Small pictures of hours (vms/domain/sprite.py): which there are, and in which Store."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from vms.store.tables.base import ID_CHARS, METADATA

sprites = Table(
    "sprites",
    METADATA,
    Column("camera", String(ID_CHARS), primary_key=True, doc="The Camera."),
    Column("start_ns", BigInteger, primary_key=True, autoincrement=False, doc="Start of the hour."),
    Column("node", String(ID_CHARS), primary_key=True, doc="The Node that saw it."),
    Column("site", String(ID_CHARS), nullable=False, doc="The Site then; part of its key."),
    Column("store", String(64), nullable=False, doc="Name of the Store that has the object."),
    Column("end_ns", BigInteger, nullable=False, doc="Its last picture."),
    Column("pictures", Integer, nullable=False, doc="How many there are."),
    Column("size_bytes", BigInteger, nullable=False, doc="Size of the object."),
    Column("rev", Integer, nullable=False, doc="Version of the fact; the greater wins."),
)
