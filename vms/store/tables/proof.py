"""Keys that Nodes sign with, and which rows wait for a Node's signature."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from vms.store.tables.base import ID_CHARS, METADATA, HexBytes
from vms.store.tables.outbox import SEQUENCE

node_keys = Table(
    "node_keys",
    METADATA,
    Column("fingerprint", String(64), primary_key=True, doc="SHA-256 of the public key, hex."),
    Column("node", String(ID_CHARS), nullable=False, doc="The Node that signs with it; it may have had others before."),
    Column("public_key", HexBytes, nullable=False, doc="Ed25519 public key, 32 bytes."),
    Column("made_ns", BigInteger, nullable=False, doc="When the Node made it."),
    Column("certificate", Text, nullable=False, doc="The installation's word for it; empty: not certified yet."),
    Column("rev", Integer, nullable=False, doc="Version of the fact; the greater wins."),
)

unsigned = Table(
    "unsigned",
    METADATA,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True, doc="Order of writing; never given twice."),
    Column("node", String(ID_CHARS), nullable=False, doc="The Node that wrote the row, and will state it."),
    Column("table_name", String(32), nullable=False, doc="Table of the row."),
    Column("row_key", String(200), nullable=False, doc="Its primary key, as a JSON list."),
    Column("site", String(ID_CHARS), nullable=True, doc="The Site it is about, where the row says."),
    Index("ix_unsigned_node_seq", "node", "seq"),
    sqlite_autoincrement=True,
)
