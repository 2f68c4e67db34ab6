"""What waits to travel to other catalogues, and what arrived and could not be applied yet.

An entry of the outbox names a row; what travels is the row as it is when it is sent, so an entry costs a few bytes, and
a row that changed three times while the line was cut travels once.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from vms.store.tables.base import ID_CHARS, METADATA

SEQUENCE = BigInteger().with_variant(Integer, "sqlite")
"""Numbered by the database and never given twice: SQLite does that for its own INTEGER keys only."""

outbox = Table(
    "outbox",
    METADATA,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True, doc="Order of writing; never given twice."),
    Column("table_name", String(32), nullable=False, doc="Table of the row that changed."),
    Column("row_key", String(200), nullable=False, doc="Its primary key, as a JSON list."),
    Column("site", String(ID_CHARS), nullable=True, doc="The Site it was about when written, where the row says."),
    Column("sent", BigInteger, nullable=True, doc="Sequence in the stream it was sent to; null: not sent yet."),
    Index("ix_outbox_sent", "sent", "seq"),
    sqlite_autoincrement=True,
)

set_aside = Table(
    "set_aside",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the entry."),
    Column("subject", String(200), nullable=False, doc="Where it came from."),
    Column("data", LargeBinary, nullable=False, doc="What came: rows as vms/store/images.py packs them, or not."),
    Column("waits", Boolean, nullable=False, doc="True: for another row; false: it cannot be understood."),
    Column("why", Text, nullable=False, doc="What was wrong with it, without values."),
    Column("at_ns", BigInteger, nullable=False, doc="When it came."),
)
