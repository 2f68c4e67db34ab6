"""Applies images of rows that came from another catalogue: any order and any number of times gives the same table.

A greater rev wins, whole, with its part; nothing is noted in the outbox. What refers to a row that is not here yet
waits in the table `set_aside`, and so does what this version does not understand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, func, insert, select, text, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from vms.clock import Clock
from vms.domain.ids import new_id
from vms.errors import CatalogueError
from vms.store.connection import Connection
from vms.store.database import Database
from vms.store.images import PARTS, RowImage, fitting, pack, table_of, unpack
from vms.store.notes import FACTS, SETTINGS
from vms.store.outbox import read_images
from vms.store.tables import audit, cameras, events, fresh_events, people, set_aside, sites

_ORDER = {table.name: place for place, table in enumerate((*SETTINGS, *FACTS))}
_SAVE, _BACK, _FREE = (text(f"{words} SAVEPOINT row_image") for words in ("", "ROLLBACK TO", "RELEASE"))
_RETRIED = 500
_AT_ONCE = 250


@dataclass(slots=True)
class Applied:
    """What became of images. `changed`: keys of rows that are now others, by table; `waiting` and `refused`: what was
    set aside, with why."""

    changed: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    waiting: list[tuple[RowImage, str]] = field(default_factory=list)
    refused: list[tuple[RowImage, str]] = field(default_factory=list)

    def add(self, other: Applied) -> None:
        """Count another's in."""
        for table, keys in other.changed.items():
            self.changed.setdefault(table, []).extend(keys)
        self.waiting += other.waiting
        self.refused += other.refused

    @property
    def rows(self) -> int:
        """How many rows are now others."""
        return sum(map(len, self.changed.values()))


