"""The hook by which a write notes itself in the outbox, in its own transaction. Event loop.

Which tables travel depends on where the catalogue stands; a single machine's notes nothing. Sending is the work of
vms/store/outbox.py and vms/sync.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Table, insert

from vms.errors import ForbiddenError
from vms.store.connection import Connection
from vms.store.tables import (
    audit,
    cameras,
    copies,
    events,
    gaps,
    grants,
    holds,
    node_keys,
    nodes,
    outbox,
    people,
    runs,
    segments,
    sites,
    sprites,
    stores,
    unsigned,
)

FACTS: tuple[Table, ...] = (nodes, node_keys, audit, grants, runs, segments, gaps, copies, events, sprites)
"""What sites tell the center. Their parts (a Segment's fragment index) travel with them."""
SETTINGS: tuple[Table, ...] = (stores, sites, people, cameras, holds)
"""What the center tells sites, those first that others refer to; streams travel with their camera."""
PLACED = frozenset({cameras.name, holds.name})
"""Settings that concern one Site and those above it alone."""
SIGNED: tuple[Table, ...] = (grants, runs, segments, gaps)
"""What a Checkpoint states; of Segments those that are closed."""
_SIGNED = frozenset(table.name for table in SIGNED)


class Role(StrEnum):
    """Where a catalogue of a cluster stands."""

    CENTER = "center"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class OutboxOptions:
    """A catalogue of a cluster. At a site, facts are noted and settings are read-only; in the center both are noted,
    facts because the center writes some about a site's footage (its expiry, Copies)."""

    role: Role

    @property
    def noted(self) -> tuple[Table, ...]:
        """Tables whose writes are noted. A Node's own row, key and audit log interest the center alone."""
        return FACTS if self.role is Role.SITE else SETTINGS + FACTS[3:]


class Notes:
    """What a Database does about each write. `changed` is set when something was noted and committed. `signer`: whose
    Checkpoints state what is written here; None: nobody's."""

    def __init__(self, options: OutboxOptions | None) -> None:
        self.options = options
        self.changed = asyncio.Event()
        self.signer: str | None = None
        self._noted = frozenset() if options is None else frozenset(table.name for table in options.noted)
        self._closed = {table.name for table in SETTINGS} if options and options.role is Role.SITE else set()

    @property
    def keeps_rules(self) -> bool:
        """Whether Rules live in this catalogue, which have to look at each Event that is written here."""
        return self.options is None or self.options.role is not Role.SITE

    def guard(self, table: Table) -> None:
        """ForbiddenError where this catalogue takes the table's rows from the center."""
        if table.name in self._closed:
            raise ForbiddenError(
                "this is set at the center; a site's node only reads it",
                hint="Change it at the center: it arrives here as soon as the line is up.",
                reason="set_at_center",
            )

    async def note(self, connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
        """Note the write of a row; `values` hold its primary key, and its Site where the table has one. ForbiddenError
        as `guard` has it."""
        self.guard(table)
        entry = {"table_name": table.name, "row_key": key_text(table, values), "site": values.get("site")}
        if self.signer is not None and table.name in _SIGNED and not _is_open_segment(table, values):
            await connection.execute(insert(unsigned), {"node": self.signer, **entry})
        if table.name not in self._noted:
            return
        await connection.execute(insert(outbox), entry)
        connection.noted = True

    def committed(self, connection: Connection) -> None:
        """The transaction is on the disk."""
        if connection.noted:
            self.changed.set()


def _is_open_segment(table: Table, values: Mapping[str, Any]) -> bool:
    return table is segments and values.get("state") == "open"


def key_text(table: Table, values: Mapping[str, Any]) -> str:
    """The primary key of a row as the outbox keeps it."""
    return json.dumps([values[column.name] for column in table.primary_key.columns], separators=(",", ":"))
