"""What can be seen of a catalogue without changing anything: of a PostgreSQL server its version, what makes its commits
durable, its clock (`vms doctor`); of any its schema and how many rows it has (`vms migrate --check`)."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import func, select

from vms.errors import CatalogueError
from vms.store.database import parse_url, plain_error
from vms.store.table_rows import TableRows
from vms.store.tables import METADATA

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


async def rows_seen(url: str) -> tuple[str, dict[str, int]]:
    """Its schema, empty where there is none yet, and how many rows `vms migrate` brings of each table. CatalogueError
    in plain words."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        try:
            return await asyncio.to_thread(_sqlite_rows, Path(parsed.database or ""))
        except sqlite3.Error as error:
            raise plain_error(parsed, error) from None
    import asyncpg

    from vms.store import postgres

    dsn = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = await asyncpg.connect(dsn, timeout=4)
        try:
            here = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
            known = {row["tablename"] for row in here}
            if "alembic_version" not in known:
                return "", {}
            schema = str(await connection.fetchval("SELECT version_num FROM alembic_version"))
            counts = {
                table: int(await connection.fetchval(_counting(table)))
                for table in TableRows.tables()
                if table in known
            }
        finally:
            await connection.close(timeout=2)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise postgres.plain_error(parsed, error) from None
    return schema, counts


def _sqlite_rows(file: Path) -> tuple[str, dict[str, int]]:
    if not file.exists():
        return "", {}
    with closing(sqlite3.connect(f"file:{quote(str(file.absolute()))}?mode=ro", uri=True)) as connection:
        known = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "alembic_version" not in known:
            return "", {}
        schema = str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
        tables = [table for table in TableRows.tables() if table in known]
        counts = {table: int(connection.execute(_counting(table)).fetchone()[0]) for table in tables}
    return schema, counts


def _counting(table: str) -> str:
    return str(select(func.count()).select_from(METADATA.tables[table]))
