"""Numbers of cameras: the next one at registration, and those of cameras from before there were numbers. Async.

A number is never given twice, so the greatest of all rows counts, removed cameras too. Only where cameras are
registered, alone or at the center; a site's catalogue gets them with the rows.
"""

from __future__ import annotations

import re
import unicodedata

from sqlalchemy import func, select, update

from vms.store.connection import Connection
from vms.store.database import Database
from vms.store.notes import Role
from vms.store.tables import cameras, sites

_LOCK = "cameras.number"


async def next_number(db: Database, connection: Connection) -> int:
    """The number of a camera that this transaction registers; others that register wait until it ends."""
    await db.alone(connection, _LOCK)
    greatest = (await connection.execute(select(func.max(cameras.c.number)))).scalar_one()
    return int(greatest or 0) + 1


async def number_all(db: Database) -> None:
    """Number the cameras that have none in the order that lists show them: by site, then name. Nothing at a site."""
    options = db.notes.options
    if options is not None and options.role is Role.SITE:
        return
    c = cameras.c
    missing = select(c.id, c.site, c.name, sites.c.name.label("site_name")).join(sites, sites.c.id == c.site)
    missing = missing.where(c.number.is_(None), c.deleted_ns.is_(None))
    async with db.read() as connection:
        if (await connection.execute(missing.limit(1))).first() is None:
            return
    async with db.write() as connection:
        number = await next_number(db, connection)
        rows = (await connection.execute(missing)).all()
        for row in sorted(rows, key=lambda row: (_as_read(row.site_name), _as_read(row.name), row.id)):
            await db.notes.note(connection, cameras, {"id": row.id, "site": row.site})
            await connection.execute(update(cameras).where(c.id == row.id).values(number=number, rev=c.rev + 1))
            number += 1


def _as_read(name: str) -> list[tuple[int, str]]:
    """A key that sorts names as people read them: `Pintu 2` before `Pintu 10`, capitals and accents as none."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name).casefold() if not unicodedata.combining(c))
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", plain, flags=re.ASCII)]
