"""What a tile's track gives the sender: burst, live, switches, slow viewers. Time is moved by hand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from streamer.options import StreamerOptions
from streamer.pacing import Pacer
from streamer.track import Sink, TileTrack
from tests.streamer.conftest import settle
from vms.clock import ManualClock
from vms.domain.camera import StreamName, StreamRef
from vms.domain.media import Packet

FRAME_NS = 40_000_000


@dataclass
class FakeFeed:
    """A feed as a tile needs it; `run` tells cameras apart."""

    run: str
    clock: ManualClock
    gop: list[Packet] = field(default_factory=list)
    sinks: set[Sink] = field(default_factory=set)
    size: int = 100
    _next: int = 0

    def make(self, *, key: bool = False) -> Packet:
        """The next Packet, captured now, into the cache and to the sinks."""
        n, self._next = self._next, self._next + 1
        ref = StreamRef("cam2222222222222", StreamName.SUB)
        packet = Packet(
            ref, self.run, 0, n, n * 3600, n * 3600, self.clock.now_ns(), key, bytes([0, 0, 1, 5]) * self.size
        )
        if key:
            self.gop = []
        self.gop.append(packet)
        for sink in self.sinks:
            sink.push(packet)
        return packet

    async def gop_of(self, count: int) -> None:
        """A GOP that ends now."""
        for n in range(count):
            if n:
                await self.clock.advance(0.04)
            self.make(key=n == 0)


@dataclass
class Told:
    """What the track told its tile."""

    events: list[object] = field(default_factory=list)

    def switched(self, rtp: int) -> None:
        """See TrackEvents."""
        self.events.append(rtp)

    def arrived(self) -> None:
        """See TrackEvents."""
        self.events.append("arrived")


class Sender:
    """aiortc's sender as far as the track sees it: asks, sends with an origin of its own, asks again."""

    def __init__(self, clock: ManualClock, options: StreamerOptions | None = None, origin: int = 4_294_900_000) -> None:
        options = options or StreamerOptions()
        self.told = Told()
        self.origin = origin
        self.sent: list[int] = []
        self.times: list[int] = []
        self.track = TileTrack(clock, Pacer(clock, options.burst_bytes_s, options.burst_free_bytes), options, self.told)
        self.track.bind(lambda: (self.origin + self.sent[-1]) & 0xFFFFFFFF)
        self.clock = clock
        self.task = asyncio.create_task(self.run())

    async def run(self) -> None:
        """Send for ever."""
        while True:
            packet = await self.track.recv()
            assert packet.pts is not None
            self.sent.append(packet.pts)
            self.times.append(self.clock.mono_ns())

    async def stop(self) -> None:
        """End."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_a_switch_sends_the_gop_at_once_then_live(clock: ManualClock) -> None:
    """The cached GOP goes squeezed to end now, then each Packet at true spacing; RTP time is told with the origin."""
    a = FakeFeed("a", clock)
    await a.gop_of(20)
    sender = Sender(clock)
    sender.track.show(a)
    await settle()
    assert len(sender.sent) == 20
    assert sender.sent[-1] - sender.sent[0] < 3600
    assert sender.told.events == [(sender.origin + sender.sent[0]) & 0xFFFFFFFF, "arrived"]
    for _ in range(5):
        await clock.advance(0.04)
        a.make()
        await settle()
    assert [y - x for x, y in pairwise(sender.sent[19:])] == [3600] * 5
    await sender.stop()


async def test_switching_back_and_forth_keeps_time(clock: ManualClock) -> None:
    """Over switches RTP time only grows and stays with the clock; each switch is told once, with its first Packet."""
    a, b = FakeFeed("a", clock), FakeFeed("b", clock)
    await a.gop_of(10)
    await b.gop_of(30)
    sender = Sender(clock)
    sender.track.show(a)
    await settle()
    for n in range(6):
        await clock.advance(0.04)
        a.make()
        b.make()
        await settle()
        before = len(sender.sent)
        sender.track.show([b, a][n % 2])
        await settle()
        assert sender.told.events[-2] == (sender.origin + sender.sent[before]) & 0xFFFFFFFF
    assert all(x < y for x, y in pairwise(sender.sent))
    # back at the clock's own time, though the first burst ended with a picture that was more than a second old
    # (or a few ticks later, as the last switch came right behind a Packet)
    now_90k = clock.mono_ns() * 9 // 100_000 - sender.track._born_ns * 9 // 100_000
    assert now_90k <= sender.sent[-1] < now_90k + 40
    assert sender.track not in b.sinks
    await sender.stop()


async def test_a_tile_without_a_source_sends_nothing(clock: ManualClock) -> None:
    """And a source without a picture waits for one, which then is the burst."""
    a = FakeFeed("a", clock)
    sender = Sender(clock)
    await settle()
    assert not sender.sent
    sender.track.show(a)
    await settle()
    assert not sender.sent
    a.make(key=True)
    await settle()
    assert len(sender.sent) == 1
    sender.track.show(None)
    a.make()
    await settle()
    assert len(sender.sent) == 1
    assert sender.track.sent is None
    await sender.stop()


async def test_bursts_are_paced_over_all_tiles_of_a_viewer(clock: ManualClock) -> None:
    """Two tiles of one viewer together keep to the rate; what goes at once is small; nothing is lost."""
    options = StreamerOptions(burst_bytes_s=1_000_000, burst_free_bytes=10_000)
    a = FakeFeed("a", clock, size=500)
    await a.gop_of(40)
    sender = Sender(clock, options)
    other = Sender(clock, options)
    other.track._pacer = sender.track._pacer
    began = clock.mono_ns()
    sender.track.show(a)
    other.track.show(a)
    for _ in range(400):
        await clock.advance(0.001)
    times = sorted(sender.times + other.times)
    assert len(times) == 80
    for n, at in enumerate(times):
        assert (n + 1) * 2000 <= 10_000 + 2000 * 2 + (at - began) // 1000
    assert times[-1] - began < 200_000_000
    await sender.stop()
    await other.stop()


async def test_a_slow_viewer_is_dropped_to_the_next_key_frame(clock: ManualClock) -> None:
    """Never a queue of old pictures: what waits too long goes, and the next thing sent is a key frame."""
    a = FakeFeed("a", clock)
    a.make(key=True)
    track = Sender(clock).track
    sender = Sender(clock)
    sender.track.show(a)
    await settle()
    await sender.stop()  # the viewer does not ask any more
    for _ in range(40):
        await clock.advance(0.04)
        a.make()
    assert len(sender.track._live) == 0
    key = a.make(key=True)
    a.make()
    packet = await sender.track.recv()
    assert bytes(packet) == key.payload
    assert sender.track.sent is not None
    assert sender.track.sent.wall_ns == key.wall_ns
    assert track.packets == 0


async def test_a_wish_for_a_key_frame_sends_the_burst_again(clock: ManualClock) -> None:
    """PLI: the burst again, at most every half second, in growing time."""
    a = FakeFeed("a", clock)
    await a.gop_of(10)
    sender = Sender(clock)
    sender.track.show(a)
    await settle()
    sender.track.repeat()
    await settle()
    assert len(sender.sent) == 10
    await clock.advance(0.5)
    sender.track.repeat()
    sender.track.repeat()
    await settle()
    assert len(sender.sent) == 20
    assert all(x < y for x, y in pairwise(sender.sent))
    await sender.stop()


async def test_a_new_run_goes_on_in_time(clock: ManualClock) -> None:
    """A camera that reconnects begins a Run with a dts of its own: RTP time goes on with the clock."""
    a = FakeFeed("a", clock)
    await a.gop_of(3)
    sender = Sender(clock)
    sender.track.show(a)
    await settle()
    await clock.advance(10)
    a.run = "a2"
    a.make(key=True)
    await settle()
    assert sender.sent[-1] - sender.sent[-2] == 900_000
    await sender.stop()


@pytest.mark.parametrize("switch_to", ["other", "nothing"])
async def test_a_switch_during_a_burst_ends_the_burst(clock: ManualClock, switch_to: str) -> None:
    """Not one Packet of the old camera after the switch."""
    options = StreamerOptions(burst_bytes_s=100_000, burst_free_bytes=4_000)
    a, b = FakeFeed("a", clock, size=500), FakeFeed("b", clock)
    await a.gop_of(30)
    b.make(key=True)
    sender = Sender(clock, options)
    sender.track.show(a)
    await settle()
    sent = len(sender.sent)
    assert sent < 30
    sender.track.show(b if switch_to == "other" else None)
    for _ in range(100):
        await clock.advance(0.02)
    assert len(sender.sent) == sent + (switch_to == "other")
    await sender.stop()
