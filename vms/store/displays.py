"""Rows of Displays. They live where settings are made: alone, or at the center."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from vms.domain.display import Display, Wall, showing_of
from vms.errors import ConflictError, NotFoundError
from vms.store.center import at_center
from vms.store.connection import Connection
from vms.store.database import Database
from vms.store.tables import displays, pairings, walls
from vms.store.walls import wall_values


class Displays:
    """Keys come and go as SHA-256 in hex."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def list(self, wall: str | None = None) -> list[Display]:
        """All, or those of one Wall; by name."""
        statement = select(displays).order_by(displays.c.name, displays.c.id)
        if wall is not None:
            statement = statement.where(displays.c.wall == wall)
        async with self._db.read() as connection:
            rows = await connection.execute(statement)
        return [_display(row) for row in rows]

    async def get(self, display_id: str) -> Display | None:
        """One by its id."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(displays).where(displays.c.id == display_id))).first()
        return None if row is None else _display(row)

    async def by_key(self, key_sha256: str) -> Display | None:
        """One by its key."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(displays).where(displays.c.key_sha256 == key_sha256))).first()
        return None if row is None else _display(row)

    async def pair(self, display: Display, new_wall: Wall | None = None) -> None:
        """Keep a new one, and its Wall where that is new too, and spend the pairing of its key; all of it or nothing.
        NotFoundError: that is spent already. ConflictError: there is no such Wall. ForbiddenError at a site."""
        at_center(self._db, "displays")
        try:
            async with self._db.write() as connection:
                spent = delete(pairings).where(pairings.c.key_sha256 == display.key_sha256)
                if (await connection.execute(spent)).rowcount == 0:
                    raise NotFoundError("the code has been used already")
                if new_wall is not None:
                    await connection.execute(insert(walls), wall_values(new_wall))
                await connection.execute(insert(displays), _values(display))
        except IntegrityError as error:
            raise ConflictError("the display cannot be kept: there is no such wall") from error

    async def update(self, changed: Sequence[Display]) -> None:
        """Replace all of them or none. ConflictError: a row's rev is not that of the Display less one, or there is no
        such Wall. NotFoundError: there is none. ForbiddenError at a site."""
        at_center(self._db, "displays")
        try:
            async with self._db.write() as connection:
                for display in changed:
                    statement = update(displays).where(displays.c.id == display.id, displays.c.rev == display.rev - 1)
                    values = {name: value for name, value in _values(display).items() if name != "seen_ns"}
                    if (await connection.execute(statement, values)).rowcount == 0:
                        await _why_not(connection, display.id)
        except IntegrityError as error:
            raise ConflictError("the display cannot be changed: there is no such wall") from error

    async def touch(self, display_id: str, seen_ns: int) -> None:
        """Note that it was there; silently nothing at a site."""
        async with self._db.write() as connection:
            await connection.execute(update(displays).where(displays.c.id == display_id).values(seen_ns=seen_ns))

    async def remove(self, display_id: str) -> None:
        """Delete: its key opens nothing any more. NotFoundError, ForbiddenError as above."""
        at_center(self._db, "displays")
        async with self._db.write() as connection:
            if (await connection.execute(delete(displays).where(displays.c.id == display_id))).rowcount == 0:
                await _why_not(connection, display_id)


async def _why_not(connection: Connection, display_id: str) -> None:
    row = (await connection.execute(select(displays.c.rev).where(displays.c.id == display_id))).first()
    if row is None:
        raise NotFoundError("there is no such display", hint="Somebody may have removed it.", reason="display_gone")
    raise ConflictError(
        "somebody else has changed the display meanwhile",
        hint="Look at what it shows now, and try again.",
        reason="display_changed",
    )


def _values(display: Display) -> dict[str, Any]:
    return {
        "id": display.id,
        "name": display.name,
        "wall": display.wall,
        "key_sha256": display.key_sha256,
        "showing": display.showing.as_json(),
        "earlier": [each.as_json() for each in display.earlier],
        "paired_ns": display.paired_ns,
        "seen_ns": display.seen_ns,
        "rev": display.rev,
    }


def _display(row: Row[Any]) -> Display:
    return Display(
        id=row.id,
        name=row.name,
        wall=row.wall,
        key_sha256=row.key_sha256,
        showing=showing_of(row.showing),
        earlier=tuple(map(showing_of, row.earlier)),
        paired_ns=row.paired_ns,
        seen_ns=row.seen_ns,
        rev=row.rev,
    )
