"""Rows of Segments, their fragment index and their Copies.

Indices are unpacked where rows are converted: on the catalogue's thread.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, delete, exists, func, or_, select

from vms.domain.camera import StreamName, StreamRef
from vms.domain.footage import (
    Copy,
    CopyState,
    Fragment,
    GopSegment,
    IndexedSegment,
    Segment,
    SegmentState,
)
from vms.domain.interval import Interval
from vms.store import fragments as packing
from vms.store import window
from vms.store.claims import claimed
from vms.store.connection import Connection
from vms.store.database import Database
from vms.store.tables import copies, fragment_indexes, segments
from vms.store.tables.footage import IN_SPOOL, IS_STORED

_UNSENT = exists().where(
    copies.c.run == segments.c.run, copies.c.number == segments.c.number, copies.c.state == CopyState.WANTED.value
)


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive Segments of one Run, without a missing number, in one state: what coverage needs of them."""

    run: str
    start_ns: int
    end_ns: int
    expired: bool


class Segments:
    """The units of footage."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def put(self, segment: Segment, fragments: Sequence[Fragment] | None = None) -> bool:
        """Insert, or replace where `rev` is greater; False where it is not. The fragment index, when given, is written
        in the same transaction; an expired Segment loses it."""
        packed = None if fragments is None else packing.pack(fragments)
        async with self._db.write() as connection:
            if not await self._db.upsert(connection, segments, segment_values(segment)):
                return False
            await self._put_index(connection, segment, packed)
        return True

    async def _put_index(self, connection: Connection, segment: Segment, packed: bytes | None) -> None:
        key = {"run": segment.run, "number": segment.number}
        if segment.state is SegmentState.EXPIRED:
            table = fragment_indexes.c
            await connection.execute(
                delete(fragment_indexes).where(table.run == segment.run, table.number == segment.number)
            )
        elif packed is not None:
            await self._db.upsert(connection, fragment_indexes, {**key, "packed": packed})

    async def get(self, run: str, number: int) -> Segment | None:
        """One by Run and number."""
        statement = select(segments).where(segments.c.run == run, segments.c.number == number)
        async with self._db.read() as connection:
            row = (await connection.execute(statement)).first()
        return None if row is None else segment_of(row)

    async def in_interval(self, stream: StreamRef, interval: Interval) -> list[Segment]:
        """Those of a Stream, expired ones left out, that overlap the interval by their own wall times, in order."""
        return await self._db.rows(_IN_INTERVAL, segments_of, window.values(stream, interval))

    async def with_index(self, stream: StreamRef, interval: Interval) -> list[IndexedSegment]:
        """The same with their fragments; those without an index (open ones) are left out."""
        return await self._db.rows(_INDEXED, _with_fragments, window.values(stream, interval))

    async def with_gops(self, stream: StreamRef, interval: Interval) -> list[GopSegment]:
        """The same with their GOPs only, which is several times cheaper."""
        return await self._db.rows(_INDEXED, _with_gops, window.values(stream, interval))

    async def index(self, run: str, number: int) -> tuple[Fragment, ...] | None:
        """The fragments of one; None where they are not known (yet, or any more)."""
        c = fragment_indexes.c
        statement = select(c.packed).where(c.run == run, c.number == number)
        found = await self._db.rows(statement, lambda rows: [packing.unpack(row.packed) for row in rows])
        return next(iter(found), None)

    async def spans(self, stream: StreamRef, interval: Interval) -> list[Span]:
        """Closed and expired Segments that overlap the interval, neighbours of a Run joined, in order of start. The
        database joins them: a year of a camera is half a million rows, and seldom more than some hundred spans."""
        rows = await self._db.rows(_SPANS, _spans, window.values(stream, interval))
        return sorted(rows, key=lambda span: (span.start_ns, span.run))

    async def by_state(
        self,
        state: SegmentState,
        node: str | None = None,
        *,
        newest: int | None = None,
        sites: Collection[str] | None = None,
        not_sites: Collection[str] = (),
    ) -> list[Segment]:
        """All in a state, of a Node or of all, oldest first; or only so many of the `newest`, newest first. `sites`:
        ids of Sites, None: all; `not_sites`: all but those."""
        statement = select(segments).where(segments.c.state == state.value)
        if state in {SegmentState.OPEN, SegmentState.SPOOLED}:
            statement = statement.where(IN_SPOOL)
        if node is not None:
            statement = statement.where(segments.c.node == node)
        if sites is not None:
            statement = statement.where(segments.c.site.in_(sorted(sites)))
        if not_sites:
            statement = statement.where(segments.c.site.not_in(sorted(not_sites)))
        order = segments.c.start_ns if newest is None else segments.c.start_ns.desc()
        return await self._db.rows(statement.order_by(order).limit(newest), segments_of)

    async def last_end_ns(self, stream: StreamRef) -> int | None:
        """Where the footage of a Stream ends, in whatever state; None where there is none."""
        c = segments.c
        newest = (
            select(c.end_ns)
            .where(c.camera == stream.camera, c.stream == stream.name.value)
            .order_by(c.start_ns.desc())
            .limit(10)
            .subquery()
        )
        async with self._db.read() as connection:
            last: int | None = (await connection.execute(select(func.max(newest.c.end_ns)))).scalar()
        return last

    async def expirable(self, camera: str, before_ns: int, limit: int, let_go_ns: int = 0) -> list[Segment]:
        """Stored Segments of a camera that end at or before a time, oldest first, at most `limit`; none of which a Copy
        is ordered that is not there yet, and none that a Hold claims (`let_go_ns` as vms/domain/hold.py has it)."""
        c = segments.c
        statement = (
            select(segments)
            .where(c.camera == camera, c.state == "stored", IS_STORED, c.start_ns < before_ns, c.end_ns <= before_ns)
            .where(~_UNSENT, ~claimed(let_go_ns))
            .order_by(c.start_ns)
            .limit(limit)
        )
        return await self._db.rows(statement, segments_of)

    async def may_expire(self, segment: Segment, let_go_ns: int = 0) -> bool:
        """Whether one that was expirable still is."""
        c = segments.c
        this = (c.run == segment.run, c.number == segment.number, c.state == "stored")
        statement = select(c.number).where(*this, ~_UNSENT, ~claimed(let_go_ns))
        async with self._db.read() as connection:
            return (await connection.execute(statement)).first() is not None

    async def stored_bytes(self, camera: str | None = None) -> int:
        """Bytes of stored Segments, of a camera or of all."""
        statement = select(func.coalesce(func.sum(segments.c.size_bytes), 0)).where(IS_STORED)
        if camera is not None:
            statement = statement.where(segments.c.camera == camera)
        async with self._db.read() as connection:
            return int((await connection.execute(statement)).scalar_one())


class Copies:
    """Segments in Stores."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def put(self, copy: Copy) -> bool:
        """Insert, or replace where `rev` is greater; False where it is not."""
        async with self._db.write() as connection:
            return await self._db.upsert(connection, copies, copy_values(copy))

    async def of(self, run: str, number: int) -> list[Copy]:
        """All of a Segment, by name of Store."""
        statement = select(copies).where(copies.c.run == run, copies.c.number == number).order_by(copies.c.store)
        async with self._db.read() as connection:
            rows = await connection.execute(statement)
        return [Copy(r.run, r.number, r.store, CopyState(r.state), r.verified_ns, r.rev, r.locked) for r in rows]


