"""All feeds of the process: one per watched Stream however many watch it, kept for a while after the last one left.

What browsers cannot play is shared in the same way: `transcoder`. Event loop only.
"""

from __future__ import annotations

import asyncio

from streamer.acks import Acks
from streamer.arriving import Buses
from streamer.feed import Feed
from streamer.options import StreamerOptions
from streamer.transcoder.transcoder import Transcoder
from vms.bus.base import Bus
from vms.clock import Clock
from vms.domain.camera import StreamRef


class Fanout:
    """`acquire` and `release` come in pairs."""

    def __init__(self, bus: Bus, clock: Clock, options: StreamerOptions, media: Bus | None = None) -> None:
        self._buses = Buses(bus, media or bus)
        self._clock, self._options = clock, options
        self._acks = Acks(bus, clock, options.zone, options.ack_s)
        self._feeds: dict[StreamRef, Feed] = {}
        self._users: dict[StreamRef, int] = {}
        self._lingering: dict[StreamRef, asyncio.Task[None]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.transcoder = Transcoder(clock, options, self.acquire, self.release)

    @property
    def watched(self) -> list[StreamRef]:
        """The Streams that are watched now, those that linger included."""
        return list(self._feeds)

    def acquire(self, stream: StreamRef) -> Feed:
        """The feed of a Stream; begins to watch it where nobody does yet."""
        lingering = self._lingering.pop(stream, None)
        if lingering is not None:
            lingering.cancel()
        feed = self._feeds.get(stream)
        if feed is None:
            feed = self._feeds[stream] = Feed(self._buses, self._clock, stream, self._options, self._acks)
            feed.start()
        self._users[stream] = self._users.get(stream, 0) + 1
        return feed

    def release(self, feed: Feed) -> None:
        """One viewer less; after the last, the feed is closed unless somebody comes back in time."""
        left = self._users[feed.stream] - 1
        self._users[feed.stream] = left
        if left == 0:
            self._lingering[feed.stream] = asyncio.create_task(self._linger(feed), name=f"linger {feed.stream}")

    async def _linger(self, feed: Feed) -> None:
        await self._clock.sleep(self._options.linger_s)
        del self._lingering[feed.stream], self._feeds[feed.stream], self._users[feed.stream]
        closing = asyncio.create_task(feed.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Stop watching everything; idempotent."""
        await self.transcoder.close()
        tasks = list(self._lingering.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        feeds = list(self._feeds.values())
        self._lingering.clear()
        self._feeds.clear()
        self._users.clear()
        await asyncio.gather(*(feed.close() for feed in feeds), *self._closing)
        await self._acks.close()
