"""Rows of Bookmarks. They live where settings are made: alone, or at the center."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from vms.domain.bookmark import Bookmark
from vms.errors import ConflictError, ForbiddenError, NotFoundError
from vms.store.database import Database
from vms.store.notes import Role
from vms.store.scope import Scope, within
from vms.store.tables import bookmarks, cameras

Place = tuple[int, str]
"""Where a list goes on: at_ns and id of the last Bookmark that was read."""


@dataclass(frozen=True, slots=True)
class WantedBookmarks:
    """Which: of moments in [from_ns, to_ns), of this Camera, of cameras of these Sites, of this Case. None: whatever it
    is. `scope`: what who asks may see."""

    from_ns: int | None = None
    to_ns: int | None = None
    camera: str | None = None
    sites: Collection[str] | None = None
    scope: Scope | None = None
    case: str | None = None


class Bookmarks:
    """Moments that people marked."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def find(self, wanted: WantedBookmarks, limit: int, after: Place | None = None) -> list[Bookmark]:
        """Newest moment first, at most `limit`; `after`: those that come behind this place."""
        c = bookmarks.c
        statement = select(bookmarks).where(*_conditions(wanted)).order_by(c.at_ns.desc(), c.id.desc()).limit(limit)
        if after is not None:
            at_ns, bookmark_id = after
            statement = statement.where(or_(c.at_ns < at_ns, and_(c.at_ns == at_ns, c.id < bookmark_id)))
        async with self._db.read() as connection:
            rows = await connection.execute(statement)
        return [_bookmark(row) for row in rows]

    async def get(self, bookmark_id: str) -> Bookmark | None:
        """One by its id."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(bookmarks).where(bookmarks.c.id == bookmark_id))).first()
        return None if row is None else _bookmark(row)

    async def add(self, bookmark: Bookmark) -> None:
        """Keep a new one. ConflictError: Camera or Person do not exist. ForbiddenError at a site."""
        self._guard()
        try:
            async with self._db.write() as connection:
                await connection.execute(insert(bookmarks), asdict(bookmark))
        except IntegrityError as error:
            raise ConflictError("the bookmark cannot be kept: its camera or person is unknown") from error

    async def change(self, bookmark: Bookmark) -> None:
        """Another note or Case; the moment stays. NotFoundError: there is no such Bookmark. ForbiddenError at a
        site."""
        self._guard()
        chosen = update(bookmarks).where(bookmarks.c.id == bookmark.id)
        statement = chosen.values({"note": bookmark.note, "case": bookmark.case})
        async with self._db.write() as connection:
            if (await connection.execute(statement)).rowcount == 0:
                raise _gone()

    async def remove(self, bookmark_id: str) -> None:
        """Delete. NotFoundError, ForbiddenError as above."""
        self._guard()
        async with self._db.write() as connection:
            if (await connection.execute(delete(bookmarks).where(bookmarks.c.id == bookmark_id))).rowcount == 0:
                raise _gone()

    def _guard(self) -> None:
        options = self._db.notes.options
        if options is not None and options.role is Role.SITE:
            raise ForbiddenError(
                "bookmarks are kept at the center", hint="Mark the moment there.", reason="set_at_center"
            )


def _gone() -> NotFoundError:
    return NotFoundError("there is no such bookmark", hint="Somebody may have deleted it.", reason="bookmark_gone")


def _conditions(wanted: WantedBookmarks) -> list[Any]:
    c = bookmarks.c
    chosen: list[Any] = []
    if wanted.from_ns is not None:
        chosen.append(c.at_ns >= wanted.from_ns)
    if wanted.to_ns is not None:
        chosen.append(c.at_ns < wanted.to_ns)
    if wanted.scope is not None:
        chosen.append(within(bookmarks, wanted.scope))
    if wanted.case is not None:
        chosen.append(c.case == wanted.case)
    if wanted.camera is not None:
        chosen.append(c.camera == wanted.camera)
    if wanted.sites is not None:
        chosen.append(c.camera.in_(select(cameras.c.id).where(cameras.c.site.in_(list(wanted.sites)))))
    return chosen


def _bookmark(row: Row[Any]) -> Bookmark:
    return Bookmark(row.id, row.camera, row.at_ns, row.note, row.person, row.created_ns, row.case)
