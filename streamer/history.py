"""What was packetized of one Run: each access unit once, however many viewers want it now, in a burst or again.

Viewers remember which Frame had which sequence number (streamer/sender.py); the payloads exist once. Kept here are the
group of pictures that is cached, the one before it for viewers who lag, and no more than a bound, of frames and of
bytes: a camera of 50 Mb/s with a key frame a minute is as welcome as any. What is gone is made again. Event loop only.
"""

from __future__ import annotations

from streamer.rtp import Frame, packetize
from vms.domain.media import Packet

MAX_FRAMES = 2_000
# The cached group is at most 24 MB (streamer/options.py).
MAX_BYTES = 32_000_000


class History:
    """Of the Run `run`; `hevc`: its video is H.265. `size_bytes`: of all payloads kept."""

    def __init__(self, run: str, *, hevc: bool) -> None:
        self.run, self.hevc = run, hevc
        self.size_bytes = 0
        self._frames: dict[int, Frame] = {}
        self._key = -1

    def frame(self, packet: Packet) -> Frame | None:
        """The Frame of a video Packet; None for one of another Run."""
        if packet.run != self.run:
            return None
        found = self._frames.get(packet.seq)
        if found is None:
            found = packetize(packet.payload, hevc=self.hevc)
            self._frames[packet.seq] = found
            self.size_bytes += found.size_bytes
            if packet.is_key and packet.seq > self._key:
                self._forget(self._key)
                self._key = packet.seq
            while len(self._frames) > 1 and (len(self._frames) > MAX_FRAMES or self.size_bytes > MAX_BYTES):
                self._drop(next(iter(self._frames)))
        return found

    def _forget(self, before: int) -> None:
        for seq in [seq for seq in self._frames if seq < before]:
            self._drop(seq)

    def _drop(self, seq: int) -> None:
        self.size_bytes -= self._frames.pop(seq).size_bytes
