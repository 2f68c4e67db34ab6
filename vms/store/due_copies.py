"""Copies that are ordered or doomed, with the Segments they are of: the work of recorder/copies.py and of retention."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, exists, select, text

from vms.domain.camera import StreamName
from vms.domain.footage import Copy, CopyState, Segment, SegmentState
from vms.store.claims import claimed
from vms.store.database import Database
from vms.store.segments import copy_values, segments_of
from vms.store.tables import copies, segments
from vms.store.tables.footage import IS_STORED

# As the index on them has it, in words: a bound value does not say that the index holds all.
_DUE = text("copies.state IN ('wanted', 'doomed')")


class DueCopies:
    """What is to be done in a Store."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def of(
        self,
        store: str,
        state: CopyState,
        limit: int,
        *,
        node: str | None = None,
        not_nodes: Collection[str] = (),
        let_go_ns: int = 0,
        held: bool = False,
    ) -> list[Segment]:
        """Segments whose Copy in a Store is in a state (wanted or doomed), at most `limit`: wanted ones newest first,
        doomed ones oldest first, of which a Store lets go first, but for what a Hold claims, or with `held` just that.
        `node`: that it recorded; `not_nodes`: that none of those recorded."""
        c, d = segments.c, copies.c
        statement = (
            select(segments)
            .join(copies, and_(d.run == c.run, d.number == c.number))
            .where(d.store == store, d.state == state.value, _DUE)
        )
        if state is CopyState.WANTED:
            statement = statement.where(c.state == SegmentState.STORED.value)
        if state is CopyState.DOOMED:
            statement = statement.where(claimed(let_go_ns) if held else ~claimed(let_go_ns))
        if node is not None:
            statement = statement.where(c.node == node)
        if not_nodes:
            statement = statement.where(c.node.not_in(sorted(not_nodes)))
        order = c.start_ns if state is CopyState.DOOMED else c.start_ns.desc()
        return await self._db.rows(statement.order_by(order).limit(limit), segments_of)

    async def missing(
        self, store: str, camera: str, names: Collection[StreamName], before_ns: int, limit: int
    ) -> list[Segment]:
        """Stored Segments of a camera's Streams that began before a time, newest first, of which there is no Copy in a
        Store and none is ordered."""
        c, d = segments.c, copies.c
        there: ColumnElement[bool] = exists().where(
            d.run == c.run,
            d.number == c.number,
            d.store == store,
            d.state.in_([CopyState.WANTED.value, CopyState.VERIFIED.value]),
        )
        statement = (
            select(segments)
            .where(c.camera == camera, c.state == SegmentState.STORED.value, IS_STORED, c.start_ns < before_ns, ~there)
            .where(c.stream.in_(sorted(name.value for name in names)))
            .order_by(c.start_ns.desc())
            .limit(limit)
        )
        return await self._db.rows(statement, segments_of)

    async def put_all(self, rows: Sequence[Copy]) -> None:
        """Many in one transaction, each as Copies.put has it."""
        async with self._db.write() as connection:
            for copy in rows:
                await self._db.upsert(connection, copies, copy_values(copy))
