"""The pace of bursts to one viewer: a bucket of bytes shared by its tiles, because a browser's socket buffer is small.

Its tiles take turns, each with one batch. Live Packets only count, unless they are large. Where they alone are more
than the pace, what is paced waits for a moment and no longer: else it would wait ever longer. No waiting here.
"""

from __future__ import annotations

from vms.clock import NS_PER_S, Clock

_LONGEST_NS = NS_PER_S // 4


class Pacer:
    """`free_bytes` may go at once, the rest at `bytes_s`."""

    def __init__(self, clock: Clock, bytes_s: int, free_bytes: int) -> None:
        self._clock = clock
        self._bytes_s = bytes_s
        self._free_ns = free_bytes * NS_PER_S // bytes_s
        self._busy_until_ns = 0

    def count(self, size_bytes: int) -> int:
        """Take `size_bytes`; how many nanoseconds to wait before sending them, 0 for not at all."""
        now_ns = self._clock.mono_ns()
        busy_until_ns = max(self._busy_until_ns, now_ns) + size_bytes * NS_PER_S // self._bytes_s
        self._busy_until_ns = min(busy_until_ns, now_ns + self._free_ns + _LONGEST_NS)
        return max(0, self._busy_until_ns - now_ns - self._free_ns)
