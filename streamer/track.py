"""What one tile sends: the Frames of any feed in turn, placed on the tile's own RTP time.

`show` changes the feed without renegotiation: the feed's cached GOP goes at once, squeezed and paced, then live. A slow
viewer is dropped to the next key frame, never given old pictures in a queue. No decoding, no headers. Event loop only.
"""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from streamer.options import StreamerOptions
from streamer.pacing import Pacer
from streamer.pump import Pump
from streamer.rtp import Frame
from streamer.timeline import Timeline, natural_90k
from vms import metrics
from vms.clock import NS_PER_MS, NS_PER_S, Clock
from vms.domain.media import Packet


class Sink(Protocol):
    """Who takes the Packets of a feed."""

    def push(self, packet: Packet) -> None:
        """A Packet came; the feed's cached GOP holds it already. Must not block."""

    def restart(self) -> None:
        """Packets were lost and the cached GOP was replaced: begin again from it."""


class Source(Protocol):
    """A feed, as a tile needs it: the Packets since the last key frame, who takes those to come, and their Frames."""

    gop: list[Packet]
    sinks: set[Sink]

    def frame(self, packet: Packet) -> Frame | None:
        """The packetized Packet, the same for all; None for one of a Run that is over."""


class Outlet(Protocol):
    """Where batches of Frames go: streamer/sender.py."""

    def send(self, frame: Frame, start: int, end: int, rtp: int) -> None:
        """Payloads [start, end) with this RTP timestamp. Must not block."""


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


@dataclass(slots=True)
class _Going:
    """A Frame on its way, batch by batch."""

    frame: Frame
    sent: Sent
    paced: bool
    arrival: bool
    batch: int = 0


