"""What happened that a person may want to know of (vms/domain/event.py)."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Index, Integer, String, Table, text

from vms.store.tables.base import ID_CHARS, METADATA

IS_OPEN_EVENT = text("end_ns IS NULL")
"""Events that go on: what opens, continues and closes them is looked for among these few."""

events = Table(
    "events",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the Event."),
    Column("kind", String(32), nullable=False, doc="What happened, such as `camera_down`."),
    Column("teller", String(ID_CHARS), nullable=False, doc="The Node that wrote it."),
    Column("start_ns", BigInteger, nullable=False, doc="Since when."),
    Column("end_ns", BigInteger, nullable=True, doc="Until when; null while it goes on."),
    Column("severity", String(8), nullable=False, doc="`notice`, `warning` or `alarm`."),
    Column("site", String(ID_CHARS), nullable=True, doc="The Site it is about; null: none."),
    Column("camera", String(ID_CHARS), nullable=True, doc="The Camera it is about; null: none."),
    Column("stream", String(8), nullable=True, doc="The one Stream it is about; null: none, or all of the Camera."),
    Column("node", String(ID_CHARS), nullable=True, doc="The Node it is about; null: none."),
    Column("params", JSON, nullable=False, doc="What is variable in its words; never a secret."),
    Column("rev", Integer, nullable=False, doc="Version of the fact; the greater wins."),
    Index("ix_events_start_ns", "start_ns", "id"),
    Index("ix_events_camera_start_ns", "camera", "start_ns", "kind", "end_ns"),
    Index("ix_events_open", "teller", "kind", sqlite_where=IS_OPEN_EVENT, postgresql_where=IS_OPEN_EVENT),
)

fresh_events = Table(
    "fresh_events",
    METADATA,
    Column("event", String(ID_CHARS), ForeignKey("events.id", ondelete="CASCADE"), primary_key=True, doc="The Event."),
    Column("rev", Integer, nullable=False, doc="Its version that Rules have yet to look at."),
)
"""Where Rules are kept: Events that were written or arrived and that they have not looked at, however old they are."""