def _overlapping(statement: Select[Any]) -> Select[Any]:
    """A range scan of the index on (camera, stream, start_ns). Its lower end is the last Segment that began at least
    OVERLAP_NS before the interval, whatever its length: nothing that began earlier reaches into the interval."""
    c, before = segments.c, segments.alias("before")
    first = (
        select(before.c.start_ns)
        .where(window.of_stream(before), before.c.start_ns <= window.EARLY_NS)
        .order_by(before.c.start_ns.desc())
        .limit(1)
        .scalar_subquery()
    )
    return statement.where(
        window.of_stream(segments),
        c.start_ns >= func.coalesce(first, window.EARLY_NS),
        c.start_ns < window.END_NS,
        or_(c.end_ns > window.START_NS, and_(c.state == "open", c.start_ns >= window.START_NS)),
    ).order_by(c.start_ns, c.epoch)


def segments_of(rows: Iterable[Row[Any]]) -> list[Segment]:
    """From rows of the table, in their order."""
    return [segment_of(row) for row in rows]


def _with_fragments(rows: Iterable[Row[Any]]) -> list[IndexedSegment]:
    return [IndexedSegment(segment_of(row), packing.unpack(row.packed)) for row in rows]


def _with_gops(rows: Iterable[Row[Any]]) -> list[GopSegment]:
    return [GopSegment(segment_of(row), packing.unpack_gops(row.packed)) for row in rows]


