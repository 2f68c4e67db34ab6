"""One timer for all streams: wakes when the next frame of any of them is due, and every 100 ms for the logs.

On the event loop; a wake-up is synchronous and short.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Sequence

from vms.clock import NS_PER_MS, NS_PER_S
from vms.simulator.feed import Feed

_FLUSH_NS = 100 * NS_PER_MS
# epoll wakes to the millisecond: what is due within half of one is sent now
_EARLY_NS = NS_PER_MS // 2


class Pacer:
    """Drives the feeds, each at a phase of its own so that their frames do not fall together."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._feeds = list(feeds)
        self._due: list[tuple[int, int]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._flush_ns = 0

    def start(self) -> None:
        """Frame 0 of each stream is due within one frame from now."""
        now_ns = time.monotonic_ns()
        for i, feed in enumerate(self._feeds):
            feed.start(now_ns + i * NS_PER_S // (len(self._feeds) * feed.clip.picture.fps))
            heapq.heappush(self._due, (feed.due_ns, i))
        self._wake()

    def stop(self) -> None:
        """No frame is sent after this; safe to call twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        try:
            self._advance(time.monotonic_ns() + _EARLY_NS)
        finally:
            # whatever one stream met, the others go on
            next_ns = min(self._due[0][0], self._flush_ns) if self._due else self._flush_ns
            delay_s = max(0, next_ns - time.monotonic_ns()) / NS_PER_S
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._wake)

    def _advance(self, now_ns: int) -> None:
        due = self._due
        while due and due[0][0] <= now_ns:
            i = due[0][1]
            feed = self._feeds[i]
            feed.advance(now_ns)
            heapq.heapreplace(due, (feed.due_ns, i))
        if now_ns >= self._flush_ns:
            self._flush_ns = now_ns + _FLUSH_NS
            self._flush()

    def _flush(self) -> None:
        for feed in self._feeds:
            for viewer in feed.viewers:
                viewer.settle()
            feed.log.flush()
