"""A connection whose work is never cut in the middle. Event loop.

A statement that is cancelled while the driver's thread works at it leaves its connection to the garbage collector
(SQLAlchemy, aiosqlite), and a pool of four is soon empty. So each step runs as a task of its own; who is cancelled
meanwhile hears of it when the step is over: within a statement, or the database's time-out.
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

    def __init__(self, inner: AsyncConnection) -> None:
        self._inner = inner
        self.noted = False

    async def execute(
        self, statement: Executable, values: Mapping[str, Any] | list[dict[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Run a statement; its rows are here when this returns."""
        return await uncut(self._inner.execute(statement, values))


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection of the pool, given back whatever happens; a transaction that is not committed is rolled back."""
    opening = asyncio.ensure_future(_open(engine))
    try:
        connection = await uncut(opening)
    except asyncio.CancelledError:
        if not opening.cancelled() and opening.exception() is None:
            await uncut(opening.result().close())
        raise
    try:
        yield connection
    finally:
        await uncut(connection.close())


async def uncut(work: Coroutine[Any, Any, _Result] | asyncio.Task[_Result]) -> _Result:
    """The result of the work. Cancelled meanwhile: CancelledError, once the work is done."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait({task})
            except asyncio.CancelledError:
                continue  # once is enough
        if not task.cancelled():
            task.exception()  # nobody else will ask
        raise


async def _open(engine: AsyncEngine) -> AsyncConnection:
    return await engine.connect()
