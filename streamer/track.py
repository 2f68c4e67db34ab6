"""What one tile sends: a track for aiortc's sender that gives encoded Packets as they are, of any feed in turn.

`show` changes the feed without renegotiation: the feed's cached GOP goes at once, squeezed and paced, then live. A slow
viewer is dropped to the next key frame, never given old pictures in a queue. No decoding. Event loop only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import av
from aiortc import MediaStreamTrack

from streamer.options import StreamerOptions
from streamer.pacing import Pacer
from streamer.timeline import Timeline, natural_90k
from vms import metrics
from vms.clock import NS_PER_MS, NS_PER_S, Clock
from vms.domain.media import CLOCK_HZ, Packet

_TIME_BASE = Fraction(1, CLOCK_HZ)


class Sink(Protocol):
    """Who takes the Packets of a feed."""

    def push(self, packet: Packet) -> None:
        """A Packet came; the feed's cached GOP holds it already. Must not block."""

    def restart(self) -> None:
        """Packets were lost and the cached GOP was replaced: begin again from it."""


class Source(Protocol):
    """A feed, as a tile needs it: the Packets since the last key frame, and who takes those to come."""

    gop: list[Packet]
    sinks: set[Sink]


class TrackEvents(Protocol):
    """What a track tells its tile."""

    def switched(self, rtp: int) -> None:
        """The first Packet after `show` was sent, with this RTP timestamp."""

    def arrived(self) -> None:
        """A burst was sent to its end: the viewer has what there is now."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The Packet sent last: its time on the tile's clock in 90 kHz, and when it was captured."""

    at_90k: int
    wall_ns: int


class TileTrack(MediaStreamTrack):
    """One video m-line. `bind` is called by the sender, `show` and `repeat` by whoever rules the tile."""

    kind = "video"

    def __init__(self, clock: Clock, pacer: Pacer, options: StreamerOptions, events: TrackEvents) -> None:
        super().__init__()
        self._clock, self._pacer, self._options, self._tile = clock, pacer, options, events
        self._timeline = Timeline()
        self._born_ns = clock.mono_ns()
        self._source: Source | None = None
        self._burst: deque[tuple[Packet, int]] = deque()
        self._live: deque[Packet] = deque()
        self._begin = False
        self._skip_to_key = False
        self._run = ""
        self._shown = 0
        self._burst_ns = 0
        self._wake = asyncio.Event()
        self._rtp_timestamp: Callable[[], int] | None = None
        self._origin: int | None = None
        self._in_flight: Sent | None = None
        self._announce_switch = False
        self._announce_arrival = False
        self.sent: Sent | None = None
        self.packets = 0

    def bind(self, rtp_timestamp: Callable[[], int]) -> None:
        """Tell where the RTP timestamp of the last packet can be read."""
        self._rtp_timestamp = rtp_timestamp

    def show(self, source: Source | None) -> None:
        """Send this source from now on, None: nothing. The first Packet is announced by `switched`."""
        if self._source is not None:
            self._source.sinks.discard(self)
        self._source = source
        self._shown += 1
        self._announce_switch = source is not None
        self._announce_arrival = False
        self.sent = None
        if source is not None:
            source.sinks.add(self)
        self.restart()

    def repeat(self) -> None:
        """Send the burst again, as a viewer asks who lost a key frame; not more often than the options say."""
        if self._clock.mono_ns() - self._burst_ns >= int(self._options.pli_every_s * NS_PER_S):
            self.restart()

    def restart(self) -> None:
        """Forget what waits and begin from the cached GOP, when the sender asks next."""
        self._burst.clear()
        self._live.clear()
        self._skip_to_key = False
        self._begin = self._source is not None
        self._wake.set()

    def push(self, packet: Packet) -> None:
        """Queue a live Packet. While the burst has not been taken from the cache it will be part of it."""
        if not self._begin and self._admit(packet):
            self._live.append(packet)
        self._wake.set()

    def _admit(self, packet: Packet) -> bool:
        if packet.is_key:
            self._skip_to_key = False
        if self._skip_to_key:
            metrics.DROPS.labels("tile").inc()
            return False
        waits_ns = packet.wall_ns - self._live[0].wall_ns if self._live else 0
        if waits_ns > self._options.queue_ms * NS_PER_MS:
            metrics.DROPS.labels("tile").inc(len(self._live))
            self._live.clear()
            self._skip_to_key = not packet.is_key
        return not self._skip_to_key

    async def recv(self) -> av.Packet[Any]:
        """The next Packet for the sender, which has sent the one before when it asks; waits where there is none."""
        self._was_sent()
        while True:
            if self._begin and self._source is not None and self._source.gop:
                self._take_burst(self._source.gop)
            size = self._next_size()
            if size is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            shown = self._shown
            if self._burst:
                await self._pacer.turn(size)
            else:
                self._pacer.count(size)
            if shown == self._shown and not self._begin:
                return self._next()

    def _next_size(self) -> int | None:
        if self._burst:
            return len(self._burst[0][0].payload)
        return len(self._live[0].payload) if self._live else None

    def _now_90k(self) -> int:
        return (self._clock.mono_ns() - self._born_ns) * 9 // 100_000

    def _take_burst(self, packets: list[Packet]) -> None:
        self._begin = False
        self._burst_ns = self._clock.mono_ns()
        self._run = packets[-1].run
        end = natural_90k(self._now_90k(), self._clock.now_ns() - packets[-1].wall_ns)
        self._burst.extend(zip(packets, self._timeline.burst(packets, end), strict=True))

    def _next(self) -> av.Packet[Any]:
        if self._burst:
            packet, at_90k = self._burst.popleft()
            self._announce_arrival = not self._burst
        else:
            packet = self._live.popleft()
            if packet.run != self._run:
                # A new Run has an anchor of its own: place it as a burst of one.
                self._run = packet.run
                end = natural_90k(self._now_90k(), self._clock.now_ns() - packet.wall_ns)
                at_90k = self._timeline.burst([packet], end)[0]
            else:
                at_90k = self._timeline.live(packet, self._now_90k())
        out = av.Packet(packet.payload)
        out.pts, out.time_base = at_90k, _TIME_BASE
        shown_ns = packet.wall_ns + (packet.pts_90k - packet.dts_90k) * 100_000 // 9
        self._in_flight = self.sent = Sent(at_90k, shown_ns)
        return out

    def _was_sent(self) -> None:
        """The Packet given last is on the wire: learn aiortc's origin from it, and tell what is to be told."""
        sent, self._in_flight = self._in_flight, None
        if sent is None or self._rtp_timestamp is None:
            return
        self.packets += 1
        if self._origin is None:
            self._origin = (self._rtp_timestamp() - sent.at_90k) & 0xFFFF_FFFF
        if self.sent is not sent:
            return  # another camera was chosen meanwhile
        if self._announce_switch:
            self._announce_switch = False
            self._tile.switched(self.rtp_of(sent) or 0)
        if self._announce_arrival:
            self._announce_arrival = False
            self._tile.arrived()

    def rtp_of(self, sent: Sent) -> int | None:
        """The 32-bit RTP timestamp a Packet had; None before anything was sent."""
        return None if self._origin is None else (self._origin + sent.at_90k) & 0xFFFF_FFFF

    def stop(self) -> None:
        """Called by the sender when it ends."""
        self.show(None)
        super().stop()
