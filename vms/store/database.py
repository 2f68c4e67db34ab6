"""Engines, transactions and upserts: the one place that knows which database it is.

SQLite: WAL, synchronous=FULL (a commit is on the disk when it returns), writes one after the other through a connection
of their own that begins IMMEDIATE, so that no write ever fails because another began earlier; reads beside them on a
small pool. PostgreSQL: one pool for both (vms/store/postgres.py). SQL errors leave as CatalogueError without statement
values; what no database could hold is an InputError, and so is a text with NUL, which one of them could.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Column, CursorResult, Row, Select, Table, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from vms.errors import CatalogueError, InputError, VmsError
from vms.store.connection import Connection, connected, uncut
from vms.store.notes import Notes, OutboxOptions

POOL = 10
"""Connections to PostgreSQL at most, where nobody says how many."""
_Out = TypeVar("_Out")
_READERS = 4
_PART_ROWS = 500
_GRACE_S = 0.2
_APART = 4
"""Connections that are held for long, beside the pool: one for each duty (vms/store/turns.py)."""
_ALONE_LOCK = 0x766D73
_URL_HINT = "For example postgresql://vms:PASSWORD@10.20.0.5/vms or sqlite:////var/lib/vms/vms.db"
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=10000",
)


def parse_url(text: str) -> URL:
    """A database URL with its async driver; `sqlite:///file` and `postgresql://…` are enough. CatalogueError else."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # whose words may have the password
        raise CatalogueError("the database URL cannot be read", hint=_URL_HINT) from None
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:" or "mode=memory" in url.query:
            raise CatalogueError("the catalogue needs a file", hint="For example sqlite:////var/lib/vms/vms.db")
        return url.set(drivername="sqlite+aiosqlite")
    if url.drivername in {"postgresql", "postgres", "postgresql+asyncpg"}:
        return url.set(drivername="postgresql+asyncpg")
    raise CatalogueError(f"no catalogue can be kept in {url.drivername}", hint=_URL_HINT)


