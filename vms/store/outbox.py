"""The outbox: which rows have yet to travel, and their images. Async, on the catalogue's connections.

An entry is deleted once the other side has the row: at once when the stream keeps it for good, or when the reader at
the far end has committed it (`settle`), so that a stream that lost its disk is simply filled again (`unsend`).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Table,
    bindparam,
    cast,
    delete,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    update,
)

from vms.store.connection import Connection
from vms.store.database import Database
from vms.store.images import PARTS, RowImage, key_of, table_of
from vms.store.notes import Role
from vms.store.tables import cameras, copies, grants, meta, outbox, segments

_AT_ONCE = 250
_RESENT_AT_ONCE = 20_000
_TIMES = ("end_ns", "start_ns", "granted_ns", "verified_ns", "at_ns")
_PUBLISHER_LOCK = 0x766D73_01
"""Any number that means this and nothing else in PostgreSQL's advisory locks."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row that has yet to travel: all its entries up to now in one. `site` as the entry had it."""

    seqs: tuple[int, ...]
    table: str
    key: tuple[Any, ...]
    site: str | None


@dataclass(frozen=True, slots=True)
class Sent:
    """An entry that was sent as `image` (None: the row is no more, or concerns nobody). `number`: where it is in a
    stream whose reader has yet to confirm it; None: the entry can go."""

    entry: Waiting
    image: RowImage | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """`waiting`: entries not sent; `sent`: entries in the stream that the other side has not confirmed."""

    waiting: int
    sent: int


