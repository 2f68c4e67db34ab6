"""Rows of Events."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, or_, select, tuple_

from vms.domain.camera import StreamName
from vms.domain.event import Event, Severity
from vms.store.database import Database
from vms.store.scope import Scope, within
from vms.store.tables import events, fresh_events
from vms.store.tables.events import IS_OPEN_EVENT

Place = tuple[int, str]
"""Where a list goes on: start_ns and id of the last Event that was read."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which Events: that overlap [from_ns, to_ns), of these Sites, this Camera, these kinds, that go on or are over.
    None: whatever it is. `without`: not of these kinds. `scope`: what who asks may see."""

    from_ns: int | None = None
    to_ns: int | None = None
    sites: Collection[str] | None = None
    camera: str | None = None
    kinds: Collection[str] | None = None
    is_open: bool | None = None
    without: Collection[str] | None = None
    scope: Scope | None = None


class Events:
    """What happened."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def put(self, event: Event) -> bool:
        """Insert, or replace where `rev` is greater; False where it is not."""
        values = {
            "id": event.id,
            "kind": event.kind,
            "teller": event.teller,
            "start_ns": event.start_ns,
            "end_ns": event.end_ns,
            "severity": event.severity.value,
            "site": event.site,
            "camera": event.camera,
            "stream": None if event.stream is None else event.stream.value,
            "node": event.node,
            "params": dict(event.params),
            "rev": event.rev,
        }
        async with self._db.write() as connection:
            is_new = await self._db.upsert(connection, events, values)
            if is_new and self._db.notes.keeps_rules:
                await self._db.upsert(connection, fresh_events, {"event": event.id, "rev": event.rev})
            return is_new

    async def get(self, event_id: str) -> Event | None:
        """One by its id."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(events).where(events.c.id == event_id))).first()
        return None if row is None else _event(row)

    async def by_ids(self, event_ids: Collection[str]) -> list[Event]:
        """Those of these that are there."""
        return await self._db.rows(select(events).where(events.c.id.in_(list(event_ids))), _events)

    async def open_of(self, teller: str, shared: Collection[str] = ()) -> list[Event]:
        """Those that go on, oldest first: written by this teller, and of the `shared` kinds by anybody."""
        mine: ColumnElement[bool] = events.c.teller == teller
        chosen = or_(mine, events.c.kind.in_(list(shared))) if shared else mine
        statement = select(events).where(IS_OPEN_EVENT, events.c.end_ns.is_(None), chosen)
        return await self._db.rows(statement.order_by(events.c.start_ns, events.c.id), _events)

    async def find(self, wanted: Wanted, limit: int, after: Place | None = None) -> list[Event]:
        """Newest first, at most `limit`; `after`: those that come behind this place."""
        c = events.c
        statement = select(events).where(*_conditions(wanted)).order_by(c.start_ns.desc(), c.id.desc()).limit(limit)
        if after is not None:
            start_ns, event_id = after
            statement = statement.where(or_(c.start_ns < start_ns, and_(c.start_ns == start_ns, c.id < event_id)))
        return await self._db.rows(statement, _events)

    async def fresh(self, limit: int) -> list[Event]:
        """Where Rules are kept: those that were written or arrived here and were not looked at by them, whenever they
        began, at most `limit`."""
        joined = select(events).join(fresh_events, fresh_events.c.event == events.c.id)
        return await self._db.rows(joined.order_by(events.c.start_ns, events.c.id).limit(limit), _events)

    async def looked_at(self, seen: Collection[Event]) -> None:
        """Rules have looked at these, as they were read; what changed since stays to be looked at."""
        c = fresh_events.c
        gone = delete(fresh_events).where(tuple_(c.event, c.rev).in_([(event.id, event.rev) for event in seen]))
        async with self._db.write() as connection:
            await connection.execute(gone)

    async def forget(self, before_ns: int, limit: int) -> int:
        """Take away Events that were over before a time, at most `limit`, the oldest first; says how many. Each
        catalogue does so for itself."""
        c = events.c
        oldest = (
            select(c.id).where(c.start_ns < before_ns, c.end_ns < before_ns).order_by(c.start_ns, c.id).limit(limit)
        )
        async with self._db.write() as connection:
            return (await connection.execute(delete(events).where(c.id.in_(oldest)))).rowcount

    async def count_open(self, sites: Collection[str] | None = None, scope: Scope | None = None) -> dict[Severity, int]:
        """How many go on, by severity."""
        chosen = _conditions(Wanted(sites=sites, is_open=True, scope=scope))
        statement = select(events.c.severity, func.count()).where(*chosen).group_by(events.c.severity)
        async with self._db.read() as connection:
            rows = (await connection.execute(statement)).all()
        return {Severity(severity): int(count) for severity, count in map(tuple, rows)}


def _conditions(wanted: Wanted) -> list[Any]:
    c = events.c
    chosen: list[Any] = []
    if wanted.to_ns is not None:
        chosen.append(c.start_ns < wanted.to_ns)
    if wanted.from_ns is not None:
        chosen.append(or_(c.end_ns.is_(None), c.end_ns > wanted.from_ns))
    if wanted.sites is not None:
        chosen.append(c.site.in_(list(wanted.sites)))
    if wanted.camera is not None:
        chosen.append(c.camera == wanted.camera)
    if wanted.kinds is not None:
        chosen.append(c.kind.in_(list(wanted.kinds)))
    if wanted.without is not None:
        chosen.append(c.kind.not_in(list(wanted.without)))
    if wanted.scope is not None:
        chosen.append(within(events, wanted.scope))
    if wanted.is_open is not None:
        chosen += [IS_OPEN_EVENT, c.end_ns.is_(None)] if wanted.is_open else [c.end_ns.is_not(None)]
    return chosen


def _events(rows: Iterable[Row[Any]]) -> list[Event]:
    return [_event(row) for row in rows]


def _event(row: Row[Any]) -> Event:
    return Event(
        row.id,
        row.kind,
        row.teller,
        row.start_ns,
        row.end_ns,
        Severity(row.severity),
        row.site,
        row.camera,
        None if row.stream is None else StreamName(row.stream),
        row.node,
        row.params if isinstance(row.params, dict) else {},  # an image without them has a list
        row.rev,
    )
