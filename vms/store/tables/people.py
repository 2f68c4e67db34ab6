"""Who signs in and what they did: people, sessions, audit."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from vms.store.tables.base import ID_CHARS, METADATA, HexBytes

people = Table(
    "people",
    METADATA,
    Column("id", String(ID_CHARS), primary_key=True, doc="Id of the Person; never changes."),
    Column("username", String(100), nullable=False, doc="What they type to sign in, as they wrote it."),
    Column("username_folded", String(200), nullable=False, unique=True, doc="The same case-folded; unique."),
    Column("name", String(100), nullable=False, doc="Name for people."),
    Column("password_hash", Text, nullable=False, doc="Argon2id string (RFC 9106)."),
    Column("must_change", Boolean, nullable=False, doc="The password must be changed at the next sign-in."),
    Column("enabled", Boolean, nullable=False, doc="False: may not sign in."),
    Column("language", String(8), nullable=False, doc="Language of the screens: `id` or `en`."),
    Column(
        "grants",
        JSON,
        nullable=False,
        default=[],
        server_default="[]",
        doc="Roles given: objects of `role`, `site` (null: the whole tree) and `until_ns` (null: for good).",
    ),
    Column(
        "exceptions",
        JSON,
        nullable=False,
        default=[],
        server_default="[]",
        doc="Rights on single cameras: objects of `camera`, `right`, `allow` and `until_ns`.",
    ),
    Column("rev", Integer, nullable=False, doc="Version of the row; the greater wins."),
)

sessions = Table(
    "sessions",
    METADATA,
    Column("token_sha256", HexBytes, primary_key=True, doc="SHA-256 of the cookie's token; the token is not kept."),
    Column("person", String(ID_CHARS), ForeignKey("people.id"), nullable=False, doc="Who signed in."),
    Column("csrf", String(128), nullable=False, doc="What unsafe requests of this session must carry."),
    Column("created_ns", BigInteger, nullable=False, doc="Sign-in."),
    Column("seen_ns", BigInteger, nullable=False, doc="Last request, to the minute."),
    Column("expires_ns", BigInteger, nullable=False, doc="From then on it is worth nothing."),
    Index("ix_sessions_person", "person"),
    Index("ix_sessions_expires_ns", "expires_ns"),
)

audit = Table(
    "audit",
    METADATA,
    Column("node", String(ID_CHARS), primary_key=True, doc="Node that wrote the entry: one chain per Node."),
    Column(
        "number", BigInteger, primary_key=True, autoincrement=False, doc="Place in the chain, from 1 without a hole."
    ),
    Column("at_ns", BigInteger, nullable=False, doc="When."),
    Column("person", String(100), nullable=False, doc="Id of the Person, or who was claimed; empty: nobody signed in."),
    Column("action", String(64), nullable=False, doc="What was done or refused, such as `camera.add`."),
    Column("subject", String(200), nullable=False, doc="What it was done to, such as a camera's id."),
    Column("detail", JSON, nullable=False, doc="More, as an object; never a secret."),
    Column("previous", HexBytes, nullable=False, doc="`hash` of the entry before; empty at number 1."),
    Column("hash", HexBytes, nullable=False, doc="SHA-256 over all the columns before, as vms/store/audit.py says."),
    Index("ix_audit_at_ns", "at_ns"),
)
