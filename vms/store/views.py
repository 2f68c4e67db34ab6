"""Rows of Views and of favourites among them. They live where settings are made: alone, or at the center."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from vms.domain.layout import layout_of
from vms.domain.view import View
from vms.errors import ConflictError, ForbiddenError, NotFoundError
from vms.store.connection import Connection
from vms.store.database import Database
from vms.store.notes import Role
from vms.store.tables import view_favourites, views


class Views:
    """Who may see which is the caller's to decide (vms/domain/view.py)."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def list(self, person: str | None = None) -> list[View]:
        """All, or those that a Person sees: their own and the shared ones; by folder and name."""
        statement = select(views).order_by(views.c.folder, views.c.name, views.c.id)
        if person is not None:
            statement = statement.where(or_(views.c.shared, views.c.owner == person))
        async with self._db.read() as connection:
            rows = await connection.execute(statement)
        return [_view(row) for row in rows]

    async def get(self, view_id: str) -> View | None:
        """One by its id."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(views).where(views.c.id == view_id))).first()
        return None if row is None else _view(row)

    async def count_of(self, owner: str) -> int:
        """How many a Person has made."""
        statement = select(func.count()).select_from(views).where(views.c.owner == owner)
        async with self._db.read() as connection:
            return int((await connection.execute(statement)).scalar_one())

    async def add(self, view: View) -> None:
        """Keep a new one. ConflictError: the id is taken, or the owner does not exist. ForbiddenError at a site."""
        self._guard()
        try:
            async with self._db.write() as connection:
                await connection.execute(insert(views), _values(view))
        except IntegrityError as error:
            raise ConflictError("the view cannot be kept: its id is taken or its owner is unknown") from error

    async def update(self, view: View) -> None:
        """Replace. ConflictError: the row's rev is not `view.rev - 1`. NotFoundError: there is none. ForbiddenError at
        a site."""
        self._guard()
        statement = update(views).where(views.c.id == view.id, views.c.rev == view.rev - 1)
        async with self._db.write() as connection:
            if (await connection.execute(statement, _values(view))).rowcount == 0:
                await _why_not(connection, view.id)

    async def remove(self, view_id: str, rev: int | None = None) -> None:
        """Delete, where `rev` is given only that version. ConflictError, NotFoundError, ForbiddenError as above."""
        self._guard()
        statement = delete(views).where(views.c.id == view_id)
        if rev is not None:
            statement = statement.where(views.c.rev == rev)
        async with self._db.write() as connection:
            if (await connection.execute(statement)).rowcount == 0:
                await _why_not(connection, view_id)

    async def favourites(self, person: str) -> set[str]:
        """Ids of the Person's favourites."""
        statement = select(view_favourites.c.view).where(view_favourites.c.person == person)
        async with self._db.read() as connection:
            return {row.view for row in await connection.execute(statement)}

    async def set_favourite(self, person: str, view_id: str, *, wanted: bool) -> None:
        """Make it a favourite of the Person, or no longer; as often as one likes. NotFoundError: there is no such View
        or Person. ForbiddenError at a site."""
        self._guard()
        chosen = (view_favourites.c.person == person) & (view_favourites.c.view == view_id)
        try:
            async with self._db.write() as connection:
                await connection.execute(delete(view_favourites).where(chosen))
                if wanted:
                    await connection.execute(insert(view_favourites), {"person": person, "view": view_id})
        except IntegrityError as error:
            raise NotFoundError("there is no such view") from error

    def _guard(self) -> None:
        options = self._db.notes.options
        if options is not None and options.role is Role.SITE:
            raise ForbiddenError(
                "views are kept at the center", hint="Save it there; this site's page shows cameras.",
                reason="set_at_center",
            )  # fmt: skip


async def _why_not(connection: Connection, view_id: str) -> None:
    row = (await connection.execute(select(views.c.rev).where(views.c.id == view_id))).first()
    if row is None:
        raise NotFoundError("there is no such view", hint="Somebody may have deleted it.", reason="view_gone")
    raise ConflictError(
        "somebody else has changed the view meanwhile",
        hint="Load it again, or save yours under another name.",
        reason="view_changed",
    )


def _values(view: View) -> dict[str, Any]:
    return {
        "id": view.id,
        "name": view.name,
        "folder": view.folder,
        "owner": view.owner,
        "shared": view.shared,
        "layout": view.layout.as_json(),
        "cameras": list(view.cameras),
        "changed_ns": view.changed_ns,
        "rev": view.rev,
    }


def _view(row: Row[Any]) -> View:
    return View(
        id=row.id,
        name=row.name,
        owner=row.owner,
        layout=layout_of(row.layout),
        cameras=tuple(row.cameras),
        folder=row.folder,
        shared=row.shared,
        changed_ns=row.changed_ns,
        rev=row.rev,
    )
