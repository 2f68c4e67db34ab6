"""Brings a database to the schema of this version by Alembic. The work runs in a thread of its own with a connection of
its own (and an event loop of its own where the driver needs one), so that the caller's loop never waits for it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from vms.errors import CatalogueError
from vms.store.database import plain_error, prepare_sqlite
from vms.store.tables import METADATA

_LOCKED_S = 10.0
FOLDER = Path(__file__).parent / "migrations"


def alembic_config() -> Config:
    """Alembic's configuration, without any file of settings."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    return config


async def upgrade(url: URL) -> tuple[str | None, str]:
    """Upgrade to the newest schema; returns (revision before or None, revision after). Safe to call by several
    processes at once and when there is nothing to do. CatalogueError where the schema is newer than this version."""
    return await asyncio.to_thread(_upgrade, url)


def _upgrade(url: URL) -> tuple[str | None, str]:
    try:
        return _upgrade_sqlite(url) if url.get_backend_name() == "sqlite" else asyncio.run(_upgrade_server(url))
    except (SQLAlchemyError, OSError) as error:
        raise plain_error(url, error) from error


def _upgrade_sqlite(url: URL) -> tuple[str | None, str]:
    engine = create_engine(url.set(drivername="sqlite+pysqlite"), hide_parameters=True, poolclass=NullPool)
    prepare_sqlite(engine, begin="BEGIN IMMEDIATE")
    _connect(engine).close()
    with engine.begin() as connection:
        return _upgrade_connection(connection)


def _connect(engine: Engine) -> Connection:
    """The first connection switches a new file to the write-ahead log. Where two do that at once SQLite tells one that
    it is locked, whatever the time-out (sqlite.org/c3ref/busy_handler.html: the handler is not asked where that could
    be a deadlock)."""
    until_s = time.monotonic() + _LOCKED_S
    while True:
        try:
            return engine.connect()
        except OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until_s:
                raise
            time.sleep(0.02)  # SQLite has no event for a lock that is given back; on a thread of its own


async def _upgrade_server(url: URL) -> tuple[str | None, str]:
    from vms.store import postgres

    engine = postgres.migration_engine(url)
    try:
        async with engine.begin() as connection:
            await postgres.prepare(connection, url)
            before, head = await connection.run_sync(_upgrade_connection)
            if before != head:
                await connection.run_sync(postgres.plain_order, [*METADATA.tables, "alembic_version"])
            return before, head
    except postgres.ERRORS as error:
        raise plain_error(url, error) from error
    finally:
        await engine.dispose()


def _upgrade_connection(connection: Connection) -> tuple[str | None, str]:
    config = alembic_config()
    scripts = ScriptDirectory.from_config(config)
    head = scripts.get_current_head()
    if head is None:
        raise CatalogueError("no migrations are installed", hint="Install the package again.")
    before = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if before is not None and before not in known:
        raise CatalogueError(
            f"the catalogue has schema {before}, which this version does not know",
            hint="A newer version made it: install that version, or restore a backup from before.",
        )
    if before != head:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, head
