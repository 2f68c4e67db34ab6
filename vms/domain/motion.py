"""Motion that was searched for: what is wanted, what is found, and how what is found in parts becomes one. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from vms.clock import NS_PER_S
from vms.domain.area import Polygon
from vms.domain.interval import Interval

JOIN_NS = 5 * NS_PER_S
"""Motion that rests for less is one motion."""


@dataclass(frozen=True, slots=True)
class MotionWanted:
    """`polygons`: where in the picture, together one part, none: all of it; `threshold`: the share of that part that
    has to change, above 0 to 1; `least_ms`: how long it has to last."""

    polygons: tuple[Polygon, ...] = ()
    threshold: float = 0.02
    least_ms: int = 0


@dataclass(frozen=True, slots=True)
class MotionHit:
    """A stretch with motion; `score`: the greatest share that changed, at `peak_ns`."""

    interval: Interval
    score: float
    peak_ns: int

    def with_more(self, other: MotionHit) -> MotionHit:
        """Both as one."""
        stronger = max(self, other, key=lambda one: one.score)
        start_ns = min(self.interval.start_ns, other.interval.start_ns)
        return MotionHit(
            Interval(start_ns, max(self.interval.end_ns, other.interval.end_ns)), stronger.score, stronger.peak_ns
        )


@dataclass
class MotionThread:
    """Hits of one Camera as they come, window after window in order of time: the last is held back while the next
    window may go on with it, and what is too short is left out."""

    least_ms: int = 0
    held: MotionHit | None = field(default=None, init=False)

    def next(self, hits: tuple[MotionHit, ...], end_ns: int | None) -> list[MotionHit]:
        """What is sure by now. `end_ns`: the end of the window; None: there is no window after it."""
        known = list(hits)
        if self.held is not None:
            if known and known[0].interval.start_ns - self.held.interval.end_ns <= JOIN_NS:
                known[0] = self.held.with_more(known[0])
            else:
                known.insert(0, self.held)
            self.held = None
        if known and end_ns is not None and end_ns - known[-1].interval.end_ns <= JOIN_NS:
            self.held = known.pop()
        return [hit for hit in known if hit.interval.duration_ns >= self.least_ms * 1_000_000]
