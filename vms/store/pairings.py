"""Rows of browsers that show a code and wait. They live for ten minutes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.exc import IntegrityError

from vms.domain.display import CODE_TTL_NS, Pairing
from vms.errors import ConflictError
from vms.store.center import at_center
from vms.store.database import Database
from vms.store.tables import pairings


class Pairings:
    """Whether one is over yet is seen here: the time is given."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def addresses(self, now_ns: int) -> list[str]:
        """Where each of those that wait asked from."""
        waiting = select(pairings.c.address).where(pairings.c.created_ns > now_ns - CODE_TTL_NS)
        async with self._db.read() as connection:
            return [str(row.address) for row in await connection.execute(waiting)]

    async def add(self, pairing: Pairing) -> None:
        """Keep a new one, in place of an earlier one of the same key; those that are over go. ConflictError: the code
        is taken. ForbiddenError at a site."""
        at_center(self._db, "displays")
        over = pairings.c.created_ns <= pairing.created_ns - CODE_TTL_NS
        values = {
            "code": pairing.code,
            "key_sha256": pairing.key_sha256,
            "address": pairing.address,
            "created_ns": pairing.created_ns,
        }
        try:
            async with self._db.write() as connection:
                await connection.execute(delete(pairings).where(over | (pairings.c.key_sha256 == pairing.key_sha256)))
                await connection.execute(insert(pairings), values)
        except IntegrityError as error:
            raise ConflictError("the code is taken") from error

    async def by_code(self, code: str, now_ns: int) -> Pairing | None:
        """The one that shows this code, unless it is over."""
        return await self._one(pairings.c.code == code, now_ns)

    async def by_key(self, key_sha256: str, now_ns: int) -> Pairing | None:
        """The one of a key, unless it is over."""
        return await self._one(pairings.c.key_sha256 == key_sha256, now_ns)

    async def _one(self, which: Any, now_ns: int) -> Pairing | None:
        statement = select(pairings).where(which, pairings.c.created_ns > now_ns - CODE_TTL_NS)
        async with self._db.read() as connection:
            row = (await connection.execute(statement)).first()
        return None if row is None else _pairing(row)


def _pairing(row: Row[Any]) -> Pairing:
    return Pairing(row.code, row.key_sha256, row.address, row.created_ns)
