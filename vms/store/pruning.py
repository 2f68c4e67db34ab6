"""Rows of footage that went long ago, and their deletion: a center's would be a hundred million more each year.

What an expired Segment was is said by Gaps (`expired`) and by Checkpoints; which rows may go is decided in
recorder/pruning.py. A row that has yet to be signed or to travel, with its Copies, stays. Async.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, exists, func, select, tuple_

from vms.domain.camera import StreamRef
from vms.domain.footage import CopyState, Segment, SegmentState
from vms.store.connection import Connection
from vms.store.database import Database
from vms.store.segments import segments_of
from vms.store.tables import copies, fragment_indexes, outbox, segments, unsigned

_AT_ONCE = 200


class Pruning:
    """See the head of the module."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def expired(self, stream: StreamRef, after_ns: int, before_ns: int, limit: int) -> list[Segment]:
        """Expired Segments of a Stream that began after a time and ended before another, oldest first, of which no Copy
        is anywhere. The Stream's newest is never among them: it tells where its footage ended."""
        c, d = segments.c, copies.c
        newest = (
            select(func.max(c.start_ns))
            .where(c.camera == stream.camera, c.stream == stream.name.value)
            .scalar_subquery()
            .correlate(None)
        )
        somewhere = exists().where(d.run == c.run, d.number == c.number, d.state != CopyState.DELETED.value)
        statement = (
            select(segments)
            .where(c.camera == stream.camera, c.stream == stream.name.value, c.state == SegmentState.EXPIRED.value)
            .where(c.start_ns > after_ns, c.start_ns < before_ns, c.end_ns <= before_ns, c.start_ns < newest)
            .where(~somewhere)
            .order_by(c.start_ns)
            .limit(limit)
        )
        return await self._db.rows(statement, segments_of)

    async def prune(self, rows: Sequence[Segment]) -> int:
        """Delete rows of expired Segments, with those of their Copies; how many Segments went."""
        gone = 0
        for at in range(0, len(rows), _AT_ONCE):
            keys = [(one.run, one.number) for one in rows[at : at + _AT_ONCE]]
            async with self._db.write() as connection:
                free = sorted(set(keys) - await self._needed(connection, keys))
                if not free:
                    continue
                for table in (copies, fragment_indexes, segments):
                    chosen = delete(table).where(tuple_(table.c.run, table.c.number).in_(free))
                    if table is segments:  # nobody made it anything else meanwhile
                        chosen = chosen.where(segments.c.state == SegmentState.EXPIRED.value)
                    result = await connection.execute(chosen)
                gone += result.rowcount
        return gone

    async def _needed(self, connection: Connection, keys: Sequence[tuple[str, int]]) -> set[tuple[str, int]]:
        """Which of them have yet to be signed or to travel."""
        k = copies.c
        held = select(k.run, k.number, k.store).where(tuple_(k.run, k.number).in_(list(keys)))
        of_copies = [tuple(row) for row in await connection.execute(held)]
        needed = set()
        for journal in (unsigned, outbox):
            texts = [text for key in (*keys, *of_copies) for text in _texts(key)]
            waiting = select(journal.c.row_key).where(
                journal.c.table_name.in_([segments.name, copies.name]), journal.c.row_key.in_(texts)
            )
            needed |= {tuple(json.loads(row.row_key)[:2]) for row in await connection.execute(waiting)}
        return needed


def _texts(key: Iterable[Any]) -> tuple[str, str]:
    """As Python and SQLite write a list, and as PostgreSQL does."""
    return json.dumps(list(key), separators=(",", ":")), json.dumps(list(key))