class TileTrack:
    """One video m-line. `bind` is called when there is a connection, `show` and `repeat` by whoever rules the tile.
    `sent`: the Packet sent last since `show`; `placed`: the last at its true RTP time, which those within a burst are
    not."""

    def __init__(
        self, clock: Clock, pacer: Pacer, options: StreamerOptions, events: TrackEvents, *, pump: Pump
    ) -> None:
        self.id = secrets.token_hex(8)
        self.queued = False
        self._clock, self._pacer, self._options, self._tile, self._pump = clock, pacer, options, events, pump
        self._timeline = Timeline()
        self._born_ns = clock.mono_ns()
        self._source: Source | None = None
        self._burst: deque[tuple[Packet, int]] = deque()
        self._live: deque[Packet] = deque()
        self._going: _Going | None = None
        self._slot_ns: int | None = None
        self._waits = False
        self._begin = False
        self._skip_to_key = False
        self._run = ""
        self._burst_ns = 0
        self._outlet: Outlet | None = None
        self._origin = secrets.randbits(32)
        self._announce_switch = False
        self.sent: Sent | None = None
        self.placed: Sent | None = None
        self.packets = 0

    def bind(self, outlet: Outlet) -> None:
        """Send from now on, here."""
        self._outlet = outlet
        self._pump.wake(self)

    def show(self, source: Source | None) -> None:
        """Send this source from now on, None: nothing. The first Packet is announced by `switched`. One source straight
        after another is of the same Camera: what was sent last is still the newest picture of it."""
        another = self._source is None or source is None
        if self._source is not None:
            self._source.sinks.discard(self)
        self._source = source
        self._announce_switch = source is not None
        if another:
            self.sent = self.placed = None
        if source is not None:
            source.sinks.add(self)
        self.restart()

    def announce(self) -> None:
        """Say `switched` of the next Packet too: the viewer counted a switch to what it shows already."""
        self._announce_switch = self._source is not None

    def repeat(self) -> None:
        """Send the burst again, as a viewer asks who lost a key frame; not more often than the options say."""
        if self._clock.mono_ns() - self._burst_ns >= int(self._options.pli_every_s * NS_PER_S):
            self.restart()

    def restart(self) -> None:
        """Forget what waits and begin from the cached GOP."""
        self._burst.clear()
        self._live.clear()
        self._going = self._slot_ns = None
        self._skip_to_key = False
        self._begin = self._source is not None
        self._pump.wake(self)

    def push(self, packet: Packet) -> None:
        """Queue a live Packet. While the burst has not been taken from the cache it will be part of it."""
        if not self._begin and self._admit(packet):
            self._live.append(packet)
        self._pump.wake(self)

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

    def step(self) -> bool:
        """Send one batch; whether there is more that may go now. See streamer/pump.py."""
        outlet = self._outlet
        if outlet is None or self._waits or self._source is None:
            return False
        going = self._going
        if going is None:
            going = self._going = self._next(self._source)
            if going is None:
                return False
        frame, rtp = going.frame, self.rtp_of(going.sent)
        if going.batch < len(frame.batches):
            start, end, size_bytes = frame.batches[going.batch]
            if not self._may_go(size_bytes, paced=going.paced or going.batch > 0):
                return False
            outlet.send(frame, start, end, rtp)
            going.batch += 1
        if going.batch >= len(frame.batches):
            self._went(going, rtp)
        return bool(self._going or self._burst or self._live)

    def _may_go(self, size_bytes: int, *, paced: bool) -> bool:
        """Whether a batch's turn has come; else the pump wakes us when it has."""
        now_ns = self._clock.mono_ns()
        if self._slot_ns is None:
            self._slot_ns = now_ns + self._pacer.count(size_bytes)
        if paced and self._slot_ns > now_ns:
            self._waits = True
            self._pump.wake_later(_Woken(self), (self._slot_ns - now_ns) / NS_PER_S)
            return False
        self._slot_ns = None
        return True

    def woken(self) -> bool:
        """The wait for the pace is over."""
        self._waits = False
        return self.step()

    def _now_90k(self) -> int:
        return (self._clock.mono_ns() - self._born_ns) * 9 // 100_000

    def _take_burst(self, packets: list[Packet]) -> None:
        self._begin = False
        self._burst_ns = self._clock.mono_ns()
        self._run = packets[-1].run
        last = packets[-1]
        again = self.sent is not None and _shown_ns(last) <= self.sent.wall_ns
        end = natural_90k(self._now_90k(), self._clock.now_ns() - last.wall_ns, again=again)
        self._burst.extend(zip(packets, self._timeline.burst(packets, end), strict=True))

    def _next(self, source: Source) -> _Going | None:
        """The next Frame that is to be sent, None where there is none."""
        if self._begin and source.gop:
            self._take_burst(source.gop)
        while self._burst or self._live:
            burst = bool(self._burst)
            if burst:
                packet, at_90k = self._burst.popleft()
            else:
                packet = self._live.popleft()
                at_90k = self._place(packet)
            frame = source.frame(packet)
            if frame is not None:
                return _Going(frame, Sent(at_90k, _shown_ns(packet)), burst, burst and not self._burst)
        return None

    def _place(self, packet: Packet) -> int:
        if packet.run == self._run:
            return self._timeline.live(packet, self._now_90k())
        # A new Run has an anchor of its own: place it as a burst of one.
        self._run = packet.run
        end = natural_90k(self._now_90k(), self._clock.now_ns() - packet.wall_ns)
        return self._timeline.burst([packet], end)[0]

    def _went(self, going: _Going, rtp: int) -> None:
        """A Frame is on the wire: tell what is to be told."""
        self._going = None
        self.packets += 1
        self.sent = going.sent
        if going.arrival or not going.paced:
            self.placed = going.sent
        if self._announce_switch:
            self._announce_switch = False
            self._tile.switched(rtp)
        if going.arrival:
            self._tile.arrived()

    def rtp_of(self, sent: Sent) -> int:
        """The 32-bit RTP timestamp a Packet had."""
        return (self._origin + sent.at_90k) & 0xFFFF_FFFF

    def stop(self) -> None:
        """Send nothing more; idempotent."""
        self._outlet = None
        self.show(None)


def _shown_ns(packet: Packet) -> int:
    return packet.wall_ns + (packet.pts_90k - packet.dts_90k) * 100_000 // 9


class _Woken:
    """Brings a track back whose wait is over, whatever woke it meanwhile."""

    __slots__ = ("_track", "queued")

    def __init__(self, track: TileTrack) -> None:
        self._track = track
        self.queued = False

    def step(self) -> bool:
        """See pump.Sending."""
        if self._track.woken():
            self._track._pump.wake(self._track)  # noqa: SLF001  its own
        return False