def _spans(rows: Iterable[Any]) -> list[Span]:
    return [Span(run, start_ns, end_ns, bool(expired)) for run, start_ns, end_ns, expired in rows if start_ns < end_ns]


def _islands() -> Select[Any]:
    """Gaps and islands: a row that does not continue the one before begins an island; the running sum of those
    beginnings numbers the islands."""
    c = segments.c
    order = (c.start_ns, c.epoch, c.number)
    expired = case((c.state == "expired", 1), else_=0)

    def before(column: ColumnElement[Any]) -> ColumnElement[Any]:
        return func.lag(column).over(order_by=order)

    goes_on = and_(before(c.run) == c.run, before(c.number) == c.number - 1, before(expired) == expired)
    begins = case((goes_on, 0), else_=1).label("begins")
    columns = select(c.run, c.number, c.start_ns, c.end_ns, c.epoch, expired.label("expired"), begins)
    marked = _overlapping(columns).where(c.state != "open").order_by(None).subquery("marked")
    m = marked.c
    number = func.sum(m.begins).over(order_by=(m.start_ns, m.epoch, m.number), rows=(None, 0)).label("island")
    islands = select(m.run, m.start_ns, m.end_ns, m.expired, number).subquery("islands")
    i = islands.c
    return select(func.min(i.run), func.min(i.start_ns), func.max(i.end_ns), func.max(i.expired)).group_by(i.island)


_KEPT = segments.c.state != "expired"
_IN_INTERVAL = _overlapping(select(segments)).where(_KEPT)
_INDEXED = _overlapping(
    select(segments, fragment_indexes.c.packed).join(
        fragment_indexes,
        and_(fragment_indexes.c.run == segments.c.run, fragment_indexes.c.number == segments.c.number),
    )
).where(_KEPT)
_SPANS = _islands()


def copy_values(copy: Copy) -> dict[str, Any]:
    """The row of a Copy."""
    return {
        "run": copy.run,
        "number": copy.number,
        "store": copy.store,
        "state": copy.state.value,
        "verified_ns": copy.verified_ns,
        "rev": copy.rev,
        "locked": copy.locked,
    }


def segment_values(segment: Segment) -> dict[str, Any]:
    """The row of a Segment."""
    return {
        "run": segment.run,
        "number": segment.number,
        "camera": segment.stream.camera,
        "stream": segment.stream.name.value,
        "site": segment.site,
        "node": segment.node,
        "epoch": segment.epoch,
        "start_ns": segment.start_ns,
        "end_ns": segment.end_ns,
        "state": segment.state.value,
        "init_bytes": segment.init_bytes,
        "size_bytes": segment.size_bytes,
        "sha256": segment.sha256,
        "leaf_root": segment.leaf_root,
        "previous_root": segment.previous_root,
        "first_gop": segment.first_gop,
        "gops": segment.gops,
        "rev": segment.rev,
    }


def segment_of(row: Row[Any]) -> Segment:
    """The Segment of a row."""
    return Segment(
        run=row.run,
        number=row.number,
        stream=StreamRef(row.camera, StreamName(row.stream)),
        site=row.site,
        node=row.node,
        epoch=row.epoch,
        start_ns=row.start_ns,
        end_ns=row.end_ns,
        state=SegmentState(row.state),
        init_bytes=row.init_bytes,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        leaf_root=row.leaf_root,
        previous_root=row.previous_root,
        first_gop=row.first_gop,
        gops=row.gops,
        rev=row.rev,
    )
