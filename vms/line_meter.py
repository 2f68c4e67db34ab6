"""Live bytes that this node sends over the line of its Site, of the last seconds. Event loop.

What a zone watches from afar is counted where it leaves (ingest/bridge); uploads take what it leaves them.
"""

from __future__ import annotations

from collections import deque

from vms import metrics
from vms.clock import NS_PER_S, Clock

WINDOW_S = 3.0
_STEP_NS = NS_PER_S // 4


class LineMeter:
    """A window of some groups of pictures: a key frame alone is no change."""

    def __init__(self, clock: Clock, window_s: float = WINDOW_S) -> None:
        self._clock = clock
        self._window_ns = int(window_s * NS_PER_S)
        self._sums: deque[tuple[int, int]] = deque()

    def sent(self, size: int) -> None:
        """So many bytes leave."""
        metrics.LINE_BYTES.inc(size)
        step = self._clock.mono_ns() // _STEP_NS
        if self._sums and self._sums[-1][0] == step:
            size += self._sums.pop()[1]
        self._sums.append((step, size))

    @property
    def bytes_per_s(self) -> float:
        """On average over the window."""
        oldest = (self._clock.mono_ns() - self._window_ns) // _STEP_NS
        while self._sums and self._sums[0][0] <= oldest:
            self._sums.popleft()
        return sum(size for _, size in self._sums) * NS_PER_S / self._window_ns
