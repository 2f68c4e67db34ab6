"""Rows of Walls: named sets of Displays. They live where settings are made: alone, or at the center."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from vms.domain.display import Wall
from vms.errors import ConflictError, NotFoundError
from vms.store.center import at_center
from vms.store.database import Database
from vms.store.tables import walls


class Walls:
    """A Wall is there as long as somebody wants it, also without a Display."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def list(self) -> list[Wall]:
        """All, by name."""
        async with self._db.read() as connection:
            rows = await connection.execute(select(walls).order_by(walls.c.name, walls.c.id))
        return [Wall(row.id, row.name, row.rev) for row in rows]

    async def get(self, wall_id: str) -> Wall | None:
        """One by its id."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(walls).where(walls.c.id == wall_id))).first()
        return None if row is None else Wall(row.id, row.name, row.rev)

    async def add(self, wall: Wall) -> None:
        """Keep a new one. ConflictError: the id is taken. ForbiddenError at a site."""
        at_center(self._db, "walls")
        try:
            async with self._db.write() as connection:
                await connection.execute(insert(walls), wall_values(wall))
        except IntegrityError as error:
            raise ConflictError("the wall cannot be kept: its id is taken") from error

    async def update(self, wall: Wall) -> None:
        """Replace. ConflictError: the row's rev is not `wall.rev - 1`. NotFoundError: there is none. ForbiddenError at
        a site."""
        at_center(self._db, "walls")
        statement = update(walls).where(walls.c.id == wall.id, walls.c.rev == wall.rev - 1)
        async with self._db.write() as connection:
            if (await connection.execute(statement, wall_values(wall))).rowcount:
                return
            if (await connection.execute(select(walls.c.rev).where(walls.c.id == wall.id))).first() is None:
                raise NotFoundError("there is no such wall", hint="Somebody may have removed it.", reason="wall_gone")
        raise ConflictError(
            "somebody else has changed the wall meanwhile", hint="Load it again.", reason="wall_changed"
        )

    async def remove(self, wall_id: str) -> None:
        """Delete. ConflictError: there are Displays of it. NotFoundError, ForbiddenError as above."""
        at_center(self._db, "walls")
        try:
            async with self._db.write() as connection:
                if (await connection.execute(delete(walls).where(walls.c.id == wall_id))).rowcount:
                    return
        except IntegrityError as error:
            raise ConflictError(
                "the wall has screens", hint="Remove them, or give them to another wall.", reason="wall_in_use"
            ) from error
        raise NotFoundError("there is no such wall", hint="Somebody may have removed it.", reason="wall_gone")


def wall_values(wall: Wall) -> dict[str, Any]:
    return {"id": wall.id, "name": wall.name, "rev": wall.rev}