class Outbox:
    """See the head of the module."""

    def __init__(self, database: Database) -> None:
        self._db = database

    @property
    def role(self) -> Role | None:
        """Where the catalogue stands; None where nothing travels."""
        return None if self._db.notes.options is None else self._db.notes.options.role

    @asynccontextmanager
    async def exclusive(self) -> AsyncIterator[bool]:
        """Whether the caller alone sends until the block ends. Several nodes on one PostgreSQL take turns by a lock
        that their connection holds; should it break, two may send at once, which costs bytes and nothing else."""
        if self._db.is_sqlite:
            yield True
            return
        async with self._db.read() as connection:
            mine = (await connection.execute(select(func.pg_try_advisory_lock(_PUBLISHER_LOCK)))).scalar_one()
            try:
                yield bool(mine)
            finally:
                if mine:
                    await connection.execute(select(func.pg_advisory_unlock(_PUBLISHER_LOCK)))

    def changed(self) -> None:
        """Forget that something changed, before looking what."""
        self._db.notes.changed.clear()

    async def wait(self) -> None:
        """Until this process commits something that has to travel."""
        await self._db.notes.changed.wait()

    async def waiting(self, limit: int, tables: Collection[Table] | None = None) -> list[Waiting]:
        """The oldest entries that are not sent, at most `limit`, those of one row and Site joined; of some tables or
        of all."""
        c = outbox.c
        statement = select(outbox).where(c.sent.is_(None)).order_by(c.seq).limit(limit)
        if tables is not None:
            statement = statement.where(c.table_name.in_([table.name for table in tables]))
        async with self._db.read() as connection:
            rows = (await connection.execute(statement)).all()
        joined: dict[tuple[str, str, str | None], list[int]] = {}
        for row in rows:
            joined.setdefault((row.table_name, row.row_key, row.site), []).append(row.seq)
        return [
            Waiting(tuple(seqs), table, tuple(json.loads(key)), site) for (table, key, site), seqs in joined.items()
        ]

    async def images(
        self, entries: Iterable[Waiting], *, parts: bool = True
    ) -> dict[tuple[str, tuple[Any, ...]], RowImage]:
        """The rows of entries as they are now, by table and key; a row that is no more is not among them."""
        keys: dict[str, set[tuple[Any, ...]]] = {}
        for entry in entries:
            keys.setdefault(entry.table, set()).add(entry.key)
        found = {}
        async with self._db.read() as connection:
            for name, wanted in keys.items():
                for image in (await read_images(connection, table_of(name), wanted, parts=parts)).values():
                    found[name, image.key] = image
        return found

    async def images_of(self, table: str, keys: Sequence[tuple[Any, ...]]) -> list[RowImage]:
        """The rows of a table with these keys, with their parts."""
        async with self._db.read() as connection:
            return list((await read_images(connection, table_of(table), keys)).values())

    async def done(self, sent: Sequence[Sent]) -> None:
        """These were sent. A row that has changed meanwhile stays as it was: another sender may have been overtaken,
        and its older image must not be the last one."""
        over = [one for one in await self._unchanged(sent) if one.number is None]
        kept = [one for one in sent if one.number is not None]
        numbers = [{"entry": seq, "number": one.number} for one in kept for seq in one.entry.seqs]
        seqs = [seq for one in over for seq in one.entry.seqs]
        async with self._db.write() as connection:
            for i in range(0, len(seqs), _AT_ONCE):
                await connection.execute(delete(outbox).where(outbox.c.seq.in_(seqs[i : i + _AT_ONCE])))
            if numbers:
                change = update(outbox).where(outbox.c.seq == bindparam("entry")).values(sent=bindparam("number"))
                await connection.execute(change, numbers)

    async def _unchanged(self, sent: Sequence[Sent]) -> Sequence[Sent]:
        if self._db.is_sqlite:  # one sender: what changed meanwhile has another entry
            return sent
        now = await self.images((one.entry for one in sent), parts=False)
        return [
            one
            for one in sent
            if one.image is None or _rev(now.get((one.entry.table, one.entry.key))) == _rev(one.image)
        ]

    async def settle(self, upto: int) -> int:
        """The other side has committed all up to a sequence of the stream; says how many entries that were."""
        async with self._db.write() as connection:
            return (await connection.execute(delete(outbox).where(outbox.c.sent <= upto))).rowcount

    async def unsend(self, after: int = 0) -> int:
        """What was sent later than a sequence has to be sent again: the stream lost it. Says how many entries."""
        async with self._db.write() as connection:
            return (await connection.execute(update(outbox).where(outbox.c.sent > after).values(sent=None))).rowcount

    async def backlog(self) -> Backlog:
        """How much there is."""
        async with self._db.read() as connection:
            counts = select(func.count(), func.count(outbox.c.sent)).select_from(outbox)
            total, sent = tuple((await connection.execute(counts)).one())
        return Backlog(total - sent, sent)

    async def resend(self, tables: Collection[Table] | None = None, since_ns: int = 0) -> int:
        """Note every row of the tables (all that travel from here) that ends at or after a time, as if it had just
        been written; says how many. For a far side that lost its catalogue, or never had it. Millions of rows are noted
        in parts, each a transaction: who is cut off says all of it again."""
        options = self._db.notes.options
        chosen = tables if tables is not None else options.noted if options is not None else ()
        return sum([await self._resend_table(table, since_ns) for table in chosen])

    async def _resend_table(self, table: Table, since_ns: int) -> int:
        key = tuple_(*table.primary_key.columns)
        after: ColumnElement[Any] | None = None
        count = 0
        while True:
            page = select(*table.primary_key.columns).order_by(*table.primary_key.columns)
            if after is not None:
                page = page.where(key > after)
            async with self._db.write() as connection:
                row = (await connection.execute(page.offset(_RESENT_AT_ONCE - 1).limit(1))).first()
                last = None if row is None else _typed(table, tuple(row))
                names, statement = self._all_of(table, since_ns)
                statement = statement if after is None else statement.where(key > after)
                statement = statement if last is None else statement.where(key <= last)
                count += (await connection.execute(outbox.insert().from_select(names, statement))).rowcount
                connection.noted = True
            if last is None:
                return count
            after = last

    async def resend_cameras(self, site_ids: Collection[str]) -> None:
        """Note the Cameras of Sites, whose place in the tree has changed."""
        chosen = select(cameras.c.id, cameras.c.site).where(cameras.c.site.in_(site_ids))
        async with self._db.write() as connection:
            for row in (await connection.execute(chosen)).all():
                await self._db.notes.note(connection, cameras, {"id": row.id, "site": row.site})

    def _all_of(self, table: Table, since_ns: int) -> tuple[list[str], Select[Any]]:
        key = list(table.primary_key.columns)
        listed = func.json_array(*key) if self._db.is_sqlite else cast(func.json_build_array(*key), String)
        statement = select(literal(table.name), listed, table.c.site if "site" in table.c else null())
        ends = next((table.c[name] for name in _TIMES if name in table.c), None)
        if ends is not None and since_ns > 0:
            statement = statement.where(or_(ends >= since_ns, ends.is_(None)))
        return ["table_name", "row_key", "site"], statement

    async def places(self, entries: Sequence[Waiting]) -> dict[tuple[str, tuple[Any, ...]], str]:
        """The Sites of rows that do not name theirs, by table and key: of a Copy its Segment's, of a grant its
        Camera's."""
        copied = {entry.key[:2] for entry in entries if entry.table == copies.name}
        granted = {entry.key[:1] for entry in entries if entry.table == grants.name}
        async with self._db.read() as connection:
            of_segments = await read_images(connection, segments, copied, parts=False)
            of_cameras = await read_images(connection, cameras, granted, parts=False)
        found = {}
        for entry in entries:
            owner = of_segments.get(entry.key[:2]) if entry.table == copies.name else of_cameras.get(entry.key[:1])
            if owner is not None and entry.table in {copies.name, grants.name}:
                found[entry.table, entry.key] = owner.values["site"]
        return found

    async def remembered(self, name: str) -> str | None:
        """What a sender noted of the streams that it fills; None: nothing yet."""
        async with self._db.read() as connection:
            row = (await connection.execute(select(meta.c.value).where(meta.c.name == f"sync.{name}"))).first()
        return None if row is None else bytes(row.value).decode()

    async def remember(self, name: str, value: str) -> None:
        """Note it, in place of what was noted before."""
        async with self._db.write() as connection:
            await self._db.upsert(connection, meta, {"name": f"sync.{name}", "value": value.encode()})


