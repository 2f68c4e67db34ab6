"""What an admin registers, and what the installation knows of itself: nodes, stores, sites, cameras, streams, meta."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from vms.store.tables.base import ID_CHARS, METADATA

meta = Table(
    "meta",
    METADATA,
    Column("name", String(64), primary_key=True, doc="What is kept, such as `key_check`."),
    Column("value", LargeBinary, nullable=False, doc="`key_check`: a known text sealed under the installation's key."),
)

nodes = Table(
    "nodes",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the Node, made at its first start."),
    Column("name", String(100), nullable=False, doc="Its name for people."),
    Column("site", String(ID_CHARS), nullable=True, doc="The Site it stands at; null in the center."),
    Column("registered_ns", BigInteger, nullable=False, doc="First start."),
    Column("rev", Integer, nullable=False, doc="Version of the row; the greater wins."),
)

stores = Table(
    "stores",
    METADATA,
    Column("name", String(64), primary_key=True, doc="Name of the Store, such as `home`."),
    Column("kind", String(16), nullable=False, doc="`folder` or `s3`."),
    Column("location", Text, nullable=False, doc="Folder, or endpoint and bucket; never a key or secret."),
    Column("rev", Integer, nullable=False, doc="Version of the row; the greater wins."),
)

sites = Table(
    "sites",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the Site; never changes."),
    Column("slug", String(64), nullable=False, unique=True, doc="Short name for printing, such as `sampit`."),
    Column("name", String(100), nullable=False, doc="Name for people."),
    Column("parent", String(ID_CHARS), ForeignKey("sites.id"), nullable=True, doc="The Site above; null at the top."),
    Column("home_store", String(64), nullable=False, doc="Name of the Store that its Segments go to."),
    Column(
        "copies",
        String(16),
        nullable=False,
        default="on_demand",
        server_default="on_demand",
        doc="What goes to the center too: `all`, `sub` or `on_demand`.",
    ),
    Column("longitude", Float, nullable=True, doc="Degrees east (WGS84); null: not said."),
    Column("latitude", Float, nullable=True, doc="Degrees north; null with `longitude`, and only then."),
    Column("rev", Integer, nullable=False, doc="Version of the row; the greater wins."),
)

cameras = Table(
    "cameras",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the Camera; never changes."),
    Column("site", String(ID_CHARS), ForeignKey("sites.id"), nullable=False, doc="The Site that owns it."),
    Column("slug", String(64), nullable=False, doc="Short name for printing; unique among cameras not removed."),
    Column("name", String(100), nullable=False, doc="Name for people."),
    Column("username", String(256), nullable=False, doc="RTSP user; empty where it needs none."),
    Column("password", LargeBinary, nullable=False, doc="RTSP password, AES-256-GCM bound to the id; may be empty."),
    Column("enabled", Boolean, nullable=False, doc="False: not connected to, not recorded."),
    Column("audio", Boolean, nullable=False, doc="Whether audio is kept and shown."),
    Column("transport", String(8), nullable=False, doc="`tcp` or `udp`."),
    Column("retention_days", Integer, nullable=True, doc="Own retention in days; null: that of the Site."),
    Column("registered_ns", BigInteger, nullable=False, doc="From when on it is accounted for."),
    Column("deleted_ns", BigInteger, nullable=True, doc="When it was removed; its footage stays until retention."),
    Column("areas", JSON, nullable=False, server_default="[]", doc="Where motion is an Event (vms/domain/area.py)."),
    Column("masks", JSON, nullable=False, server_default="[]", doc="Polygons that no picture shows; points of 0 to 1."),
    Column(
        "analysis",
        Boolean,
        nullable=False,
        default=True,
        server_default=text("true"),
        doc="Whether its pictures are looked at for motion and health.",
    ),
    Column("rev", Integer, nullable=False, doc="Version of the row, one more at each change."),
    Column("number", Integer, nullable=True, doc="What operators type for it, for good; null: not given yet."),
    Column(
        "priority",
        String(8),
        nullable=False,
        default="normal",
        server_default="normal",
        doc="On a line too thin for all: `low` makes room first, `high` last, `normal` between.",
    ),
    Column(
        "onvif", String(2048), nullable=False, default="", server_default="", doc="URL of its ONVIF device or empty."
    ),
    Column("ptz", JSON, nullable=False, default={}, server_default="{}", doc="Patrol and names (vms/domain/ptz.py)."),
    Column("longitude", Float, nullable=True, doc="Degrees east (WGS84); null: it stands at its Site's."),
    Column("latitude", Float, nullable=True, doc="Degrees north; null with `longitude`, and only then."),
    Index("ix_cameras_site", "site"),
    Index("uq_cameras_number", "number", unique=True),
    Index(
        "uq_cameras_slug",
        "slug",
        unique=True,
        sqlite_where=text("deleted_ns IS NULL"),
        postgresql_where=text("deleted_ns IS NULL"),
    ),
)

streams = Table(
    "streams",
    METADATA,
    Column("camera", String(ID_CHARS), ForeignKey("cameras.id"), primary_key=True, doc="The Camera."),
    Column("name", String(8), primary_key=True, doc="`main` or `sub`."),
    Column("url", Text, nullable=False, doc="RTSP URL without user and password."),
    Column("record", String(16), nullable=False, doc="When it is recorded: `continuous` or `off`."),
)
