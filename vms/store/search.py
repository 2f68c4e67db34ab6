"""Searches the rows that tell of moments: Bookmarks, Events, Alarms that somebody raised by hand.

Plain SQL, one statement for each, newest first, on SQLite and PostgreSQL alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, Text, and_, cast, func, or_, select

from vms.clock import NS_PER_S
from vms.domain.schedule import DAY_MIN, Schedule
from vms.store.database import Database
from vms.store.scope import Scope, within
from vms.store.tables import alarms, bookmarks, cameras, events

_WIB_S = 7 * 3600


class Source(StrEnum):
    """What tells of a moment; in the order in which those of one instant are listed."""

    ALARM = "alarm"
    BOOKMARK = "bookmark"
    EVENT = "event"


Place = tuple[int, Source, str]
"""Where a list goes on: at_ns, source and id of the last moment that was read."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word, in lower case, and what it is a part of the name of: Cameras, Sites, People, kinds of Events."""

    text: str
    cameras: Collection[str] = ()
    sites: Collection[str] = ()
    people: Collection[str] = ()
    kinds: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class WantedMoments:
    """Which: begun in [from_ns, to_ns), of these Cameras, of these Sites, when the schedule holds, Events of these
    kinds; all `terms` somewhere in their words. None: whatever it is. `scope`: what who asks may see."""

    from_ns: int | None = None
    to_ns: int | None = None
    cameras: Collection[str] | None = None
    sites: Collection[str] | None = None
    schedule: Schedule | None = None
    kinds: Collection[str] | None = None
    sources: Collection[Source] = tuple(Source)
    terms: Sequence[Term] = ()
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that was told of a moment. `kind`, `severity`, `params`: of an Event; `note`, `person`: of what
    somebody marked or raised."""

    source: Source
    id: str
    at_ns: int
    end_ns: int | None
    camera: str | None
    site: str | None
    kind: str = ""
    severity: str = ""
    note: str = ""
    person: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def place(self) -> Place:
        """Where a list goes on after it."""
        return self.at_ns, self.source, self.id


class Search:
    """Moments by what is told of them."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def find(self, wanted: WantedMoments, limit: int, after: Place | None = None) -> list[Moment]:
        """Newest first, at most `limit`; `after`: those that come behind this place."""
        found: list[Moment] = []
        sources = set(wanted.sources) if wanted.kinds is None else {Source.EVENT} & set(wanted.sources)
        for source in sorted(sources):
            table, at = _WHERE[source]
            rows = select(table).where(*_conditions(source, wanted), *_behind(source, after))
            rows = rows.order_by(at.desc(), table.c.id.desc()).limit(limit)
            found += await self._db.rows(rows, _READ[source])
        return sorted(found, key=lambda one: one.place, reverse=True)[:limit]


_WHERE: Mapping[Source, tuple[Table, ColumnElement[int]]] = {
    Source.ALARM: (alarms, alarms.c.raised_ns),
    Source.BOOKMARK: (bookmarks, bookmarks.c.at_ns),
    Source.EVENT: (events, events.c.start_ns),
}


def _behind(source: Source, after: Place | None) -> list[ColumnElement[bool]]:
    if after is None:
        return []
    (table, at), (at_ns, last, last_id) = _WHERE[source], after
    if source < last:
        return [at <= at_ns]
    if source > last:
        return [at < at_ns]
    return [or_(at < at_ns, and_(at == at_ns, table.c.id < last_id))]


def _conditions(source: Source, wanted: WantedMoments) -> list[ColumnElement[bool]]:
    table, at = _WHERE[source]
    chosen: list[ColumnElement[bool]] = []
    if source is Source.ALARM:
        chosen.append(alarms.c.event.is_(None))
    if wanted.from_ns is not None:
        chosen.append(at >= wanted.from_ns)
    if wanted.to_ns is not None:
        chosen.append(at < wanted.to_ns)
    if wanted.cameras is not None:
        chosen.append(table.c.camera.in_(list(wanted.cameras)))
    if wanted.sites is not None:
        chosen.append(_of_sites(table, wanted.sites))
    if wanted.kinds is not None and source is Source.EVENT:
        chosen.append(events.c.kind.in_(list(wanted.kinds)))
    if wanted.schedule is not None and not wanted.schedule.always:
        chosen.append(_holds(wanted.schedule, at))
    if wanted.scope is not None:
        chosen.append(within(table, wanted.scope))
    return chosen + [or_(*_says(source, term)) for term in wanted.terms]


def _of_sites(table: Table, sites: Collection[str]) -> ColumnElement[bool]:
    if "site" in table.c:
        return table.c.site.in_(list(sites))
    return table.c.camera.in_(select(cameras.c.id).where(cameras.c.site.in_(list(sites))))


def _holds(schedule: Schedule, at: ColumnElement[int]) -> ColumnElement[bool]:
    local_s = at // NS_PER_S + _WIB_S
    minute, day = local_s // 60 % DAY_MIN, (local_s // 86_400 + 3) % 7
    days, after_days = list(schedule.days), [(one + 1) % 7 for one in schedule.days]
    begun = and_(minute >= schedule.from_min, day.in_(days))
    if schedule.to_min > schedule.from_min:
        return and_(begun, minute < schedule.to_min)
    return or_(begun, and_(minute < schedule.to_min, day.in_(after_days)))


def _says(source: Source, term: Term) -> list[ColumnElement[bool]]:
    table, _ = _WHERE[source]
    found: list[ColumnElement[bool]] = []
    if term.cameras:
        found.append(table.c.camera.in_(list(term.cameras)))
    if term.sites:
        found.append(_of_sites(table, term.sites))
    if source is Source.EVENT:
        if term.kinds:
            found.append(events.c.kind.in_(list(term.kinds)))
        return [*found, _holds_text(cast(events.c.params, Text), term.text)]
    if term.people:
        found.append(_person(source).in_(list(term.people)))
    return [*found, _holds_text(table.c.note, term.text)]


def _person(source: Source) -> ColumnElement[Any]:
    return alarms.c.raised_by if source is Source.ALARM else bookmarks.c.person


def _holds_text(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return func.lower(column).contains(text, autoescape=True)


def _alarms(rows: Iterable[Row[Any]]) -> list[Moment]:
    return [
        Moment(Source.ALARM, row.id, row.raised_ns, None, row.camera, row.site, note=row.note, person=row.raised_by)
        for row in rows
    ]


def _bookmarks(rows: Iterable[Row[Any]]) -> list[Moment]:
    return [
        Moment(Source.BOOKMARK, row.id, row.at_ns, None, row.camera, None, note=row.note, person=row.person)
        for row in rows
    ]


def _events(rows: Iterable[Row[Any]]) -> list[Moment]:
    return [
        Moment(
            Source.EVENT,
            row.id,
            row.start_ns,
            row.end_ns,
            row.camera,
            row.site,
            kind=row.kind,
            severity=row.severity,
            params=row.params if isinstance(row.params, dict) else {},
        )
        for row in rows
    ]


_READ = {Source.ALARM: _alarms, Source.BOOKMARK: _bookmarks, Source.EVENT: _events}
