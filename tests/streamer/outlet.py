"""An outlet for a tile's Frames that keeps what it is given, and tells tests when."""

from __future__ import annotations

from streamer.rtp import Frame
from vms.clock import Clock


class Outlet:
    """`frames`: those that were sent to their end, with RTP timestamp and monotonic time; `sent`: bytes a batch."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.frames: list[tuple[Frame, int, int]] = []
        self.batches: list[tuple[int, int]] = []

    def send(self, frame: Frame, start: int, end: int, rtp: int) -> None:
        """See track.Outlet."""
        now_ns = self._clock.mono_ns()
        self.batches.append((sum(map(len, frame.payloads[start:end])), now_ns))
        if end == len(frame.payloads):
            self.frames.append((frame, rtp, now_ns))
