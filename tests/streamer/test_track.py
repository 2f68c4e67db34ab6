"""What a tile's track gives the sender: burst, live, switches, slow viewers. Time is moved by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from streamer.history import History
from streamer.options import StreamerOptions
from streamer.pacing import Pacer
from streamer.pump import Pump
from streamer.rtp import Frame
from streamer.track import Sink, TileTrack
from tests.streamer.conftest import settle
from tests.streamer.outlet import Outlet
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
    _history: History = field(default_factory=lambda: History("", hevc=False))

    def frame(self, packet: Packet) -> Frame | None:
        """See track.Source."""
        if packet.run != self._history.run:
            self._history = History(packet.run, hevc=False)
        return self._history.frame(packet)

    def make(self, *, key: bool = False) -> Packet:
        """The next Packet, captured now, into the cache and to the sinks."""
        n, self._next = self._next, self._next + 1
        ref = StreamRef("cam2222222222222", StreamName.SUB)
        payload = bytes([0, 0, 1, 0x65]) + bytes([n % 250 + 1]) * self.size * 4
        packet = Packet(ref, self.run, 0, n, n * 3600, n * 3600, self.clock.now_ns(), key, payload)
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
    """A viewer of one tile: what it was sent, in 90 kHz of its own from its first Frame on."""

    def __init__(
        self, clock: ManualClock, options: StreamerOptions | None = None, *, other: Sender | None = None
    ) -> None:
        options = options or StreamerOptions()
        self.told = Told()
        self.pump = other.pump if other else Pump(clock)
        self.pacer = other.pacer if other else Pacer(clock, options.burst_bytes_s, options.burst_free_bytes)
        self.track = TileTrack(clock, self.pacer, options, self.told, pump=self.pump)
        self.track._origin = 4_294_900_000
        self.outlet = Outlet(clock)
        self.track.bind(self.outlet)

    @property
    def rtp(self) -> list[int]:
        """RTP timestamps as they were sent."""
        return [rtp for _, rtp, _ in self.outlet.frames]

    @property
    def sent(self) -> list[int]:
        """The same, not wrapped and without the origin."""
        return [((rtp - self.track._origin + 2**31) & 0xFFFFFFFF) - 2**31 for rtp in self.rtp]

    async def stop(self) -> None:
        """End."""
        self.track.stop()
        await self.pump.close()


async def test_a_switch_sends_the_gop_at_once_then_live(clock: ManualClock) -> None:
    """The cached GOP goes squeezed to end now, then each Packet at true spacing; RTP time is told with the origin."""
    a = FakeFeed("a", clock)
    await a.gop_of(20)
    sender = Sender(clock)
    sender.track.show(a)
    await settle()
    assert len(sender.sent) == 20
    assert sender.sent[-1] - sender.sent[0] < 3600
    assert sender.told.events == [sender.rtp[0], "arrived"]
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
        assert sender.told.events[-2] == sender.rtp[before]
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
    other = Sender(clock, options, other=sender)
    began = clock.mono_ns()
    sender.track.show(a)
    other.track.show(a)
    for _ in range(400):
        await clock.advance(0.001)
    assert len(sender.sent) == len(other.sent) == 40
    gone = 0
    for size, at in sorted(sender.outlet.batches + other.outlet.batches, key=lambda batch: batch[1]):
        gone += size
        assert gone <= 10_000 + 2002 * 2 + (at - began) // 1000
    assert sender.outlet.frames[-1][2] - began < 200_000_000
    await sender.stop()
    await other.stop()


async def test_a_slow_viewer_is_dropped_to_the_next_key_frame(clock: ManualClock) -> None:
    """Never a queue of old pictures: what waits too long goes, and the next thing sent is a key frame."""
    a = FakeFeed("a", clock)
    a.make(key=True)
    sender = Sender(clock)
    sender.track.show(a)
    await settle()
    sender.track._waits = True  # its turn does not come
    for _ in range(40):
        await clock.advance(0.04)
        a.make()
    assert len(sender.track._live) == 0
    key = a.make(key=True)
    sender.track._waits = False
    a.make()
    await settle()
    assert [frame for frame, *_ in sender.outlet.frames[1:2]] == [a.frame(key)]
    assert len(sender.sent) == 3
    await sender.stop()


async def test_a_large_key_frame_is_paced(clock: ManualClock) -> None:
    """Live too: its first batch goes at once, the rest at the rate, and nothing overtakes it."""
    options = StreamerOptions(burst_bytes_s=1_000_000, burst_free_bytes=24_000)
    a = FakeFeed("a", clock)
    a.make(key=True)
    sender = Sender(clock, options)
    sender.track.show(a)
    await clock.advance(1)
    a.size = 25_000
    began = clock.mono_ns()
    large = a.make(key=True)
    a.size = 10
    small = a.make()
    for _ in range(150):
        await clock.advance(0.001)
    assert [frame for frame, *_ in sender.outlet.frames[1:]] == [a.frame(large), a.frame(small)]
    sizes = [size for size, _ in sender.outlet.batches[1:]]
    assert max(sizes) <= 24_000
    assert 60_000_000 < sender.outlet.batches[-2][1] - began < 100_000_000
    await sender.stop()


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


async def test_what_is_sent_again_is_no_newer_for_it(clock: ManualClock) -> None:
    """A browser asks a silent camera for a key frame: its pictures stay as old, what follows is in its true place."""
    a = FakeFeed("a", clock)
    await a.gop_of(10)
    sender = Sender(clock)
    sender.track.show(a)
    await settle()
    last = sender.sent[-1]
    for _ in range(2):
        await clock.advance(3)
        sender.track.repeat()
        await settle()
    assert len(sender.sent) == 30
    assert all(x < y for x, y in pairwise(sender.sent))
    assert sender.sent[-1] - last < 90
    await clock.advance(1)
    a.make()
    await settle()
    assert 629_900 <= sender.sent[-1] - last <= 630_000
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


async def test_the_clock_is_told_by_what_is_in_its_place(clock: ManualClock) -> None:
    """Not by a Packet within a burst, whose time is squeezed."""
    options = StreamerOptions(burst_bytes_s=100_000, burst_free_bytes=4_100)
    a = FakeFeed("a", clock, size=500)
    await a.gop_of(5)
    sender = Sender(clock, options)
    sender.track.show(a)
    await settle()
    assert sender.track.sent is not None
    assert sender.track.placed is None
    await clock.advance(0.2)
    assert sender.track.placed is sender.track.sent
    sender.track.show(None)
    assert sender.track.placed is None
    await sender.stop()


@pytest.mark.parametrize("switch_to", ["other", "nothing"])
async def test_a_switch_during_a_burst_ends_the_burst(clock: ManualClock, switch_to: str) -> None:
    """Not one Packet of the old camera after the switch."""
    options = StreamerOptions(burst_bytes_s=100_000, burst_free_bytes=4_100)
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


async def test_live_video_above_the_pace_holds_nothing_up_for_good(clock: ManualClock) -> None:
    """Tiles that together take more than the pace of bursts for a minute: a burst then waits for a moment, no more."""
    pacer = Pacer(clock, 1_000_000, 24_000)
    for _ in range(1_500):
        pacer.count(80_000)
        await clock.advance(0.04)
    assert pacer.count(24_000) <= 300_000_000
