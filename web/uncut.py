"""Work that is finished even when who waits for it is cancelled.

A query that is cut in the middle leaves its connection to the garbage collector (SQLAlchemy, asyncio): what may be
cancelled at any moment, as the tasks of a socket are, asks the catalogue through here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def uncut(work: Coroutine[Any, Any, T]) -> T:
    """The result of the work. Cancelled meanwhile: CancelledError, once the work is done."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
