"""Rows of Holds, and what they claim. Made where settings are made; they travel to the Sites of their Cameras, whose
nodes heed them also while they are cut off."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, text

from vms.domain.footage import CopyState, Segment
from vms.domain.hold import Hold
from vms.store.claims import claimed, in_force, overlaps
from vms.store.connection import Connection
from vms.store.database import Database
from vms.store.segments import segments_of
from vms.store.tables import copies, holds, segments

_KEPT = ("stored", "spooled")
_LOCKED = text("copies.locked")  # as its index has it, in words


@dataclass(frozen=True, slots=True)
class Cost:
    """What is there of footage that is claimed, each Segment counted once."""

    bytes: int = 0
    segments: int = 0


class Holds:
    """Claims of Cases on footage."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def put(self, *rows: Hold) -> None:
        """Insert, or replace where `rev` is greater, all in one transaction. ForbiddenError at a site."""
        async with self._db.write() as connection:
            for row in rows:
                await self._db.upsert(connection, holds, asdict(row))

    async def get(self, hold_id: str) -> Hold | None:
        """One by its id."""
        found = await self._rows(holds.c.id == hold_id)
        return found[0] if found else None

    async def of_case(self, case_id: str) -> list[Hold]:
        """All that a Case ever had, those that were taken off too, the newest first."""
        return list(reversed(await self._rows(holds.c.case == case_id)))

    async def in_force(
        self,
        let_go_ns: int,
        *,
        cameras: Collection[str] | None = None,
        from_ns: int | None = None,
        to_ns: int | None = None,
    ) -> list[Hold]:
        """Those that hold, of these Cameras (None: all) and of some time in [from_ns, to_ns), by their start."""
        c = holds.c
        chosen: list[ColumnElement[bool]] = [in_force(let_go_ns)]
        if cameras is not None:
            chosen.append(c.camera.in_(sorted(cameras)))
        if from_ns is not None:
            chosen.append(or_(c.end_ns.is_(None), c.end_ns > from_ns))
        if to_ns is not None:
            chosen.append(c.start_ns < to_ns)
        return await self._rows(*chosen, order=c.start_ns)

    async def held_bytes(self, camera: str, let_go_ns: int) -> int:
        """Bytes of stored Segments of a Camera that are claimed."""
        s = segments.c
        statement = select(func.coalesce(func.sum(s.size_bytes), 0)).where(
            s.camera == camera, s.state == "stored", claimed(let_go_ns)
        )
        async with self._db.read() as connection:
            return int((await connection.execute(statement)).scalar_one())

    async def costs(self, case_ids: Collection[str]) -> Mapping[str, Cost]:
        """What Cases keep with the Holds that nobody took off; a Case that keeps nothing is not among them."""
        s = segments.c
        each = (
            select(holds.c.case, s.run, s.number, s.size_bytes)
            .distinct()
            .select_from(holds)
            .join(segments, overlaps())
            .where(holds.c.case.in_(sorted(case_ids)), holds.c.removed_ns.is_(None), s.state.in_(_KEPT))
            .subquery()
        )
        statement: Select[Any] = select(
            each.c.case, func.sum(each.c.size_bytes).label("size_bytes"), func.count().label("pieces")
        ).group_by(each.c.case)
        async with self._db.read() as connection:
            rows = await connection.execute(statement)
        return {row.case: Cost(int(row.size_bytes), int(row.pieces)) for row in rows}

    async def counts(self) -> Mapping[str, int]:
        """How many Holds nobody took off, by Case."""
        c = holds.c
        statement: Select[Any] = (
            select(c.case, func.count().label("pieces")).where(c.removed_ns.is_(None)).group_by(c.case)
        )
        async with self._db.read() as connection:
            rows = await connection.execute(statement)
        return {row.case: int(row.pieces) for row in rows}

    async def to_lock(self, store: str, hold: Hold, from_ns: int, limit: int) -> list[Segment]:
        """Segments that a Hold claims of which the Copy in a Store has no legal hold yet, of what begins at or after a
        time, oldest first."""
        s = segments.c
        statement = (
            select(segments)
            .join(copies, _is_of_segment())
            .join(holds, overlaps())
            .where(holds.c.id == hold.id, s.start_ns >= from_ns, s.state == "stored")
            .where(copies.c.store == store, copies.c.state == CopyState.VERIFIED.value, ~copies.c.locked)
            .order_by(s.start_ns)
            .limit(limit)
        )
        return await self._db.rows(statement, segments_of)

    async def to_unlock(self, store: str, let_go_ns: int, limit: int) -> list[Segment]:
        """Segments of which the Copy in a Store has a legal hold, and that nothing claims any more."""
        statement = (
            select(segments)
            .join(copies, _is_of_segment())
            .where(_LOCKED, copies.c.store == store, copies.c.state != CopyState.DELETED.value)
            .where(~claimed(let_go_ns))
            .order_by(segments.c.start_ns)
            .limit(limit)
        )
        return await self._db.rows(statement, segments_of)

    async def _rows(self, *conditions: ColumnElement[bool], order: Any = holds.c.created_ns) -> list[Hold]:
        statement = select(holds).where(*conditions).order_by(order, holds.c.id)
        async with self._db.read() as connection:
            return _holds((await connection.execute(statement)).all())


async def move_holds(database: Database, connection: Connection, camera: str, site: str) -> None:
    """A Camera has another Site: its nodes have to know what is held; those of the one it left still have footage."""
    for row in (await connection.execute(select(holds).where(holds.c.camera == camera))).mappings().all():
        await database.notes.note(connection, holds, dict(row))
        await database.upsert(connection, holds, {**row, "site": site, "rev": row["rev"] + 1})


def _is_of_segment() -> ColumnElement[bool]:
    return and_(copies.c.run == segments.c.run, copies.c.number == segments.c.number)


def _holds(rows: Sequence[Row[Any]]) -> list[Hold]:
    return [
        Hold(
            row.id,
            row.case,
            row.camera,
            row.site,
            row.start_ns,
            row.end_ns,
            row.reason,
            row.person,
            row.created_ns,
            row.removed_ns,
            row.removed_by,
            row.rev,
        )
        for row in rows
    ]
