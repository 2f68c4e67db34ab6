"""Rows of sprites: hours of which small pictures are kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, delete, exists, or_, select

from vms.clock import NS_PER_S
from vms.domain.sprite import HOUR_NS, Sprite
from vms.store.database import Database
from vms.store.tables import segments, sprites

_LONGEST_NS = 600 * NS_PER_S
"""No Segment is longer (`segment_s`, 300 at most), so that what begins earlier does not reach into an hour."""


class Sprites:
    """Which hours have one, and which are without footage by now."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def put(self, sprite: Sprite) -> bool:
        """Insert, or replace where `rev` is greater; False where it is not."""
        async with self._db.write() as connection:
            return await self._db.upsert(connection, sprites, asdict(sprite))

    async def near(self, camera: str, at_ns: int, within_ns: int) -> list[Sprite]:
        """Those of hours that hold a moment not further from an instant than that, oldest first."""
        c = sprites.c
        wanted = (c.camera == camera, c.start_ns > at_ns - within_ns - HOUR_NS, c.start_ns <= at_ns + within_ns)
        return await self._db.rows(select(sprites).where(*wanted).order_by(c.start_ns, c.node), _sprites)

    async def bare(self, camera: str, before_ns: int, limit: int) -> list[Sprite]:
        """Those of hours that ended before a time and of which no Segment is kept, oldest first."""
        c, d = sprites.c, segments.c
        kept = exists().where(
            d.camera == c.camera,
            or_(d.stream == "main", d.stream == "sub"),
            d.start_ns >= c.start_ns - _LONGEST_NS,
            d.start_ns < c.start_ns + HOUR_NS,
            d.end_ns > c.start_ns,
            d.state != "expired",
        )
        statement = select(sprites).where(c.camera == camera, c.start_ns < before_ns - HOUR_NS, ~kept)
        return await self._db.rows(statement.order_by(c.start_ns).limit(limit), _sprites)

    async def remove(self, sprite: Sprite) -> None:
        """Delete the row."""
        c = sprites.c
        gone = delete(sprites).where(c.camera == sprite.camera, c.start_ns == sprite.start_ns, c.node == sprite.node)
        async with self._db.write() as connection:
            await connection.execute(gone)


def _sprites(rows: Iterable[Row[Any]]) -> list[Sprite]:
    return [
        Sprite(
            row.camera,
            row.start_ns,
            row.node,
            row.site,
            row.store,
            row.end_ns,
            row.pictures,
            row.size_bytes,
            row.rev,
        )
        for row in rows
    ]
