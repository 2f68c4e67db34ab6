"""What can be seen of a PostgreSQL server: its version, what makes its commits durable, its clock. For `vms doctor`."""

from __future__ import annotations

import time
from dataclasses import dataclass

from vms.errors import CatalogueError
from vms.store.database import parse_url

_ASKED = ("fsync", "full_page_writes", "synchronous_commit", "server_version_num")


@dataclass(frozen=True, slots=True)
class PostgresFacts:
    """`ahead_s`: how far its clock is ahead of ours, `±` half the way there and back."""

    version: int
    fsync: bool
    full_page_writes: bool
    synchronous_commit: str
    is_standby: bool
    ahead_s: float
    unsure_s: float


def is_postgres(url: str) -> bool:
    """Whether the catalogue is one. CatalogueError where the URL is none."""
    return parse_url(url).get_backend_name() == "postgresql"


async def postgres_facts(url: str) -> PostgresFacts:
    """Ask the server, by the settings of the server and the role alone. CatalogueError in plain words."""
    import asyncpg

    from vms.store import postgres

    parsed = parse_url(url)
    dsn = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = await asyncpg.connect(dsn, timeout=4, command_timeout=4)
        try:
            rows = await connection.fetch("SELECT name, setting FROM pg_settings WHERE name = ANY($1)", list(_ASKED))
            sent = time.time()
            now = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
            took = time.time() - sent
            standby = await connection.fetchval("SELECT pg_is_in_recovery()")
        finally:
            await connection.close(timeout=2)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        plain = postgres.plain_error(parsed, error)
        raise (plain if isinstance(plain, CatalogueError) else CatalogueError(plain.message)) from None
    found = {row["name"]: row["setting"] for row in rows}
    return PostgresFacts(
        int(found["server_version_num"]) // 10_000,
        found["fsync"] == "on",
        found["full_page_writes"] == "on",
        found["synchronous_commit"],
        bool(standby),
        float(now) - (sent + took / 2),
        took / 2,
    )
