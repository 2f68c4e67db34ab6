"""What only a rebuild of the catalogue, or a comparison of it with the Stores, asks of it. Async.

Facts found in Stores are entered by the same rule as rows from other catalogues (vms/store/apply.py): whole, and the
greater rev wins, so that any order and any number of times gives the same table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, select, update

from vms.domain.camera import StreamName, StreamRef
from vms.domain.footage import Copy, CopyState, Fragment, Segment, SegmentState
from vms.domain.media import Run
from vms.store import fragments as packing
from vms.store.database import Database
from vms.store.images import RowImage
from vms.store.runs import run_values
from vms.store.segments import segment_of, segment_values
from vms.store.tables import copies, gaps, grants, runs, segments

DAY_NS = 86_400 * 1_000_000_000


@dataclass(frozen=True, slots=True, order=True)
class StreamDay:
    """A day (UTC, counted from 1970) of a Stream at a Site: one folder of footage."""

    site: str
    camera: str
    stream: str
    day: int


class Rebuilding:
    """See the head of the module."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def is_empty(self) -> bool:
        """Whether there is nothing of footage in it."""
        async with self._db.read() as connection:
            for table in (runs, segments, gaps, grants):
                if (await connection.execute(select(*table.primary_key.columns).limit(1))).first() is not None:
                    return False
        return True

    async def raise_revs(self, revs: Sequence[tuple[str, int, int]]) -> None:
        """Stored Segments (run, number) have at least this rev."""
        c = segments.c
        change = (
            update(segments)
            .where(c.run == bindparam("of_run"), c.number == bindparam("of_number"))
            .where(c.state == SegmentState.STORED.value, c.rev < bindparam("least"))
            .values(rev=bindparam("least"))
        )
        values = [{"of_run": run, "of_number": number, "least": rev} for run, number, rev in revs]
        if values:
            async with self._db.write() as connection:
                await connection.execute(change, values)

    async def stored_days(self) -> list[StreamDay]:
        """Of which days Segments are said to be stored."""
        c = segments.c
        day = (c.start_ns // DAY_NS).label("day")
        statement = select(c.site, c.camera, c.stream, day).where(c.state == SegmentState.STORED.value).distinct()
        async with self._db.read() as connection:
            rows = (await connection.execute(statement)).all()
        return sorted(StreamDay(row.site, row.camera, row.stream, int(row.day)) for row in rows)

    async def stored_of(self, day: StreamDay, store: str) -> list[tuple[Segment, bool]]:
        """The stored Segments of a day, each with whether it has a verified Copy in a Store."""
        c, k = segments.c, copies.c
        here = (
            select(func.count())
            .select_from(copies)
            .where(k.run == c.run, k.number == c.number, k.store == store, k.state == CopyState.VERIFIED.value)
            .scalar_subquery()
        )
        statement = select(segments, here.label("here")).where(
            c.camera == day.camera,
            c.stream == day.stream,
            c.site == day.site,
            c.start_ns >= day.day * DAY_NS,
            c.start_ns < (day.day + 1) * DAY_NS,
            c.state == SegmentState.STORED.value,
        )
        return await self._db.rows(statement, lambda rows: [(segment_of(row), bool(row.here)) for row in rows])

    async def copies_elsewhere(self, segment: Segment, store: str) -> bool:
        """Whether another Store has a verified Copy too."""
        k = copies.c
        statement = select(k.store).where(
            k.run == segment.run,
            k.number == segment.number,
            k.store != store,
            k.state == CopyState.VERIFIED.value,
        )
        async with self._db.read() as connection:
            return (await connection.execute(statement.limit(1))).first() is not None


def run_image(run: Run) -> RowImage:
    """A Run as a row."""
    return RowImage(str(runs.name), run_values(run))


def segment_image(segment: Segment, fragments: Iterable[Fragment]) -> RowImage:
    """A Segment with its index as rows."""
    packed = {"run": segment.run, "number": segment.number, "packed": packing.pack(tuple(fragments))}
    return RowImage(str(segments.name), segment_values(segment), (packed,))


def copy_image(copy: Copy) -> RowImage:
    """A Copy as a row."""
    values = {
        "run": copy.run,
        "number": copy.number,
        "store": copy.store,
        "state": copy.state.value,
        "verified_ns": copy.verified_ns,
        "rev": copy.rev,
    }
    return RowImage(str(copies.name), values)


def row_image(table: str, values: Mapping[str, Any]) -> RowImage:
    """A row that a Checkpoint states."""
    return RowImage(table, dict(values))


def stream_of(day: StreamDay) -> StreamRef:
    """The Stream of a day; ValueError where the name is none."""
    return StreamRef(day.camera, StreamName(day.stream))
