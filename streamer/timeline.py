"""RTP time of one tile, pure: continuous across cameras and Runs, so that a switch is no renegotiation.

A burst (the cached GOP) is squeezed into less than one frame interval that ends at its true place; then Packets follow
at true spacing. Times are 90 kHz ticks of the tile's own clock, not yet wrapped to 32 bits. No clock, no I/O.
"""

from __future__ import annotations

from collections.abc import Sequence

from vms.domain.media import Packet

STEP_90K = 90
DEFAULT_INTERVAL_90K = 3_600
LONGEST_AGE_90K = 90_000


def frame_interval_90k(packets: Sequence[Packet]) -> int:
    """The mean distance of the Packets' dts, 40 ms where it cannot be told."""
    if len(packets) < 2:
        return DEFAULT_INTERVAL_90K
    mean = (packets[-1].dts_90k - packets[0].dts_90k) // (len(packets) - 1)
    return mean if mean > 0 else DEFAULT_INTERVAL_90K


def natural_90k(now_90k: int, age_ns: int, *, again: bool = False) -> int:
    """Where a Packet of this age belongs on the tile's clock. An age beyond one second, as of a camera that went away,
    counts as one second: the browser would otherwise see time run backwards. What is sent `again` is as old as it is,
    and comes right behind where it was: it must not pass for a picture of now."""
    age_90k = max(0, age_ns * 9 // 100_000)
    return now_90k - (age_90k if again else min(age_90k, LONGEST_AGE_90K))


class Timeline:
    """The timestamps of one tile. Each one given out is greater than all before."""

    def __init__(self) -> None:
        self._last_90k: int | None = None
        self._anchor_90k = 0
        self._anchor_ns = 0

    def burst(self, packets: Sequence[Packet], end_90k: int) -> list[int]:
        """Timestamps for a GOP sent at once, the last at `end_90k`: steps of 1 ms at most, all within less than one
        frame interval. Where what was sent before leaves too little room, steps shrink to one tick, and only then does
        the end move. `live` goes on from the last Packet."""
        gaps = len(packets) - 1
        step = max(1, min(STEP_90K, (frame_interval_90k(packets) - 1) // max(1, gaps)))
        if self._last_90k is not None:
            room = end_90k - self._last_90k - 1
            if room < gaps * step:
                step = max(1, room // max(1, gaps))
                end_90k = max(end_90k, self._last_90k + 1 + gaps * step)
        first = end_90k - gaps * step
        self._last_90k = self._anchor_90k = end_90k
        self._anchor_ns = packets[-1].wall_ns
        return [first + i * step for i in range(len(packets))]

    def live(self, packet: Packet, now_90k: int) -> int:
        """The timestamp of a Packet that follows: as far from the burst's last as their wall times are apart. Wall time
        within a Run is the camera's dts on our clock (DESIGN §5.9), so a camera whose clock drifts does not drift here.
        Never ahead of `now_90k`: a camera that was away when its burst was placed would else be late for ever."""
        at = self._anchor_90k + (packet.wall_ns - self._anchor_ns) * 9 // 100_000
        if at > now_90k:
            at = self._anchor_90k = now_90k
            self._anchor_ns = packet.wall_ns
        if self._last_90k is not None and at <= self._last_90k:
            at = self._last_90k + 1
        self._last_90k = at
        return at
