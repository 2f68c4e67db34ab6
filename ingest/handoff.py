"""From the threads of the sessions to the event loop: the only thread boundary of the live path.

Waking the loop from a thread costs more than all else done for an access unit (40 µs of 150, measured). So all Streams
of a node share one `Mailbox` with at most one wake-up pending; and while much comes, the loop looks by itself every
3 ms, or 10 while nobody watches, and no thread wakes it. The threads call `put` and read `backlog_bytes`; everything
else happens on the loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

T = TypeVar("T")

LOOK_S = 0.003
UNWATCHED_LOOK_S = 0.01
# Batches delivered before others may use the loop: about 5 ms of work.
AT_ONCE = 256


class Mailbox:
    """What all sessions of a node put, delivered in order."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: deque[tuple[Handoff[Any], list[Any], int]] = deque()
        self._awake = False
        self.look_s = LOOK_S

    def open(self, deliver: Callable[[list[T]], None]) -> Handoff[T]:
        """A way in for one session; called on the loop."""
        self._loop = asyncio.get_running_loop()
        return Handoff(self, deliver)

    def put(self, handoff: Handoff[Any], items: list[Any], size_bytes: int) -> None:
        """Called by Handoff.put, from a thread. Never waits."""
        self._queue.append((handoff, items, size_bytes))
        if not self._awake and self._loop is not None:
            self._awake = True
            with suppress(RuntimeError):  # the loop is closed: the process ends
                self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        delivered = 0
        while self._queue and delivered < AT_ONCE:
            handoff, items, size_bytes = self._queue.popleft()
            delivered += 1
            handoff.deliver(items, size_bytes)
        if self._loop is None:
            return
        if delivered == AT_ONCE:
            self._loop.call_soon(self._drain)
        elif delivered:
            self._loop.call_later(self.look_s, self._drain)
        else:
            # A thread may have put something between the last look and this line, and not woken the loop.
            self._awake = False
            if self._queue:
                self._awake = True
                self._loop.call_soon(self._drain)


class Handoff(Generic[T]):
    """One session's way in. After `close` nothing is delivered: a thread that goes on does so into the void."""

    def __init__(self, mailbox: Mailbox, deliver: Callable[[list[T]], None]) -> None:
        self._mailbox = mailbox
        self._deliver = deliver
        self._closed = False
        # One counter per side, so that neither needs a lock.
        self._put_bytes = 0
        self._delivered_bytes = 0

    @property
    def backlog_bytes(self) -> int:
        """What was put and not yet delivered."""
        return self._put_bytes - self._delivered_bytes

    def put(self, items: list[T], size_bytes: int) -> None:
        """Hand over, from the thread."""
        self._put_bytes += size_bytes
        self._mailbox.put(self, items, size_bytes)

    def close(self) -> None:
        """Deliver nothing more; idempotent."""
        self._closed = True

    def deliver(self, items: list[T], size_bytes: int) -> None:
        """Called by the mailbox."""
        self._delivered_bytes += size_bytes
        if not self._closed:
            self._deliver(items)
