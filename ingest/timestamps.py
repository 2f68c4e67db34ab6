"""What a camera's timestamps are worth: one strictly growing time per track, and its anchor in wall time. Pure.

`Timeline` turns the pts and dts of libav (missing, wrapped, repeated, jumping) into time since the first unit of a
connection. `Anchor` says which wall time that was (DESIGN §5.9). Neither reads a clock: arrival is passed in.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence

from vms.clock import NS_PER_S
from vms.domain.media import CLOCK_HZ

WRAP = 1 << 32  # RTP timestamps have 32 bits (RFC 3550 §5.1)
BRIDGES = 10
BRIDGE_WINDOW_NS = 60 * NS_PER_S
STUCK_NS = NS_PER_S
MAX_REORDER_S = 10


class BrokenTimestampsError(Exception):
    """Timestamps jump so often that no time can be made of them."""


class Timeline:
    """Time of one track in its own clock, from 0, strictly growing.

    A step is believed when it is forward and at most one second longer than what passed on arrival (a burst after a
    silence is shorter, never longer). Small steps back are repeats or disorder: the time grows by one tick until the
    stamps have caught up, and by arrival for good when they never do (a constant clock). Anything else is a jump:
    bridged by the time that passed on arrival, at most BRIDGES times a minute.
    """

    __slots__ = ("_arrival_ns", "_bridges", "_hz", "_nominal", "_offset", "_out", "_stuck_ns", "by_arrival")

    def __init__(self, hz: int = CLOCK_HZ, nominal: int | None = None) -> None:
        self._hz = hz
        self._nominal = nominal or hz // 25
        self._out = -1
        self._offset: int | None = None
        self._arrival_ns: int | None = None
        self._stuck_ns: int | None = None
        self._bridges: deque[int] = deque()
        self.by_arrival = False

    @property
    def frame(self) -> int:
        """Length of one unit in ticks, as measured last."""
        return self._nominal

    def begin(self, at: int) -> None:
        """Let the first unit be at `at` ticks instead of 0."""
        self._out = at - 1

    @property
    def begun(self) -> bool:
        """Whether a unit was placed."""
        return self._arrival_ns is not None

    def place(self, pts: int | None, dts: int | None, arrival_ns: int) -> tuple[int, int]:
        """(dts, pts) of the next unit in ticks, pts never before dts; arrival is monotonic. BrokenTimestampsError."""
        raw = pts if dts is None else dts
        previous_ns, self._arrival_ns = self._arrival_ns, arrival_ns
        if previous_ns is None:
            self._out += 1
            self._offset = None if raw is None else raw - self._out
        elif self.by_arrival:
            self._out += max(1, (arrival_ns - previous_ns) * self._hz // NS_PER_S)
        elif raw is None:
            self._out += self._nominal
        elif self._offset is None:
            self._out += self._nominal
            self._offset = raw - self._out
        else:
            self._advance(raw, self._offset, arrival_ns, previous_ns)
        if pts is None or self._offset is None or self.by_arrival:
            return self._out, self._out
        return self._out, min(max(self._out, pts - self._offset), self._out + MAX_REORDER_S * self._hz)

    def _advance(self, raw: int, offset: int, arrival_ns: int, previous_ns: int) -> None:
        passed = (arrival_ns - previous_ns) * self._hz // NS_PER_S
        limit = passed + self._hz
        step = raw - offset - self._out
        if 0 < step <= limit:
            self._out += step
            self._stuck_ns = None
            if step < self._hz:
                self._nominal = step
            return
        for turn in (WRAP, -WRAP):
            if 0 < step + turn <= limit:
                self._offset = offset - turn
                self._out += step + turn
                return
        if -self._hz <= step <= 0:
            self._disorder(arrival_ns, previous_ns)
        else:
            self._bridge(raw, arrival_ns, passed)

    def _disorder(self, arrival_ns: int, previous_ns: int) -> None:
        self._out += 1
        if self._stuck_ns is None:
            self._stuck_ns = previous_ns
        stuck_ns = arrival_ns - self._stuck_ns
        if stuck_ns > STUCK_NS:
            self.by_arrival = True
            self._out += stuck_ns * self._hz // NS_PER_S

    def _bridge(self, raw: int, arrival_ns: int, passed: int) -> None:
        self._bridges.append(arrival_ns)
        while self._bridges[0] < arrival_ns - BRIDGE_WINDOW_NS:
            self._bridges.popleft()
        if len(self._bridges) > BRIDGES:
            raise BrokenTimestampsError
        self._out += passed if passed > 2 * self._nominal else self._nominal
        self._offset = raw - self._out
        self._stuck_ns = None


Stamps = tuple[int | None, int | None]


def fill_leading(stamps: Sequence[Stamps], frame: int) -> list[Stamps]:
    """The (pts, dts) of a connection's first units, of which only the last has a dts, all with both.

    libav gives no times with the first unit, and no dts until it has seen as many pictures as may be reordered. The
    dts before the first known one are a frame apart; the first unit is a key frame, so it is shown before the others.
    """
    *leading, (last_pts, last_dts) = stamps
    if last_dts is None:
        return list(stamps)
    shown = sorted({pts for pts, _ in stamps if pts is not None})
    step = min((b - a for a, b in itertools.pairwise(shown)), default=frame)
    filled: list[Stamps] = []
    for back, (pts, _) in zip(range(len(leading), 0, -1), leading, strict=True):
        dts = last_dts - back * step
        filled.append((max(shown[0] - step, dts) if pts is None and not filled and shown else pts, dts))
    return [*filled, (last_pts, last_dts)]


FREE_NS = 10 * NS_PER_S
STEP_NS = NS_PER_S
SLEW_PPM = 500


class Anchor:
    """Wall time of time 0 of a connection: the smallest (arrival − time) so far, free to sink for 10 s, then slewed by
    at most 500 ppm towards the smallest of the last 10 to 20 s. Off by more than 1 s means that a clock stepped."""

    __slots__ = (
        "_began_ns",
        "_bucket_began_ns",
        "_bucket_ns",
        "_difference_ns",
        "_last_bucket_ns",
        "_mono_ns",
        "wall_ns",
    )

    def __init__(self) -> None:
        self.wall_ns: int | None = None
        self._began_ns = 0
        self._mono_ns = 0
        self._difference_ns = 0
        self._bucket_ns = self._last_bucket_ns = 0
        self._bucket_began_ns = 0

    @property
    def settled(self) -> bool:
        """Whether the 10 s are over."""
        return self.wall_ns is not None and self._mono_ns - self._began_ns > FREE_NS

    def observe(self, time_ns: int, arrival_wall_ns: int, arrival_mono_ns: int) -> bool:
        """Take a unit of `time_ns` into account. False when the clock has stepped: then begin a new Anchor."""
        seen_ns = arrival_wall_ns - time_ns
        difference_ns = arrival_wall_ns - arrival_mono_ns
        if self.wall_ns is None:
            self.wall_ns = self._bucket_ns = self._last_bucket_ns = seen_ns
            self._began_ns = self._bucket_began_ns = self._mono_ns = arrival_mono_ns
            self._difference_ns = difference_ns
            return True
        stepped = abs(difference_ns - self._difference_ns) > STEP_NS
        self._difference_ns = difference_ns
        if stepped:
            return False
        passed_ns, self._mono_ns = arrival_mono_ns - self._mono_ns, arrival_mono_ns
        self._bucket_ns = min(self._bucket_ns, seen_ns)
        if arrival_mono_ns - self._began_ns <= FREE_NS:
            self.wall_ns = min(self.wall_ns, seen_ns)
            return True
        target_ns = min(self._bucket_ns, self._last_bucket_ns)
        if arrival_mono_ns - self._bucket_began_ns > FREE_NS:
            self._last_bucket_ns, self._bucket_ns = self._bucket_ns, seen_ns
            self._bucket_began_ns = arrival_mono_ns
        most_ns = passed_ns * SLEW_PPM // 1_000_000
        off_ns = target_ns - self.wall_ns
        self.wall_ns += max(-most_ns, min(most_ns, off_ns))
        return abs(off_ns) <= STEP_NS
