"""From a worker's thread to the event loop: a queue and at most one pending wake-up. The only thread boundary.

The thread calls `put` and `backlog_bytes`; everything else happens on the loop. After `close` nothing is delivered:
a thread that goes on for a while delivers into the void.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Handoff(Generic[T]):
    """Delivers batches in order."""

    def __init__(self, loop: asyncio.AbstractEventLoop, deliver: Callable[[list[T]], None]) -> None:
        self._loop = loop
        self._deliver = deliver
        self._queue: deque[tuple[list[T], int]] = deque()
        self._pending = False
        self._closed = False
        # One counter per side, so that neither needs a lock.
        self._put_bytes = 0
        self._delivered_bytes = 0

    @property
    def backlog_bytes(self) -> int:
        """What was put and not yet delivered."""
        return self._put_bytes - self._delivered_bytes

    def put(self, items: list[T], size_bytes: int) -> None:
        """Hand over, from the thread. Never waits."""
        self._put_bytes += size_bytes
        self._queue.append((items, size_bytes))
        # The order matters: `_drain` clears the flag before it empties the queue, so nothing is left behind.
        if not self._pending:
            self._pending = True
            with suppress(RuntimeError):  # the loop is closed: the process ends
                self._loop.call_soon_threadsafe(self._drain)

    def close(self) -> None:
        """Deliver nothing more; idempotent."""
        self._closed = True
        self._queue.clear()

    def _drain(self) -> None:
        self._pending = False
        while self._queue and not self._closed:
            items, size_bytes = self._queue.popleft()
            self._delivered_bytes += size_bytes
            self._deliver(items)