async def read_images(
    connection: Connection, table: Table, keys: Iterable[tuple[Any, ...]], *, parts: bool = True, lock: bool = False
) -> dict[tuple[Any, ...], RowImage]:
    """The rows with these keys, with their parts, by key. `lock`: nobody changes them before the transaction ends."""
    wanted = sorted(keys)
    part = PARTS.get(table.name) if parts else None
    found: dict[tuple[Any, ...], RowImage] = {}
    for i in range(0, len(wanted), _AT_ONCE):
        some = wanted[i : i + _AT_ONCE]
        statement = select(table).where(_among(list(table.primary_key.columns), some))
        if lock:
            statement = statement.with_for_update()  # PostgreSQL; SQLite has one writer at a time and renders nothing
        rows = (await connection.execute(statement)).mappings().all()
        pieces: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        if part is not None:
            owner = [part.table.c[name] for name in part.columns]
            order = list(part.table.primary_key.columns)
            belonging = select(part.table).where(_among(owner, some)).order_by(*order)
            for piece in (await connection.execute(belonging)).mappings():
                pieces.setdefault(tuple(piece[name] for name in part.columns), []).append(dict(piece))
        for row in rows:
            values = dict(row)
            key = key_of(table, values)
            found[key] = RowImage(str(table.name), values, None if part is None else tuple(pieces.get(key, ())))
    return found


def _among(columns: Sequence[Any], keys: Sequence[tuple[Any, ...]]) -> ColumnElement[bool]:
    if len(columns) == 1:
        only: ColumnElement[Any] = columns[0]
        return only.in_([key[0] for key in keys])
    return tuple_(*columns).in_(keys)


def _typed(table: Table, key: tuple[Any, ...]) -> ColumnElement[Any]:
    return tuple_(*(literal(value, column.type) for value, column in zip(key, table.primary_key.columns, strict=True)))


def _rev(image: RowImage | None) -> Any:
    return None if image is None else image.values.get("rev")
