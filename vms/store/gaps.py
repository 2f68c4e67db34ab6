"""Rows of Gaps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, select

from vms.domain.camera import StreamName, StreamRef
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.interval import Interval
from vms.store import window
from vms.store.database import Database
from vms.store.tables import gaps
from vms.store.tables.footage import IS_OPEN_GAP

_IN_INTERVAL = select(gaps).where(window.not_ended_before(gaps)).order_by(gaps.c.start_ns, gaps.c.id)


class Gaps:
    """What is not replayable, and why."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def put(self, gap: Gap) -> bool:
        """Insert, or replace where `rev` is greater; False where it is not."""
        values = {
            "id": gap.id,
            "camera": gap.stream.camera,
            "stream": gap.stream.name.value,
            "site": gap.site,
            "node": gap.node,
            "start_ns": gap.start_ns,
            "end_ns": gap.end_ns,
            "cause": gap.cause.value,
            "state": gap.state.value,
            "rev": gap.rev,
        }
        async with self._db.write() as connection:
            return await self._db.upsert(connection, gaps, values)

    async def in_interval(self, stream: StreamRef, interval: Interval) -> list[Gap]:
        """Those of a Stream that overlap the interval, open ones too, in order of their start."""
        return await self._db.rows(_IN_INTERVAL, _gaps, window.values(stream, interval))

    async def open_of(self, stream: StreamRef) -> Gap | None:
        """The Gap of a Stream that goes on now; the newest, should there be several."""
        statement = (
            select(gaps)
            .where(
                IS_OPEN_GAP,
                gaps.c.camera == stream.camera,
                gaps.c.stream == stream.name.value,
                gaps.c.end_ns.is_(None),
            )
            .order_by(gaps.c.start_ns.desc())
            .limit(1)
        )
        async with self._db.read() as connection:
            row = (await connection.execute(statement)).first()
        return None if row is None else _gap(row)

    async def all_open(self, node: str) -> list[Gap]:
        """All open Gaps that a Node wrote, oldest first."""
        statement = select(gaps).where(IS_OPEN_GAP, gaps.c.node == node).order_by(gaps.c.start_ns)
        return await self._db.rows(statement, _gaps)


def _gaps(rows: Iterable[Row[Any]]) -> list[Gap]:
    return [_gap(row) for row in rows]


def _gap(row: Row[Any]) -> Gap:
    return Gap(
        id=row.id,
        stream=StreamRef(row.camera, StreamName(row.stream)),
        site=row.site,
        node=row.node,
        start_ns=row.start_ns,
        end_ns=row.end_ns,
        cause=GapCause(row.cause),
        state=GapState(row.state),
        rev=row.rev,
    )
