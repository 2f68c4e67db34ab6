"""A connection whose work is never cut in the middle. Event loop.

A statement that is cancelled while the driver's thread works at it leaves its connection to the garbage collector
(SQLAlchemy, aiosqlite), and a pool of four is soon empty. So each step runs as a task of its own; who is cancelled
meanwhile hears of it when the step is over: within a statement, or the database's time-out. PostgreSQL can be told to
stop: there a step gets `grace_s` to end by itself, then the statement is cancelled and its connection given up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Executable
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_Result = TypeVar("_Result")


class Connection:
    """What the nouns of the catalogue see of a connection. `noted`: its transaction wrote into the outbox."""

    def __init__(self, inner: AsyncConnection, grace_s: float | None = None) -> None:
        self._inner = inner
        self._grace_s = grace_s
        self.noted = False

    async def execute(
        self, statement: Executable, values: Mapping[str, Any] | list[dict[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Run a statement; its rows are here when this returns."""
        return await uncut(self._inner.execute(statement, values), self._grace_s)


@asynccontextmanager
async def connected(engine: AsyncEngine, grace_s: float | None = None) -> AsyncIterator[AsyncConnection]:
    """A connection of the pool, given back whatever happens; a transaction that is not committed is rolled back."""
    opening = asyncio.ensure_future(_open(engine))
    try:
        connection = await uncut(opening, grace_s)
    except asyncio.CancelledError:
        if not opening.cancelled() and opening.exception() is None:
            await uncut(opening.result().close())
        raise
    try:
        yield connection
    except TimeoutError:
        if grace_s is not None:  # a server that says nothing: nothing more is asked on this connection
            await uncut(connection.invalidate())
        raise
    finally:
        await uncut(connection.close())


async def uncut(work: Coroutine[Any, Any, _Result] | asyncio.Task[_Result], grace_s: float | None = None) -> _Result:
    """The result of the work. Cancelled meanwhile: CancelledError, once the work is done; after `grace_s` it is
    cancelled too, where that is given."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                _, going = await asyncio.wait({task}, timeout=grace_s)
            except asyncio.CancelledError:
                continue  # once is enough
            if going:
                task.cancel()
                grace_s = None
        if not task.cancelled():
            task.exception()  # nobody else will ask
        raise


async def _open(engine: AsyncEngine) -> AsyncConnection:
    return await engine.connect()
