"""PostgreSQL: how to connect, what must be true of the server, and what its errors mean. Event loop.

Every session is durable whatever server, database or role are set to (synchronous_commit), and every wait is bounded:
to connect, for a lock, for a statement, for a server that says nothing any more. A connection that broke is replaced
when it is next taken from the pool. Imported only where the catalogue is a PostgreSQL: the driver takes its time.
"""

from __future__ import annotations

import ssl
import time
from typing import Any

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, DisconnectionError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from vms.errors import CatalogueError, InputError, VmsError

ERRORS: tuple[type[Exception], ...] = (asyncpg.PostgresError, asyncpg.InterfaceError)
"""What the driver raises where SQLAlchemy does not stand between."""

_BROKEN: tuple[type[Exception], ...] = (*ERRORS, OSError)
_CONNECT_S = 5.0
_STATEMENT_S = 30
_SILENT_S = 35.0
_IDLE_S = 5.0
_SESSION = {
    "application_name": "vms",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    # A client that is gone without a word holds its locks no longer than this.
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
_MIGRATION_LOCK = 0x766D73_02
_AWAY = {"57P01", "57P02", "57P03", "57P05"}
_BUSY = {"55P03", "57014", "40001", "40P01"}
_PLAIN = {
    "28P01": ("{where} refuses the user or its password", "Look at catalogue.url (VMS_CATALOGUE__URL)."),
    "28000": ("{where} refuses the user", "Look at catalogue.url and at PostgreSQL's pg_hba.conf."),
    "3D000": ("there is no database at {where}", "Make it: createdb --encoding=UTF8 --template=template0 NAME"),
    "42501": ("the user may not do this at {where}", "Make it the owner of the database."),
    "53100": ("no room left to write {where}", "Free space on PostgreSQL's disk."),
    "53300": ("{where} takes no more connections", "Raise max_connections of PostgreSQL, or lower catalogue.pool."),
    "25006": ("{where} cannot be written", "It is a standby: name the primary in catalogue.url."),
}


def pool_engine(url: URL, size: int) -> AsyncEngine:
    """Connections for the work of a node, `size` at most."""
    limits = {"statement_timeout": f"{_STATEMENT_S}s", "lock_timeout": "10s"}
    engine = create_async_engine(
        url,
        hide_parameters=True,
        pool_size=size,
        max_overflow=0,
        pool_timeout=30,
        async_creator=_Creator(url, _SILENT_S, limits),
    )
    _replace_broken(engine)
    return engine


def migration_engine(url: URL) -> AsyncEngine:
    """One connection that may take its time: an index on ten million rows is not made in 30 s."""
    limits = {"statement_timeout": "0", "lock_timeout": "0"}
    return create_async_engine(url, hide_parameters=True, poolclass=NullPool, async_creator=_Creator(url, None, limits))


class _Creator:
    """Connects as the URL says. It goes to the driver whole, which knows what libpq knows of URLs: sslmode,
    sslrootcert, several hosts, a socket's folder; what it does not know becomes a setting of the session."""

    def __init__(self, url: URL, silent_s: float | None, limits: dict[str, str]) -> None:
        self._dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._silent_s = silent_s
        self._settings = _SESSION | limits

    async def __call__(self) -> Any:
        return await asyncpg.connect(
            self._dsn, timeout=_CONNECT_S, command_timeout=self._silent_s, server_settings=self._settings
        )


def _replace_broken(engine: AsyncEngine) -> None:
    """What SQLAlchemy's pool_pre_ping does, but for a question at every use: a connection that the server closed is
    known to be closed, and only one that lay idle is asked, because a cut line closes nothing."""

    @event.listens_for(engine.sync_engine, "checkin")
    def _back(_adapted: Any, record: Any) -> None:
        record.info["back_s"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def _taken(adapted: Any, record: Any, _proxy: Any) -> None:
        if adapted.driver_connection.is_closed():
            raise DisconnectionError
        back_s = record.info.get("back_s")
        if back_s is None or time.monotonic() - back_s < _IDLE_S:
            return
        try:
            adapted.run_async(lambda driver: driver.fetchval("SELECT 1", timeout=_CONNECT_S))
        except _BROKEN as error:
            raise InvalidatePoolError from error


async def prepare(connection: AsyncConnection, url: URL) -> None:
    """See that the server is one to trust with a catalogue, and wait until no other node migrates it. CatalogueError
    where it is not."""
    names = ("synchronous_commit", "fsync", "server_encoding", "transaction_read_only")
    asked = ", ".join(f"current_setting('{name}')" for name in names)
    values = dict(zip(names, (await connection.execute(text(f"SELECT {asked}"))).one(), strict=True))
    where = place(url)
    if values["server_encoding"] != "UTF8":
        raise CatalogueError(
            f"{where} keeps text as {values['server_encoding']}, not as UTF8",
            hint="Make the database anew: createdb --encoding=UTF8 --template=template0 NAME",
        )
    if values["fsync"] != "on" or values["synchronous_commit"] != "on":
        raise CatalogueError(
            f"{where} says that rows are kept before they are on the disk",
            hint="Set fsync = on in postgresql.conf; a pooler between must let synchronous_commit = on through.",
        )
    if values["transaction_read_only"] != "off":
        message, hint = _PLAIN["25006"]
        raise CatalogueError(message.format(where=where), hint=hint)
    await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    await connection.execute(text("SET LOCAL lock_timeout = '60s'"))


def plain_order(connection: Any, tables: list[str]) -> None:
    """Compare the texts of our tables by their bytes: the same order as in SQLite, faster, and no index goes wrong when
    the system's next version sorts another way (wiki.postgresql.org/wiki/Locale_data_changes)."""
    found = connection.execute(
        text(
            "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a"
            " JOIN pg_class c ON c.oid = a.attrelid JOIN pg_collation l ON l.oid = a.attcollation"
            " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname = ANY(:tables)"
            " AND a.attnum > 0 AND NOT a.attisdropped AND l.collname = 'default'"
        ),
        {"tables": tables},
    )
    changes: dict[str, list[str]] = {}
    for table, column, kind in found:
        changes.setdefault(table, []).append(f'ALTER COLUMN "{column}" TYPE {kind} COLLATE "C"')
    for table, parts in changes.items():
        connection.execute(text(f'ALTER TABLE "{table}" {", ".join(parts)}'))


def place(url: URL) -> str:
    """The database for people: host and name, never user or password."""
    return f"{url.host or url.query.get('host') or 'localhost'}/{url.database or ''}"


def plain_error(url: URL, error: BaseException) -> VmsError:
    """What went wrong, in plain words, without values of the statement. InputError: no database could hold it."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    driver = cause.__cause__ or cause
    state = str(getattr(cause, "sqlstate", None) or "")
    where = place(url)
    if state[:2] == "22" or isinstance(driver, asyncpg.DataError):
        return InputError("a text or a number does not fit into the catalogue, or is none")
    if isinstance(error, PoolTimeoutError) or state in _BUSY:
        return CatalogueError(
            "the catalogue is too busy", hint="Look at the load of PostgreSQL, and at catalogue.pool."
        )
    if state in _PLAIN:
        message, hint = _PLAIN[state]
        return CatalogueError(message.format(where=where), hint=hint)
    if isinstance(driver, asyncpg.exceptions.ClientConfigurationError):
        return CatalogueError(f"the database URL cannot be used: {driver.args[0]}", hint="Look at catalogue.url.")
    if isinstance(driver, ssl.SSLError):
        return CatalogueError(
            f"no trusted connection to the catalogue at {where}",
            hint="Look at sslmode and sslrootcert in catalogue.url, and at the server's certificate.",
        )
    if isinstance(driver, FileNotFoundError):
        return CatalogueError(
            f"no connection to the catalogue at {where}: a file that the URL names is missing",
            hint="Look at sslrootcert, or at the socket's folder, in catalogue.url.",
        )
    if state[:2] == "08" or state in _AWAY or _is_broken(cause, driver):
        return CatalogueError(
            f"the catalogue at {where} cannot be reached", hint="Look whether PostgreSQL runs, and at the line to it."
        )
    said = driver.args[0] if driver.args else type(driver).__name__  # without DETAIL, which has values
    return CatalogueError(f"the catalogue failed: {said}", hint=f"PostgreSQL's log says more ({state}).")


def _is_broken(cause: BaseException, driver: BaseException) -> bool:
    """The driver's own errors are of connections that are closed, closing or not understood."""
    kinds = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)
    return isinstance(cause, OSError | DisconnectionError) or isinstance(driver, kinds)
