"""How rows about cameras become what a timeline draws: positions in milliseconds after its start, densities. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vms.clock import NS_PER_MS
from vms.domain.bookmark import Bookmark
from vms.domain.gap import GapState
from vms.domain.hold import Hold
from vms.domain.interval import Interval
from vms.store.timelines import Happening
from web.playback import Strip


def densities(motion: Iterable[tuple[int, int]], step_ns: int, steps: int) -> list[tuple[int, int]]:
    """Which steps had motion, and in how much of them, 1 to 100: from what began in each step and how long it lasted.
    What lasts longer than its step goes on in the next."""
    found: dict[int, int] = {}
    for first, lasted_ns in sorted(motion):
        at, left_ns = max(0, first), lasted_ns
        while left_ns > 0 and at < steps:
            found[at] = min(step_ns, found.get(at, 0) + min(step_ns, left_ns))
            left_ns -= step_ns
            at += 1
    return [(at, max(1, found[at] * 100 // step_ns)) for at in sorted(found)]


def grouped(found: Sequence[Any]) -> Mapping[str, list[Any]]:
    """By Camera, in their order."""
    by: dict[str, list[Any]] = defaultdict(list)
    for one in found:
        by[one.camera].append(one)
    return by


class Drawing:
    """Positions in an interval. `numbers`: of the Cases that may be named, by id."""

    def __init__(
        self,
        asked: Interval,
        motion: Mapping[str, list[tuple[int, int]]],
        happened: Mapping[str, list[Happening]],
        marked: Mapping[str, list[Bookmark]],
        held: Mapping[str, list[Hold]],
        numbers: Mapping[str, str],
    ) -> None:
        self._start_ns, self._held, self._numbers = asked.start_ns, held, numbers
        self._motion, self._happened, self._marked = motion, happened, marked

    def _ms(self, ns: int) -> int:
        return (ns - self._start_ns) // NS_PER_MS

    def strip(self, strip: Strip) -> dict[str, Any]:
        """One camera."""
        ms, window = self._ms, strip.window
        return {
            "camera": strip.camera,
            "start": None if window is None else ms(window.start_ns),
            "end": None if window is None else ms(window.end_ns),
            "recorded": [(ms(one.start_ns), ms(one.end_ns)) for one in strip.recorded],
            "gaps": [
                {
                    "start": ms(one.start_ns),
                    "end": ms(one.end_ns),
                    "cause": one.cause.value,
                    "open": one.state is GapState.OPEN,
                    "count": one.count,
                    "missing_ms": one.missing_ns // NS_PER_MS,
                }
                for one in strip.lacks
            ],
            "motion": self._motion.get(strip.camera, []),
            "events": [
                {
                    "id": one.id,
                    "kind": one.kind,
                    "severity": one.severity.value,
                    "start": ms(one.start_ns),
                    "end": None if one.end_ns is None else ms(one.end_ns),
                    "count": one.count,
                }
                for one in self._happened.get(strip.camera, [])
            ],
            "bookmarks": [
                {"id": one.id, "at": ms(one.at_ns), "note": one.note}
                for one in sorted(self._marked.get(strip.camera, []), key=lambda mark: mark.at_ns)
            ],
            "holds": [
                {
                    "id": one.id,
                    "case_number": self._numbers.get(one.case, ""),
                    "start": ms(one.start_ns),
                    "end": None if one.end_ns is None else ms(one.end_ns),
                }
                for one in self._held.get(strip.camera, [])
            ],
        }
