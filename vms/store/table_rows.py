"""Rows of whole tables as they are, for who moves a catalogue into another one (recorder/moving.py). Async.

A row is a mapping of its columns. Nothing is noted in the outbox, and no rev is looked at: that is the mover's affair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, delete, func, literal, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from vms.store.database import Database
from vms.store.notes import FACTS
from vms.store.tables import METADATA, fresh_events, meta, outbox, sessions, set_aside, unsigned

_STAYS = {table.name for table in (meta, sessions, outbox, set_aside, unsigned, fresh_events)}
"""What is one catalogue's own: its key, who is signed in at its address, what waits to leave it, to be
signed or to be looked at by Rules."""
_PARTS = {"fragment_indexes"}
_DELETES_AT_ONCE = 200

Row = Mapping[str, Any]
Key = tuple[Any, ...]


class TableRows:
    """See the head of the module."""

    def __init__(self, database: Database) -> None:
        self._db = database

    @staticmethod
    def tables() -> list[str]:
        """Names of the tables that move, those first that others refer to."""
        return [table.name for table in METADATA.sorted_tables if table.name not in _STAYS]

    @staticmethod
    def keeps_all(table: str) -> bool:
        """Whether rows of a table are never taken back: facts are not; what people made can be removed."""
        return table in {fact.name for fact in FACTS} | _PARTS

    @staticmethod
    def key_of(table: str, row: Row) -> Key:
        """The primary key of a row."""
        return tuple(row[column.name] for column in _table(table).primary_key.columns)

    async def count(self, table: str) -> int:
        """How many rows there are."""
        async with self._db.read() as connection:
            return int((await connection.execute(select(func.count()).select_from(_table(table)))).scalar_one())

    async def page(
        self, table: str, *, after: Key | None = None, upto: Key | None = None, limit: int | None = None
    ) -> list[Row]:
        """Rows in the order of their keys: those beyond `after`, up to and with `upto`, at most `limit`."""
        key = list(_table(table).primary_key.columns)
        statement = select(_table(table)).order_by(*key).limit(limit)
        if after is not None:
            statement = statement.where(tuple_(*key) > _typed(table, after))
        if upto is not None:
            statement = statement.where(tuple_(*key) <= _typed(table, upto))
        async with self._db.read() as connection:
            return [dict(row) for row in (await connection.execute(statement)).mappings()]

    async def put(self, table: str, rows: Sequence[Row]) -> None:
        """Enter rows, whatever stood at their keys; one transaction."""
        chosen = _table(table)
        made = (sqlite.insert if self._db.is_sqlite else postgresql.insert)(chosen)
        key = list(chosen.primary_key.columns)
        rest = {column.name: made.excluded[column.name] for column in chosen.columns if not column.primary_key}
        statement = made.on_conflict_do_update(index_elements=key, set_=rest) if rest else made.on_conflict_do_nothing()
        async with self._db.write() as connection:
            await connection.execute(statement, [dict(row) for row in rows])

    async def remove(self, table: str, keys: Sequence[Key]) -> None:
        """Take rows away; one transaction."""
        key = tuple_(*_table(table).primary_key.columns)
        async with self._db.write() as connection:
            for at in range(0, len(keys), _DELETES_AT_ONCE):
                await connection.execute(delete(_table(table)).where(key.in_(keys[at : at + _DELETES_AT_ONCE])))


def _table(name: str) -> Table:
    return METADATA.tables[name]


def _typed(table: str, key: Key) -> Any:
    """A key as SQL, each value with its column's type: a database that is told none takes a number for a small one."""
    columns = _table(table).primary_key.columns
    return tuple_(*(literal(value, column.type) for value, column in zip(key, columns, strict=True)))
