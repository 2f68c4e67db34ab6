"""Blocking work in a daemon thread of its own, waited for only so long: libav and DNS cannot be interrupted.

A thread that is left behind ends by its own time-outs; being a daemon it never holds the process up.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T], name: str, timeout_s: float) -> T:
    """The result or exception of `work`; TimeoutError when it takes longer."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # T may itself be optional

    def run() -> None:
        try:
            result, error = work(), None
        except Exception as raised:  # noqa: BLE001  # carried to the one who waits
            result, error = None, raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    async with asyncio.timeout(timeout_s):
        return await future