class Database:
    """Connections to one database. `read()` sees what is committed; `write()` is one transaction."""

    def __init__(self, url: URL, outbox: OutboxOptions | None = None, pool: int = POOL) -> None:
        self.url = url
        self.notes = Notes(outbox)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        # Making a statement takes as long as running it.
        self._upserts: dict[tuple[str, ...], sqlite.Insert | postgresql.Insert] = {}
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="catalogue")
        self._plain = _Plain(url)
        self._grace_s: float | None = None
        if self.is_sqlite:
            self._writer = _sqlite_engine(url, size=1, begin="BEGIN IMMEDIATE")
            self._reader = self._apart = _sqlite_engine(url, size=_READERS, begin=None)
        else:
            from vms.store import postgres

            self._writer = postgres.pool_engine(url, pool)
            self._reader = self._writer.execution_options(isolation_level="AUTOCOMMIT")
            self._apart = postgres.pool_engine(url, _APART).execution_options(isolation_level="AUTOCOMMIT")
            self._grace_s, self._plain = _GRACE_S, _Plain(url, postgres.ERRORS)
        event.listen(self._writer.sync_engine, "before_cursor_execute", _refuse_nul)
        event.listen(self._reader.sync_engine, "before_cursor_execute", _refuse_nul)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A connection to read with, each statement by itself."""
        async with self._plain, connected(self._reader, self._grace_s) as connection:
            yield Connection(connection, self._grace_s)

    @asynccontextmanager
    async def apart(self) -> AsyncIterator[Connection]:
        """A connection that may be held for hours: on PostgreSQL none of the pool, whose others wait for each other."""
        async with self._plain, connected(self._apart, self._grace_s) as connection:
            yield Connection(connection, self._grace_s)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        """A transaction: committed, and on the disk, when the block ends; rolled back when it raises. Where the
        connection broke while it was being committed, an error says so, and the transaction may hold or not. An
        IntegrityError leaves as it is, for who knows what it means."""
        async with self._plain, connected(self._writer, self._grace_s) as connection:
            await uncut(_begin(connection))
            opened = Connection(connection, self._grace_s)
            yield opened
            await uncut(connection.commit())
            self.notes.committed(opened)

    async def rows(
        self,
        statement: Select[Any],
        convert: Callable[[Iterable[Row[Any]]], list[_Out]],
        values: Mapping[str, Any] | None = None,
    ) -> list[_Out]:
        """The rows of a query, converted on the catalogue's thread: they may be many."""
        async with self.read() as connection:
            found = await connection.execute(statement, values)
            return await uncut(self._off_loop(found, convert))

    async def _off_loop(
        self, found: CursorResult[Any], convert: Callable[[Iterable[Row[Any]]], list[_Out]]
    ) -> list[_Out]:
        def work() -> list[_Out]:
            return [row for part in found.partitions(_PART_ROWS) for row in convert(part)]

        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def alone(self, connection: Connection, name: str) -> None:
        """Until the transaction ends no other that says the same name goes on from here: for who writes the next number
        after the last. SQLite has one writer at a time anyhow."""
        if not self.is_sqlite:
            await connection.execute(select(func.pg_advisory_xact_lock(_ALONE_LOCK, func.hashtext(name))))

    async def upsert(self, connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
        """Insert a fact, or replace the row with the same primary key if its `rev` is smaller; says whether it did.
        What was done is noted in the outbox. ForbiddenError where the table is read-only here."""
        self.notes.guard(table)
        kind = (table.name, *values)
        statement = self._upserts.get(kind)
        if statement is None:
            statement = self._upserts[kind] = self._upsert(table, values)
        result = await connection.execute(statement, dict(values))
        if result.rowcount <= 0:
            return False
        await self.notes.note(connection, table, values)
        return True

    def _upsert(self, table: Table, names: Iterable[str]) -> sqlite.Insert | postgresql.Insert:
        insert = (sqlite.insert if self.is_sqlite else postgresql.insert)(table)
        key: Sequence[Column[Any]] = list(table.primary_key.columns)
        fixed = {column.name for column in key}
        return insert.on_conflict_do_update(
            index_elements=list(key),
            set_={name: insert.excluded[name] for name in names if name not in fixed},
            where=insert.excluded.rev > table.c.rev if "rev" in table.c else None,
        )

    async def close(self) -> None:
        """Give all connections back; idempotent."""
        await self._writer.dispose()
        await (self._reader if self.is_sqlite else self._apart).dispose()
        await asyncio.get_running_loop().run_in_executor(None, self._executor.shutdown)


def prepare_sqlite(engine: Engine, *, begin: str | None) -> None:
    """Set our pragmas on every connection of an engine; its transactions open with `begin`.

    Python's own implicit BEGIN is switched off: it comes late and DEFERRED, and a read that turns into a write then
    fails at once with "database is locked" whatever the time-out (sqlite.org/isolation.html, SQLITE_BUSY_SNAPSHOT).
    """

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    if begin is not None:

        @event.listens_for(engine, "begin")
        def _begun(connection: Any) -> None:
            connection.exec_driver_sql(begin)


def _sqlite_engine(url: URL, *, size: int, begin: str | None) -> AsyncEngine:
    engine = create_async_engine(
        url, hide_parameters=True, pool_size=size, max_overflow=0, pool_timeout=30, connect_args={"timeout": 10}
    )
    prepare_sqlite(engine.sync_engine, begin=begin)
    return engine if begin is not None else engine.execution_options(isolation_level="AUTOCOMMIT")


def _refuse_nul(_connection: Any, _cursor: Any, _statement: str, values: Any, *_more: Any) -> None:
    """One database keeps a NUL and another does not: so that a row can travel, none does."""
    for row in values if values and isinstance(values[0], tuple | list) else (values,):
        if any(isinstance(value, str) and "\0" in value for value in row):
            raise InputError("a text with a NUL character can neither be kept nor looked up")


async def _begin(connection: AsyncConnection) -> None:
    await connection.begin()


class _Plain:
    """Turns what the database, or its driver by itself, raises inside the block into an error in plain words."""

    def __init__(self, url: URL, driver: tuple[type[Exception], ...] = ()) -> None:
        self._url = url
        self._kinds = (SQLAlchemyError, OSError, *driver)

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, UnicodeEncodeError | OverflowError):
            raise InputError("a text that is no Unicode, or a number beyond 64 bits, cannot be looked up") from error
        if error is None or isinstance(error, IntegrityError) or not isinstance(error, self._kinds):
            return
        plain = plain_error(self._url, error)
        raise plain from (None if isinstance(plain, InputError) else error)  # whose words have the value


def plain_error(url: URL, error: BaseException) -> VmsError:
    """What went wrong with the database, in plain words, without values of the statement."""
    if url.get_backend_name() != "sqlite":
        from vms.store import postgres

        return postgres.plain_error(url, error)
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    text, where = str(cause), url.database
    if isinstance(error, PoolTimeoutError | asyncio.TimeoutError):
        return CatalogueError("the catalogue is too busy", hint="Look at the load of its disk.")
    if "not a database" in text or "malformed" in text:
        return CatalogueError(f"{where} is not a catalogue, or it is damaged", hint="Restore it from a backup.")
    if "unable to open" in text or isinstance(cause, OSError):
        return CatalogueError(f"cannot open {where}", hint=_hint_of_path(where or ""))
    if "readonly" in text or "attempt to write" in text:
        return CatalogueError(f"{where} cannot be written", hint="Look at the owner and rights of file and folder.")
    if "disk is full" in text or "disk full" in text:
        return CatalogueError(f"no room left to write {where}", hint="Free space on the disk.")
    if "locked" in text:
        return CatalogueError(f"{where} is locked by another process", hint="Stop the other process.")
    return CatalogueError(f"the catalogue failed: {text}")


def _hint_of_path(where: str) -> str:
    folder = Path(where).parent
    return "Look at its rights." if folder.is_dir() else f"The folder {folder} does not exist."
