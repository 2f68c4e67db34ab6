"""B-frames, pure: which Packets of a Stream a browser can be sent, whose decoder shows pictures in the order they come.

A picture that comes after one it is shown before is left out where no other picture refers to it: what is left plays in
order, with fewer pictures. Where others refer to it the Stream is shuffled: it cannot be shown as it is, and
nothing is left out any more, for a transcoder wants all.
"""

from __future__ import annotations

from streamer.rtp import is_disposable
from vms.domain.media import Packet


class Order:
    """Of one Run. `shuffled`: cannot be shown in order; `thinned`: Packets are left out."""

    def __init__(self, *, hevc: bool) -> None:
        self._hevc = hevc
        self._latest_90k: int | None = None
        self.shuffled = False
        self.thinned = False

    def takes(self, packet: Packet) -> bool:
        """Whether this Packet, the next of its Run, is sent."""
        if self._latest_90k is None or packet.pts_90k > self._latest_90k or packet.is_key:
            self._latest_90k = packet.pts_90k
            return True
        if is_disposable(packet.payload, hevc=self._hevc):
            self.thinned = True
            return self.shuffled
        self.shuffled = True
        return True
