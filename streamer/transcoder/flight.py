"""What of a Run is inside its transcoder, pure: times on the way in, the source of what comes out, and when to drop.

Times are ms from the first Packet on. A machine that is too slow shows fewer pictures, not older ones: what waits too
long makes room up to the next key frame.
"""

from __future__ import annotations

from dataclasses import dataclass

from vms.clock import NS_PER_MS, NS_PER_S
from vms.domain.media import Packet

# How much may be inside while it works, and when a key frame may go on; at its beginning a whole cached group is.
_LIMIT_NS, _RESUME_NS, _CAUGHT_UP_NS = 1_500 * NS_PER_MS, 600 * NS_PER_MS, 400 * NS_PER_MS
# FLV's times have 31 bits.
LAST_MS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """Where a picture comes from: presentation time in the Run, and when it was captured."""

    pts_90k: int
    shown_ns: int


def shown_ns(packet: Packet) -> int:
    """When the picture of a Packet was captured: `wall_ns` is that of its decoding time."""
    return packet.wall_ns + (packet.pts_90k - packet.dts_90k) * 100_000 // 9


class Flight:
    """Of one Run and one process. `lead_ns`: how much goes in at once at the beginning."""

    def __init__(self, first: Packet, lead_ns: int) -> None:
        self._base_90k = first.dts_90k
        self._limit_ns = lead_ns + NS_PER_S
        self._dts_ms = -1
        self._inside: dict[int, Source] = {}
        self._skipping = False
        self.last_seq = first.seq - 1
        self.dropped = 0

    @property
    def inside(self) -> int:
        """How many pictures went in and have not come out."""
        return len(self._inside)

    @property
    def over(self) -> bool:
        """No more times are left for this process."""
        return self._dts_ms > LAST_MS

    def admits(self, packet: Packet) -> bool:
        """Whether the next Packet goes in."""
        self.last_seq = packet.seq
        oldest = next(iter(self._inside.values()), None)
        waits_ns = 0 if oldest is None else shown_ns(packet) - oldest.shown_ns
        if waits_ns < _CAUGHT_UP_NS:
            self._limit_ns = _LIMIT_NS
        if self._skipping and packet.is_key and waits_ns < _RESUME_NS:
            self._skipping = False
        elif waits_ns > self._limit_ns:
            self._skipping = True
        self.dropped += self._skipping
        return not self._skipping

    def enter(self, packet: Packet) -> tuple[int, int]:
        """It goes in: its times of presentation and decoding, ms."""
        dts_ms = max(self._dts_ms + 1, (packet.dts_90k - self._base_90k) // 90)
        pts_ms = max(dts_ms, (packet.pts_90k - self._base_90k) // 90)
        while pts_ms in self._inside:
            pts_ms += 1
        self._dts_ms = dts_ms
        self._inside[pts_ms] = Source(packet.pts_90k, shown_ns(packet))
        return pts_ms, dts_ms

    def leave(self, pts_ms: int) -> Source | None:
        """The picture with this time came out, and with it all that will never do; None for one that never went in."""
        source = self._inside.pop(pts_ms, None)
        if source is not None:
            for earlier in [at for at in self._inside if at < pts_ms]:
                del self._inside[earlier]
        return source
