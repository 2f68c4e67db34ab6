"""Watching across the line, without a line: Watch and Feed on one bus for requests and a slow one for Packets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ingest.watch import Watch
from tests.cluster.watching import Camera, FakeFleet, site, watched
from vms.bus.base import Value
from vms.bus.memory import MemoryBus
from vms.clock import NS_PER_S, ManualClock
from vms.domain.media import Packet


class SlowBus(MemoryBus):
    """Events of `media` arrive after a while, at a rate, in order; none while it is cut."""

    def __init__(self, clock: ManualClock, rate_bps: int, delay_s: float) -> None:
        super().__init__()
        self.clock, self.rate_bps, self.delay_s = clock, rate_bps, delay_s
        self.cut = False
        self.bytes = 0
        self._free_ns = 0
        self._slow: set[asyncio.Task[None]] = set()

    def publish(self, subject: str, value: Value) -> None:
        """Later."""
        if not subject.startswith("media."):
            super().publish(subject, value)
            return
        item = value.get("item")
        size = len(item.payload) if isinstance(item, Packet) else 200
        self.bytes += size
        self._free_ns = max(self._free_ns, self.clock.mono_ns()) + size * 8 * NS_PER_S // self.rate_bps
        wait_s = (self._free_ns - self.clock.mono_ns()) / NS_PER_S + self.delay_s
        task = asyncio.create_task(self._later(subject, value, wait_s))
        self._slow.add(task)
        task.add_done_callback(self._slow.discard)

    async def _later(self, subject: str, value: Value, wait_s: float) -> None:
        await self.clock.sleep(wait_s)
        if not self.cut:
            super().publish(subject, value)

    async def close(self) -> None:
        """What is on the way is lost."""
        for task in list(self._slow):
            task.cancel()
        await asyncio.gather(*self._slow, return_exceptions=True)
        await super().close()


class Far:
    """A site `sampit` with cameras and the center, which watches them."""

    def __init__(self, cameras: list[Camera], rate_bps: int, delay_s: float) -> None:
        self.clock = ManualClock()
        self.bus, self.media = MemoryBus(), SlowBus(self.clock, rate_bps, delay_s)
        self.cameras = cameras
        self.watch: Watch
        self.fleet: FakeFleet
        self.watch, self.fleet = site(self.bus, self.media, self.clock, cameras, "sampit")

    async def advance(self, seconds: float) -> None:
        """In steps, as much happens in each."""
        for _ in range(round(seconds / 0.02)):
            await self.clock.advance(0.02)


@asynccontextmanager
async def far(*cameras: Camera, rate_bps: int = 2_000_000, delay_s: float = 0.15) -> AsyncIterator[Far]:
    """Runs."""
    made = Far(list(cameras), rate_bps, delay_s)
    running = asyncio.create_task(made.watch.run())
    made.fleet.start()
    await made.advance(0.1)
    try:
        yield made
    finally:
        await made.fleet.stop()
        made.watch.stop()
        await asyncio.wait_for(running, 5)
        await made.media.close()
        await made.bus.close()


async def test_a_cached_group_comes_over_the_line_at_once() -> None:
    """The picture of now within a second, although the key frame is over a second ago; then all, in order."""
    camera = Camera("a")
    async with far(camera) as made:
        await made.advance(1.3)
        asked_ns = made.clock.mono_ns()
        async with watched(made.bus, made.media, made.clock, [camera.ref]) as (taker,):
            await made.advance(0.5)
            assert taker.first_ns is not None
            assert taker.first_ns - asked_ns < 0.5 * NS_PER_S
            assert [p.seq for p in taker.feed.gop] == list(range(len(taker.feed.gop)))
            await made.advance(10)
            assert len(taker.ages_ms) >= 150
            assert max(taker.ages_ms) < 400


async def test_however_many_watch_it_crosses_once() -> None:
    """Three streamers at the center: the bytes of one; nobody: none."""
    camera = Camera("a")
    async with far(camera) as made:
        feeds = [watched(made.bus, made.media, made.clock, [camera.ref]) for _ in range(3)]
        assert made.media.bytes == 0
        takers = [(await feed.__aenter__())[0] for feed in feeds]
        await made.advance(3)
        before, sent = made.media.bytes, made.fleet.sent_bytes
        await made.advance(10)
        assert made.media.bytes - before <= 1.01 * (made.fleet.sent_bytes - sent)
        assert all(len(taker.ages_ms) > 150 for taker in takers)
        for feed in feeds:
            await feed.__aexit__(None, None, None)
        before = made.media.bytes
        await made.advance(5)
        assert made.media.bytes == before


async def test_twice_what_the_line_carries() -> None:
    """Fresh pictures only, and those of important cameras above all."""
    cameras = [Camera(f"c{n}", phase_s=n * 0.24, priority=90 if n < 3 else 20) for n in range(8)]
    async with (
        far(*cameras, rate_bps=1_200_000) as made,
        watched(made.bus, made.media, made.clock, [c.ref for c in cameras]) as takers,
    ):
        await made.advance(5)
        for taker in takers:
            taker.ages_ms.clear()
        await made.advance(40)
        for taker in takers:
            assert sorted(taker.ages_ms)[int(len(taker.ages_ms) * 0.95)] < 1500
            assert max(taker.ages_ms) <= 2300
        counts = [len(taker.ages_ms) for taker in takers]
        assert min(counts[:3]) > max(counts[3:])


async def test_a_cut_and_its_end() -> None:
    """Nothing old is shown afterwards, and pictures of now come soon."""
    camera = Camera("a")
    async with far(camera) as made, watched(made.bus, made.media, made.clock, [camera.ref]) as (taker,):
        await made.advance(5)
        made.media.cut = True
        await made.advance(20)
        taker.ages_ms.clear()
        made.media.cut = False
        await made.advance(5)
        assert taker.ages_ms
        assert max(taker.ages_ms) < 1000
