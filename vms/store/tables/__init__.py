"""The tables of the catalogue, documented column by column, one module per group of nouns.

Times are UTC in nanoseconds; ids are made where the row is born; a fact has a `rev` and the greater wins. Nothing here
is particular to one database: SQLite and PostgreSQL take the same tables.
"""

from __future__ import annotations

from vms.store.tables.alarms import alarm_events, alarms, rules
from vms.store.tables.base import METADATA
from vms.store.tables.bookmarks import bookmarks
from vms.store.tables.cases import case_notes, cases, holds
from vms.store.tables.displays import displays, pairings, walls
from vms.store.tables.events import events, fresh_events
from vms.store.tables.footage import copies, fragment_indexes, gaps, grants, runs, segments
from vms.store.tables.jobs import jobs
from vms.store.tables.outbox import outbox, set_aside
from vms.store.tables.people import audit, people, sessions
from vms.store.tables.proof import node_keys, unsigned
from vms.store.tables.registry import cameras, meta, nodes, sites, stores, streams
from vms.store.tables.sprites import sprites
from vms.store.tables.tours import tours
from vms.store.tables.views import view_favourites, views

__all__ = [
    "METADATA",
    "alarm_events",
    "alarms",
    "audit",
    "bookmarks",
    "cameras",
    "case_notes",
    "cases",
    "copies",
    "displays",
    "events",
    "fragment_indexes",
    "fresh_events",
    "gaps",
    "grants",
    "holds",
    "jobs",
    "meta",
    "node_keys",
    "nodes",
    "outbox",
    "pairings",
    "people",
    "rules",
    "runs",
    "segments",
    "sessions",
    "set_aside",
    "sites",
    "sprites",
    "stores",
    "streams",
    "tours",
    "unsigned",
    "view_favourites",
    "views",
    "walls",
]
