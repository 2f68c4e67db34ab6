"""From scores to motion that lasts: begins at an Area's threshold, goes on down to half of it, is over 5 s after the
last. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vms.clock import NS_PER_S
from vms.domain.area import Area

OVER_S = 5.0
_GOES_ON = 0.5


@dataclass(slots=True)
class Motion:
    """In one Area: since when (wall time), last seen when (monotonic), and the greatest score so far."""

    area: Area
    since_ns: int
    last_ns: int
    score: float


class Motions:
    """The motion before one Camera."""

    def __init__(self) -> None:
        self._now: dict[str, Motion] = {}

    def see(self, areas: Mapping[str, Area], scores: Mapping[str, float], at_ns: int, mono_ns: int) -> None:
        """The scores of a key frame, taken at `at_ns` (wall time) and looked at by now."""
        self._now = {name: motion for name, motion in self.current(mono_ns).items() if name in areas}
        for name, area in areas.items():
            score, motion = scores.get(name, 0.0), self._now.get(name)
            if motion is not None:
                motion.area = area
                if score >= area.threshold * _GOES_ON:
                    motion.last_ns, motion.score = mono_ns, max(motion.score, score)
            elif score >= area.threshold:
                self._now[name] = Motion(area, at_ns, mono_ns, score)

    def current(self, mono_ns: int) -> dict[str, Motion]:
        """What goes on, by the Area's id."""
        return {name: one for name, one in self._now.items() if mono_ns - one.last_ns < OVER_S * NS_PER_S}
