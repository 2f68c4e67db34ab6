"""What was packetized of one Run: each access unit once, however many viewers want it now, in a burst or again.

Viewers remember which Frame had which sequence number (streamer/sender.py); the payloads exist once. Kept here are the
group of pictures that is cached, the one before it for viewers who lag, and no more than a bound. Event loop only.
"""

from __future__ import annotations

from streamer.rtp import Frame, packetize
from vms.domain.media import Packet

MAX_FRAMES = 2_000


class History:
    """Of the Run `run`; `hevc`: its video is H.265."""

    def __init__(self, run: str, *, hevc: bool) -> None:
        self.run, self.hevc = run, hevc
        self._frames: dict[int, Frame] = {}
        self._key = -1

    def frame(self, packet: Packet) -> Frame | None:
        """The Frame of a video Packet; None for one of another Run."""
        found = self._frames.get(packet.seq)
        if packet.run != self.run:
            return None
        if found is None:
            found = packetize(packet.payload, hevc=self.hevc)
            self._frames[packet.seq] = found
            if packet.is_key and packet.seq > self._key:
                self._forget(self._key)
                self._key = packet.seq
            elif len(self._frames) > MAX_FRAMES:
                del self._frames[next(iter(self._frames))]
        return found

    def _forget(self, before: int) -> None:
        for seq in [seq for seq in self._frames if seq < before]:
            del self._frames[seq]
