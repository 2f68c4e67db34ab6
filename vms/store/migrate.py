"""Brings a database to the schema of this version by Alembic. Async and bounded; the work runs in a thread of its own
with an event loop and connection of its own, so that neither the loop nor the driver matters to the caller."""

from __future__ import annotations

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from vms.errors import CatalogueError
from vms.store.database import plain_error, sqlite_engine

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
    return await asyncio.to_thread(lambda: asyncio.run(_upgrade(url)))


async def _upgrade(url: URL) -> tuple[str | None, str]:
    if url.get_backend_name() == "sqlite":
        engine = sqlite_engine(url, size=1, begin="BEGIN IMMEDIATE")
    else:
        engine = create_async_engine(url, hide_parameters=True)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(_upgrade_connection)
    except (SQLAlchemyError, OSError) as error:
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
