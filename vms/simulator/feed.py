"""One stream on one clock for all its clients: frame n is due at start + n/fps, whoever watches.

Cut and stamped once per access unit; clients join at key frames. On the event loop, synchronous, driven by the pacer.
"""

from __future__ import annotations

import secrets
import time

from vms.clock import NS_PER_S
from vms.simulator import sei
from vms.simulator.clip import Clip
from vms.simulator.faults import Fault
from vms.simulator.sendlog import StreamLog
from vms.simulator.viewer import Viewer

_CLOCK_HZ = 90_000
# a machine that slept goes on from now; a hiccup is made up for
_MAX_LATE_NS = NS_PER_S


class Feed:
    """A stream of a camera. `start_ns` is monotonic; `title` goes into the session description."""

    def __init__(self, slug: str, name: str, title: str, clip: Clip, log: StreamLog) -> None:
        self.slug = slug
        self.name = name
        self.title = title
        self.clip = clip
        self.log = log
        self.fault = Fault()
        self.next_n = 0
        self.viewers: list[Viewer] = []
        self._start_ns = 0
        self._base = secrets.randbits(32)
        self._other: Clip | None = None

    def start(self, start_ns: int) -> None:
        """Frame 0 is due at that monotonic time."""
        self._start_ns = start_ns

    @property
    def due_ns(self) -> int:
        """Monotonic time at which the next frame is due."""
        return self._start_ns + self.next_n * NS_PER_S // self.clip.picture.fps

    def switch(self, clip: Clip) -> None:
        """Go on with another encoding of the same rate and loop, from the next key frame on."""
        self._other = clip

    def timestamp(self, n: int) -> int:
        """RTP timestamp of frame n."""
        return (self._base + n * _CLOCK_HZ // self.clip.picture.fps) & 0xFFFFFFFF

    def next_key(self) -> int:
        """Number of the next key frame."""
        gop = self.clip.picture.gop_frames
        return -(-self.next_n // gop) * gop

    def advance(self, now_ns: int) -> None:
        """Send all that is due."""
        while (due_ns := self.due_ns) <= now_ns:
            if now_ns - due_ns > _MAX_LATE_NS:
                self._skip(now_ns)
                continue
            self.next_n += 1
            self._emit(self.next_n - 1)

    def _skip(self, now_ns: int) -> None:
        self.next_n = (now_ns - self._start_ns) * self.clip.picture.fps // NS_PER_S
        for viewer in self.viewers:
            viewer.waits_for_key = True

    def _emit(self, n: int) -> None:
        units = self.clip.units
        unit = units[n % len(units)]
        if unit.is_key and self._other is not None:
            self.clip, self._other = self._other, None
            unit = self.clip.units[n % len(units)]
        fault = self.fault
        if not self.viewers or fault.kind == "stall" or (fault.kind == "no_key" and unit.is_key):
            return
        shown = n + unit.shift
        packets = unit.payloads(sei.build(shown, time.time_ns(), h265=unit.h265))
        timestamp = self.timestamp(shown)
        for viewer in tuple(self.viewers):
            if fault.kind == "no_key":
                viewer.waits_for_key = False
            viewer.send(packets, shown, timestamp, is_key=unit.is_key, loss=fault.rate)
            if fault.kind == "close_every" and time.monotonic_ns() - viewer.played_ns > fault.seconds * NS_PER_S:
                viewer.ending.in_order("close_every")
