"""A Camera's coverage as a timeline draws it: nothing finer than a step, so that an answer is bounded. Pure.

What is shorter than a step does not vanish: Gaps that begin and end within one are gathered, with their worst cause,
how many there were and how much is missing; footage is joined over them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from recorder.coverage import Coverage, Missing
from vms.domain.gap import NOBODYS_FAULT, GapCause, GapState
from vms.domain.interval import Interval, union


@dataclass(frozen=True, slots=True)
class Lack:
    """Gaps that a timeline draws as one: `count` of them within [start_ns, end_ns), of which `missing_ns` are missing.
    `cause`: of most of that time, where anything is a fault of the faults."""

    start_ns: int
    end_ns: int
    cause: GapCause
    state: GapState
    count: int
    missing_ns: int


@dataclass(frozen=True, slots=True)
class Strip:
    """One Stream. `window`: what of the interval it can have been recorded in, None where in nothing of it."""

    camera: str
    window: Interval | None
    recorded: tuple[Interval, ...] = ()
    lacks: tuple[Lack, ...] = ()


def strip(camera: str, parts: Sequence[Coverage], step_ns: int) -> Strip:
    """One strip of coverages that follow each other in time."""
    windows = [part.window for part in parts if part.window is not None]
    if not windows:
        return Strip(camera, None)
    window = Interval(min(one.start_ns for one in windows), max(one.end_ns for one in windows))
    recorded = union((one for part in parts for one in part.intervals), join_ns=step_ns)
    gaps = _whole(gap for part in parts for gap in part.gaps)
    return Strip(camera, window, tuple(recorded), tuple(gathered(gaps, step_ns)))


def _whole(gaps: Iterable[Missing]) -> list[Missing]:
    """A Gap that was cut where one coverage ends and the next begins is one again."""
    found: list[Missing] = []
    for gap in gaps:
        last = found[-1] if found else None
        if last is not None and (last.end_ns, last.cause) == (gap.start_ns, gap.cause):
            found[-1] = Missing(last.start_ns, gap.end_ns, gap.cause, gap.state)
        else:
            found.append(gap)
    return found


def gathered(gaps: Iterable[Missing], step_ns: int) -> list[Lack]:
    """Gaps in order; those that together lie within a step as one."""
    groups: list[list[Missing]] = []
    for gap in gaps:
        if groups and gap.end_ns - groups[-1][0].start_ns <= step_ns:
            groups[-1].append(gap)
        else:
            groups.append([gap])
    return [_lack(group) for group in groups]


def _lack(group: Sequence[Missing]) -> Lack:
    sums: dict[GapCause, int] = {}
    for gap in group:
        sums[gap.cause] = sums.get(gap.cause, 0) + gap.end_ns - gap.start_ns
    faults = {cause: ns for cause, ns in sums.items() if cause not in NOBODYS_FAULT}
    worst = faults or sums
    cause = max(worst, key=lambda one: worst[one])
    last = group[-1]
    return Lack(group[0].start_ns, last.end_ns, cause, last.state, len(group), sum(sums.values()))
