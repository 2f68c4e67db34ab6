"""Facts about footage: grants, runs, segments with their fragment index, gaps, copies.

No foreign keys among facts but for the index: they travel from site to center and arrive in any order.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    false,
    text,
)

from vms.store.tables.base import ID_CHARS, METADATA, HexBytes

IN_SPOOL = text("state IN ('open', 'spooled')")
IS_STORED = text("state = 'stored'")
_COPY_DUE = text("state IN ('wanted', 'doomed')")
IS_LOCKED = text("locked")
IS_OPEN_GAP = text("state = 'open'")
IS_UNDER_WAY = text("end_ns IS NULL")
IS_CORRECTED = text("correction_ns IS NOT NULL")

grants = Table(
    "grants",
    METADATA,
    Column("camera", String(ID_CHARS), primary_key=True, doc="The Stream's camera."),
    Column("stream", String(8), primary_key=True, doc="The Stream's name."),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False, doc="Fencing epoch, one more at each grant."),
    Column("node", String(ID_CHARS), nullable=False, doc="Who got the right to ingest it."),
    Column("granted_ns", BigInteger, nullable=False, doc="Since when; until the next grant of the Stream."),
)

runs = Table(
    "runs",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the Run."),
    Column("camera", String(ID_CHARS), nullable=False, doc="The Stream's camera."),
    Column("stream", String(8), nullable=False, doc="The Stream's name."),
    Column("site", String(ID_CHARS), nullable=False, doc="The Site when it was recorded."),
    Column("node", String(ID_CHARS), nullable=False, doc="The Node that ingested it."),
    Column("epoch", BigInteger, nullable=False, doc="Epoch of the grant it was recorded under."),
    Column("tracks", JSON, nullable=False, doc="RunInfo: list of tracks, extradata in base64."),
    Column("start_ns", BigInteger, nullable=False, doc="Wall time of its first Packet."),
    Column("end_ns", BigInteger, nullable=True, doc="Wall time of its last Packet plus one frame; null: under way."),
    Column("end_reason", String(32), nullable=True, doc="Why it ended."),
    Column("anchor_ns", BigInteger, nullable=False, doc="Wall time of dts 0 by the Run's anchor."),
    Column("correction_ns", BigInteger, nullable=True, doc="To be added to its wall times, once known."),
    Column("clock_boot_id", String(64), nullable=False, doc="Kernel's boot id when the anchor was taken."),
    Column("clock_mono_ns", BigInteger, nullable=False, doc="Monotonic time then."),
    Column("clock_wall_ns", BigInteger, nullable=False, doc="Wall time then."),
    Column("clock_synchronized", Boolean, nullable=False, doc="Whether the clock was synchronized then."),
    Column("clock_offset_ns", BigInteger, nullable=True, doc="Its known offset then."),
    Column("clock_rtcp_ns", BigInteger, nullable=True, doc="The camera's own time by its RTCP sender report."),
    Column("rev", Integer, nullable=False, doc="Version of the fact; the greater wins."),
    Index("ix_runs_camera_stream_end_ns", "camera", "stream", "end_ns"),
    Index(
        "ix_runs_corrected",
        "camera",
        "stream",
        "correction_ns",
        sqlite_where=IS_CORRECTED,
        postgresql_where=IS_CORRECTED,
    ),
    Index("ix_runs_under_way", "node", sqlite_where=IS_UNDER_WAY, postgresql_where=IS_UNDER_WAY),
)

segments = Table(
    "segments",
    METADATA,
    Column("run", String(ID_CHARS), primary_key=True, doc="The Run it belongs to."),
    Column("number", Integer, primary_key=True, autoincrement=False, doc="Its number in the Run, from 0."),
    Column("camera", String(ID_CHARS), nullable=False, doc="The Stream's camera."),
    Column("stream", String(8), nullable=False, doc="The Stream's name."),
    Column("site", String(ID_CHARS), nullable=False, doc="The Site when it was recorded; part of its key."),
    Column("node", String(ID_CHARS), nullable=False, doc="The Node in whose spool it is or was."),
    Column("epoch", BigInteger, nullable=False, doc="Epoch of the grant."),
    Column("start_ns", BigInteger, nullable=False, doc="Wall time of its first Packet; part of its key."),
    Column("end_ns", BigInteger, nullable=False, doc="Wall time of its last Packet plus one frame."),
    Column("state", String(8), nullable=False, doc="`open`, `spooled`, `stored` or `expired`."),
    Column("init_bytes", Integer, nullable=False, doc="Size of ftyp and moov at its start."),
    Column("size_bytes", BigInteger, nullable=False, doc="Size of the file, init data included."),
    Column("sha256", HexBytes, nullable=False, doc="SHA-256 of the file; empty while open."),
    Column("leaf_root", HexBytes, nullable=False, doc="Root of the Merkle tree of its GOPs; empty while open."),
    Column("previous_root", HexBytes, nullable=False, doc="Head of the Run's chain before it; empty: first."),
    Column("first_gop", Integer, nullable=False, doc="Number in the Run of its first GOP."),
    Column("gops", Integer, nullable=False, doc="How many GOPs it holds."),
    Column("rev", Integer, nullable=False, doc="Version of the fact; the greater wins."),
    Index(
        "ix_segments_camera_stream_start_ns",
        "camera",
        "stream",
        "start_ns",
        "end_ns",
        postgresql_include=["epoch", "run", "number", "state"],  # all that coverage needs
    ),
    Index("ix_segments_in_spool", "node", "state", sqlite_where=IN_SPOOL, postgresql_where=IN_SPOOL),
    Index(
        "ix_segments_stored",
        "camera",
        "start_ns",
        "size_bytes",
        "state",
        sqlite_where=IS_STORED,
        postgresql_where=IS_STORED,
    ),
)

fragment_indexes = Table(
    "fragment_indexes",
    METADATA,
    Column("run", String(ID_CHARS), primary_key=True, doc="The Segment's Run."),
    Column("number", Integer, primary_key=True, autoincrement=False, doc="The Segment's number."),
    Column("packed", LargeBinary, nullable=False, doc="Its fragments, as vms/store/fragments.py packs them."),
    ForeignKeyConstraint(["run", "number"], ["segments.run", "segments.number"], ondelete="CASCADE"),
)

gaps = Table(
    "gaps",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the Gap."),
    Column("camera", String(ID_CHARS), nullable=False, doc="The Stream's camera."),
    Column("stream", String(8), nullable=False, doc="The Stream's name."),
    Column("site", String(ID_CHARS), nullable=False, doc="The Site when it was written."),
    Column("node", String(ID_CHARS), nullable=False, doc="The Node that wrote it."),
    Column("start_ns", BigInteger, nullable=False, doc="From when nothing is replayable."),
    Column("end_ns", BigInteger, nullable=True, doc="Until when; null while open."),
    Column("cause", String(32), nullable=False, doc="Why (DESIGN §6)."),
    Column("state", String(16), nullable=False, doc="`open`, `closed` or `repaired`."),
    Column("rev", Integer, nullable=False, doc="Version of the fact; the greater wins."),
    Index("ix_gaps_camera_stream_end_ns", "camera", "stream", "end_ns"),
    Index("ix_gaps_open", "node", "camera", "stream", sqlite_where=IS_OPEN_GAP, postgresql_where=IS_OPEN_GAP),
)

copies = Table(
    "copies",
    METADATA,
    Column("run", String(ID_CHARS), primary_key=True, doc="The Segment's Run."),
    Column("number", Integer, primary_key=True, autoincrement=False, doc="The Segment's number."),
    Column("store", String(64), primary_key=True, doc="Name of the Store."),
    Column("state", String(16), nullable=False, doc="`wanted`, `verified`, `doomed` or `deleted`."),
    Column("verified_ns", BigInteger, nullable=True, doc="When its bytes were last proved to be there."),
    Column("rev", Integer, nullable=False, doc="Version of the fact; the greater wins."),
    Column("locked", Boolean, nullable=False, default=False, server_default=false(), doc="It has a legal hold there."),
    Index("ix_copies_due", "store", "state", sqlite_where=_COPY_DUE, postgresql_where=_COPY_DUE),
    Index("ix_copies_locked", "store", sqlite_where=IS_LOCKED, postgresql_where=IS_LOCKED),
)