class Replica:
    """The rows of others in this catalogue."""

    def __init__(self, database: Database, clock: Clock, node: str = "") -> None:
        """`node`: whose audit log is written here alone."""
        self._db = database
        self._clock = clock
        self._node = node

    async def apply(self, images: Sequence[RowImage], subject: str = "") -> Applied:
        """One transaction: on the disk when this returns. What cannot be applied is set aside, named by the `subject`
        it came from, and does not keep the rest from being applied. CatalogueError where the database fails."""
        applied = Applied()
        fit = await asyncio.to_thread(_fitting, images, applied)
        fit = [image for image in fit if image.table != audit.name or image.values["node"] != self._node]
        async with self._db.write() as connection:
            await self._apply(connection, fit, applied)
            await self._set_aside(connection, applied, subject)
        return applied

    async def refuse(self, data: bytes, subject: str, why: str) -> None:
        """Set aside what could not even be read."""
        values = self._aside(data, subject, why, waits=False)
        async with self._db.write() as connection:
            await connection.execute(insert(set_aside), values)

    async def aside(self) -> int:
        """How many entries are set aside."""
        async with self._db.read() as connection:
            return int((await connection.execute(select(func.count()).select_from(set_aside))).scalar_one())

    async def retry(self, *, refused: bool = False) -> Applied:
        """Try again what waits for other rows; with `refused`, also what was not understood (by an older version).
        CatalogueError where the database fails, but not for what it cannot take."""
        total = Applied()
        while True:
            before = total.rows
            await self._retry_all(total, refused=refused)
            if total.rows == before:  # what was applied may be what others wait for
                return total

    async def _retry_all(self, total: Applied, *, refused: bool) -> None:
        place = tuple_(set_aside.c.at_ns, set_aside.c.id)
        statement = select(set_aside).order_by(set_aside.c.at_ns, set_aside.c.id).limit(_RETRIED)
        if not refused:
            statement = statement.where(set_aside.c.waits)
        last: tuple[int, str] | None = None
        while True:
            page = statement if last is None else statement.where(place > last)
            async with self._db.read() as connection:
                rows = (await connection.execute(page)).all()
            for row in rows:
                await self._retry(row.id, row.data, total)
            if len(rows) < _RETRIED:
                return
            last = rows[-1].at_ns, rows[-1].id

    async def _retry(self, entry: str, data: bytes, total: Applied) -> None:
        applied = Applied()
        try:
            images = [fitting(image) for image in unpack(data)]
            async with self._db.write() as connection:
                await self._apply(connection, images, applied)
                if not applied.waiting:
                    await connection.execute(delete(set_aside).where(set_aside.c.id == entry))
        except CatalogueError:
            await self.aside()  # it answers: the entry is at fault, and stays aside
            return
        total.add(applied)

    async def _apply(self, connection: Connection, images: Iterable[RowImage], applied: Applied) -> None:
        best: dict[str, dict[tuple[Any, ...], RowImage]] = {}
        for image in images:
            same = best.setdefault(image.table, {})
            if image.key not in same or image.beats(same[image.key]):
                same[image.key] = image
        for name in sorted(best, key=_ORDER.__getitem__):
            table = table_of(name)
            here = await read_images(connection, table, best[name], lock=True)
            winners = [image for key, image in best[name].items() if key not in here or image.beats(here[key])]
            for i in range(0, len(winners), _AT_ONCE):
                await self._write(connection, table, winners[i : i + _AT_ONCE], applied)

    async def _write(self, connection: Connection, table: Table, winners: list[RowImage], applied: Applied) -> None:
        try:
            saved = await self._saved(connection, table, winners)
        except IntegrityError:
            await self._one_by_one(connection, table, winners, applied)
            return
        applied.changed.setdefault(table.name, []).extend(image.key for image in saved)

    async def _one_by_one(
        self, connection: Connection, table: Table, winners: list[RowImage], applied: Applied
    ) -> None:
        """Each by itself, again and again while that helps: some refer to others, or take a name that another gives
        up."""
        left = winners
        while left:
            failed: list[tuple[RowImage, str]] = []
            for image in left:
                try:
                    await _vacate(connection, table, image.values)
                    saved = await self._saved(connection, table, [image])
                    applied.changed.setdefault(table.name, []).extend(one.key for one in saved)
                except IntegrityError as error:
                    failed.append((image, type(error.orig).__name__ if error.orig is not None else "IntegrityError"))
            if len(failed) == len(left):
                applied.waiting += failed
                return
            left = [image for image, _ in failed]

    async def _saved(self, connection: Connection, table: Table, winners: list[RowImage]) -> list[RowImage]:
        """Write rows and parts, or none of it. Those that were written: another node of the center may have been first
        with a greater rev of a row that nobody could lock because it was not there yet."""
        await connection.execute(_SAVE)
        try:
            winners = await self._upserted(connection, table, winners)
            part = PARTS.get(table.name)
            if part is not None and winners:
                names = [f"of_{name}" for name in part.columns]
                keys = [dict(zip(names, image.key, strict=True)) for image in winners]
                chosen = and_(*(part.table.c[name] == bindparam(f"of_{name}") for name in part.columns))
                await connection.execute(delete(part.table).where(chosen), keys)
                rows = [dict(row) for image in winners for row in image.part or ()]
                if rows:
                    await connection.execute(insert(part.table), rows)
            if table is events and winners and self._db.notes.keeps_rules:
                fresh = [{"event": image.values["id"], "rev": image.values["rev"]} for image in winners]
                await connection.execute(self._upsert(fresh_events), fresh)
        except IntegrityError:
            await connection.execute(_BACK)
            await connection.execute(_FREE)
            raise
        await connection.execute(_FREE)
        return winners

    async def _upserted(self, connection: Connection, table: Table, winners: list[RowImage]) -> list[RowImage]:
        statement, rows = self._upsert(table), [dict(image.values) for image in winners]
        if self._db.is_sqlite:  # one writer: whoever won when it was read has won
            await connection.execute(statement, rows)
            return winners
        written = await connection.execute(statement.returning(*table.primary_key.columns), rows)
        keys = {tuple(row) for row in written}
        return [image for image in winners if image.key in keys]

    def _upsert(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        made = (sqlite.insert if self._db.is_sqlite else postgresql.insert)(table)
        key = list(table.primary_key.columns)
        if "rev" not in table.c:
            return made.on_conflict_do_nothing(index_elements=key)
        rest = {column.name: made.excluded[column.name] for column in table.columns if not column.primary_key}
        # The row was read under a lock; the condition is for one that was not there then and is by now.
        return made.on_conflict_do_update(index_elements=key, set_=rest, where=made.excluded.rev >= table.c.rev)

    async def _set_aside(self, connection: Connection, applied: Applied, subject: str) -> None:
        for waits, entries in ((True, applied.waiting), (False, applied.refused)):
            for image, why in entries:
                await connection.execute(insert(set_aside), self._aside(pack([image]), subject, why, waits=waits))

    def _aside(self, data: bytes, subject: str, why: str, *, waits: bool) -> dict[str, Any]:
        return {
            "id": new_id(),
            "subject": subject[:200],
            "data": data,
            "waits": waits,
            "why": why,
            "at_ns": self._clock.now_ns(),
        }


def _fitting(images: Iterable[RowImage], applied: Applied) -> list[RowImage]:
    fit = []
    for image in images:
        try:
            fit.append(fitting(image))
        except CatalogueError as error:
            applied.refused.append((image, error.message))
    return fit


async def _vacate(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Take a unique name or number from another row that still has it here. At the center, where it was given, they are
    unique: so that row has changed or is gone there, and its image is on the way; until then it goes by its id."""
    if table is cameras and values["number"] is not None:
        same = and_(cameras.c.number == values["number"], cameras.c.id != values["id"])
        await connection.execute(update(cameras).where(same).values(number=None))
    if table is sites:
        taken: ColumnElement[bool] = sites.c.slug == values["slug"]
        change = {"slug": sites.c.id}
    elif table is people:
        taken = people.c.username_folded == values["username_folded"]
        change = {"username_folded": people.c.id}
    elif table is cameras and values["deleted_ns"] is None:
        taken = and_(cameras.c.slug == values["slug"], cameras.c.deleted_ns.is_(None))
        change = {"slug": cameras.c.id}
    else:
        return
    await connection.execute(update(table).where(taken, table.c.id != values["id"]).values(change))
