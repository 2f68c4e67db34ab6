"""Whose turn it is to send: all tiles of the process one after the other, at most 2 ms in one turn of the event loop.

A tile is woken when it has something; it sends one batch a turn. Tiles that wait for the pace of their viewer come back
by themselves. Event loop only.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Protocol

from streamer.failures import Failures
from vms.clock import Clock

SLICE_NS = 2_000_000


class Sending(Protocol):
    """Who sends. `queued` belongs to the pump."""

    queued: bool

    def step(self) -> bool:
        """Send one batch; whether there is more that may go now."""


class Pump:
    """One per process. `close` ends its waits."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ready: deque[Sending] = deque()
        self._scheduled = False
        self._waits: set[asyncio.Task[None]] = set()
        self._failures = Failures(clock, "a tile could not send", "pump")

    def wake(self, who: Sending) -> None:
        """It has something to send."""
        if not who.queued:
            who.queued = True
            self._ready.append(who)
            if not self._scheduled:
                self._scheduled = True
                asyncio.get_running_loop().call_soon(self._run)

    def wake_later(self, who: Sending, seconds: float) -> None:
        """It may send again in so many seconds."""
        task = asyncio.create_task(self._wait(who, seconds), name="pace")
        self._waits.add(task)
        task.add_done_callback(self._waits.discard)

    async def _wait(self, who: Sending, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self.wake(who)

    def _run(self) -> None:
        ready, until_ns = self._ready, time.perf_counter_ns() + SLICE_NS
        while ready:
            who = ready.popleft()
            who.queued = False
            try:
                more = who.step()
            except Exception as error:  # noqa: BLE001  one viewer's trouble must not stop the others
                self._failures.note(error)
                more = False
            if more and not who.queued:
                who.queued = True
                ready.append(who)
            if time.perf_counter_ns() >= until_ns and ready:
                asyncio.get_running_loop().call_soon(self._run)
                return
        self._scheduled = False

    async def close(self) -> None:
        """Nobody is woken any more; idempotent."""
        self._ready.clear()
        for task in list(self._waits):
            task.cancel()
        await asyncio.gather(*self._waits, return_exceptions=True)
