"""The pace of bursts to one viewer: a bucket of bytes shared by its tiles, because a browser's socket buffer is small.

Its tiles take turns, so that their bursts never go out in one turn of the event loop. Live Packets only count, they
never wait. Event loop only.
"""

from __future__ import annotations

import asyncio

from vms.clock import NS_PER_S, Clock


class Pacer:
    """`free_bytes` may go at once, the rest at `bytes_s`."""

    def __init__(self, clock: Clock, bytes_s: int, free_bytes: int) -> None:
        self._clock = clock
        self._bytes_s = bytes_s
        self._free_ns = free_bytes * NS_PER_S // bytes_s
        self._busy_until_ns = 0
        self._turn = asyncio.Lock()

    async def turn(self, size_bytes: int) -> None:
        """Wait until `size_bytes` of a burst may go; first come, first served."""
        async with self._turn:
            wait_s = self.count(size_bytes)
            if wait_s:
                await self._clock.sleep(wait_s)

    def count(self, size_bytes: int) -> float:
        """Take `size_bytes`; the seconds to wait before sending them, 0 for at once."""
        now_ns = self._clock.mono_ns()
        self._busy_until_ns = max(self._busy_until_ns, now_ns) + size_bytes * NS_PER_S // self._bytes_s
        return max(0, self._busy_until_ns - now_ns - self._free_ns) / NS_PER_S
