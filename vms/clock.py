"""Time, passed in everywhere and never read from a global, so that tests move it by hand.

Wall time is UTC in nanoseconds; monotonic time counts from boot. No thread of its own.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from pathlib import Path
from typing import Protocol

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class Clock(Protocol):
    """What every part of the system knows of time."""

    def now_ns(self) -> int:
        """Wall time, UTC, nanoseconds since 1970; may step."""

    def mono_ns(self) -> int:
        """Monotonic time in nanoseconds; never steps, unrelated to wall time."""

    async def sleep(self, seconds: float) -> None:
        """Wait; cancelled as any coroutine."""


class SystemClock:
    """The machine's own clock."""

    def now_ns(self) -> int:
        """Wall time of the machine in nanoseconds."""
        return time.time_ns()

    def mono_ns(self) -> int:
        """CLOCK_MONOTONIC in nanoseconds."""
        return time.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        """asyncio.sleep."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock for tests: stands still until `advance`; `step` moves the wall time alone, as an admin or NTP would."""

    def __init__(self, now_ns: int = 1_790_000_000 * NS_PER_S) -> None:
        self._wall_ns = now_ns
        self._mono_ns = 0
        self._order = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_ns(self) -> int:
        """The wall time set last."""
        return self._wall_ns

    def mono_ns(self) -> int:
        """The sum of all advances."""
        return self._mono_ns

    async def sleep(self, seconds: float) -> None:
        """Wait until `advance` has moved the clock that far; not at all for zero or less."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        until = self._mono_ns + int(seconds * NS_PER_S)
        heapq.heappush(self._waiting, (until, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move both clocks, waking sleepers in the order of their time and letting each run before the next."""
        target = self._mono_ns + int(seconds * NS_PER_S)
        await _settle()
        while self._waiting and self._waiting[0][0] <= target:
            until, _, future = heapq.heappop(self._waiting)
            self._move(until - self._mono_ns)
            if not future.done():
                future.set_result(None)
                await _settle()
        self._move(target - self._mono_ns)
        await _settle()

    def step(self, seconds: float) -> None:
        """Move the wall clock alone."""
        self._wall_ns += int(seconds * NS_PER_S)

    def _move(self, delta_ns: int) -> None:
        self._mono_ns += delta_ns
        self._wall_ns += delta_ns


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def boot_id() -> str:
    """The kernel's id of this boot, empty where there is none; it says to which boot a monotonic time belongs."""
    path = Path("/proc/sys/kernel/random/boot_id")
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
