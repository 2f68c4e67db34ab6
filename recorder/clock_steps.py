"""Steps of the machine's clock, and what they mean for Runs recorded before them. Pure.

Wall time minus monotonic time is the clock's offset of this boot. It creeps while the clock is slewed, and that is part
of what Runs are stamped with; it jumps when the clock is set. The correction of a Run is the sum of the jumps after it:
so what was continuous stays continuous, and nothing overlaps that did not follow each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from vms.clock import NS_PER_S
from vms.domain.camera import StreamRef
from vms.domain.media import ClockState, Run

STEP_NS = NS_PER_S
"""As ingest has it: by less, the stamps of a Run follow the clock."""
_SLEW_PPM = 500


@dataclass(frozen=True, slots=True)
class Step:
    """The clock was set between two looks: monotonic times and offsets of both."""

    before_ns: int
    after_ns: int
    old_offset_ns: int
    new_offset_ns: int

    @property
    def by_ns(self) -> int:
        """By how much."""
        return self.new_offset_ns - self.old_offset_ns

    def follows(self, clock: ClockState) -> bool:
        """Whether a clock's state is of before the step."""
        if clock.mono_ns <= self.before_ns:
            return True
        offset_ns = clock.wall_ns - clock.mono_ns
        return clock.mono_ns <= self.after_ns and abs(offset_ns - self.old_offset_ns) < abs(
            offset_ns - self.new_offset_ns
        )


class ClockSteps:
    """What was seen of the clock since a boot."""

    def __init__(self, steps: Iterable[Step] = (), last: tuple[int, int] | None = None) -> None:
        self.steps = list(steps)
        self._last = last

    def observe(self, wall_ns: int, mono_ns: int) -> Step | None:
        """A look at the clock; the step since the look before, if there was one."""
        offset_ns, last = wall_ns - mono_ns, self._last
        self._last = (mono_ns, offset_ns)
        if last is None:
            return None
        most_ns = STEP_NS + (mono_ns - last[0]) * _SLEW_PPM // 1_000_000
        if abs(offset_ns - last[1]) <= most_ns:
            return None
        self.steps.append(Step(last[0], mono_ns, last[1], offset_ns))
        return self.steps[-1]

    def correction_ns(self, clock: ClockState) -> int:
        """What is to be added to times that were made by a clock in this state."""
        return sum(step.by_ns for step in self.steps if step.follows(clock))

    def corrections(self, runs: Sequence[Run]) -> dict[str, int]:
        """Of Runs of this boot, in the order of their monotonic time. Two looks are a second apart, and the clock may
        be slewed meanwhile: where that would let a Run reach into the next of its Stream, it ends where that begins."""
        found: dict[str, int] = {}
        nexts: dict[StreamRef, int] = {}
        for run in reversed(runs):
            by_ns = self.correction_ns(run.clock)
            following_ns = nexts.get(run.stream)
            if by_ns and following_ns is not None and run.end_ns is not None:
                beyond_ns = run.end_ns + by_ns - following_ns
                by_ns -= beyond_ns if 0 < beyond_ns < STEP_NS else 0
            found[run.id] = by_ns
            nexts[run.stream] = run.start_ns + by_ns
        return found

    def value(self) -> dict[str, Any]:
        """As plain data."""
        steps = [[one.before_ns, one.after_ns, one.old_offset_ns, one.new_offset_ns] for one in self.steps]
        return {"steps": steps, "last": None if self._last is None else list(self._last)}

    @classmethod
    def of_value(cls, value: Any) -> ClockSteps:
        """The inverse of `value`; KeyError, TypeError or ValueError where it is none."""
        last = None if value["last"] is None else (int(value["last"][0]), int(value["last"][1]))
        return cls([Step(*map(int, one)) for one in value["steps"]], last)
