"""Rows of Tours. They live where settings are made: alone, or at the center."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from vms.domain.layout import layout_of
from vms.domain.tour import Pin, Step, Tour
from vms.errors import ConflictError, NotFoundError
from vms.store.center import at_center
from vms.store.connection import Connection
from vms.store.database import Database
from vms.store.tables import tours


class Tours:
    """Who may see which is the caller's to decide (vms/domain/tour.py)."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def list(self, person: str | None = None) -> list[Tour]:
        """All, or those that a Person sees: their own and the shared ones; by name."""
        statement = select(tours).order_by(tours.c.name, tours.c.id)
        if person is not None:
            statement = statement.where(or_(tours.c.shared, tours.c.owner == person))
        async with self._db.read() as connection:
            rows = await connection.execute(statement)
        return [_tour(row) for row in rows]

    async def get(self, tour_id: str) -> Tour | None:
        """One by its id."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(tours).where(tours.c.id == tour_id))).first()
        return None if row is None else _tour(row)

    async def count_of(self, owner: str) -> int:
        """How many a Person has made."""
        statement = select(func.count()).select_from(tours).where(tours.c.owner == owner)
        async with self._db.read() as connection:
            return int((await connection.execute(statement)).scalar_one())

    async def add(self, tour: Tour) -> None:
        """Keep a new one. ConflictError: the id is taken, or the owner does not exist. ForbiddenError at a site."""
        at_center(self._db, "tours")
        try:
            async with self._db.write() as connection:
                await connection.execute(insert(tours), _values(tour))
        except IntegrityError as error:
            raise ConflictError("the tour cannot be kept: its id is taken or its owner is unknown") from error

    async def update(self, tour: Tour) -> None:
        """Replace. ConflictError: the row's rev is not `tour.rev - 1`. NotFoundError: there is none. ForbiddenError at
        a site."""
        at_center(self._db, "tours")
        statement = update(tours).where(tours.c.id == tour.id, tours.c.rev == tour.rev - 1)
        async with self._db.write() as connection:
            if (await connection.execute(statement, _values(tour))).rowcount == 0:
                await _why_not(connection, tour.id)

    async def remove(self, tour_id: str, rev: int | None = None) -> None:
        """Delete, where `rev` is given only that version. ConflictError, NotFoundError, ForbiddenError as above."""
        at_center(self._db, "tours")
        statement = delete(tours).where(tours.c.id == tour_id)
        if rev is not None:
            statement = statement.where(tours.c.rev == rev)
        async with self._db.write() as connection:
            if (await connection.execute(statement)).rowcount == 0:
                await _why_not(connection, tour_id)


async def _why_not(connection: Connection, tour_id: str) -> None:
    row = (await connection.execute(select(tours.c.rev).where(tours.c.id == tour_id))).first()
    if row is None:
        raise NotFoundError("there is no such tour", hint="Somebody may have deleted it.", reason="tour_gone")
    raise ConflictError(
        "somebody else has changed the tour meanwhile",
        hint="Load it again, or save yours under another name.",
        reason="tour_changed",
    )


def _values(tour: Tour) -> dict[str, Any]:
    return {
        "id": tour.id,
        "name": tour.name,
        "owner": tour.owner,
        "shared": tour.shared,
        "layout": tour.layout.as_json(),
        "steps": [{"view": step.view, "camera": step.camera, "dwell_s": step.dwell_s} for step in tour.steps],
        "pinned": [{"tile": pin.tile, "camera": pin.camera} for pin in tour.pinned],
        "changed_ns": tour.changed_ns,
        "rev": tour.rev,
    }


def _tour(row: Row[Any]) -> Tour:
    return Tour(
        id=row.id,
        name=row.name,
        owner=row.owner,
        steps=tuple(Step(step["dwell_s"], step["view"], step["camera"]) for step in row.steps),
        pinned=tuple(Pin(pin["tile"], pin["camera"]) for pin in row.pinned),
        layout=layout_of(row.layout),
        shared=row.shared,
        changed_ns=row.changed_ns,
        rev=row.rev,
    )
