"""Whose turn it is: work that one node of several on one catalogue does at a time, and that two at once do not harm."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import func, select

from vms.store.database import Database

_TURN_LOCK = 0x766D74
"""Any number that means this and nothing else in PostgreSQL's advisory locks."""


class Turns:
    """By a lock that a connection to PostgreSQL holds: who is gone has given it back. Should the connection break
    alone, two may work at once. On SQLite there is one node."""

    def __init__(self, database: Database) -> None:
        self._db = database

    @asynccontextmanager
    async def take(self, work: str) -> AsyncIterator[bool]:
        """Whether it is the caller's, until the block ends; it does not wait. CatalogueError."""
        if self._db.is_sqlite:
            yield True
            return
        key = _TURN_LOCK, func.hashtext(work)
        async with self._db.apart() as connection:
            mine = bool((await connection.execute(select(func.pg_try_advisory_lock(*key)))).scalar_one())
            try:
                yield mine
            finally:
                if mine:
                    await connection.execute(select(func.pg_advisory_unlock(*key)))
