"""What of an interval is recorded and what is not, and why: pure.

Recorded and Gaps share out the window without overlap and without a rest: footage outdoes a Gap row, the earlier of two
Gap rows the later, expired Segments explain what no row does, and what nothing explains is a Gap of cause `unknown`, or
`not_reported` where its Site has yet to tell.
All times are shown times in nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from vms.clock import NS_PER_MS, NS_PER_S
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.interval import Interval, subtract, total_ns, union

JOIN_NS = 100 * NS_PER_MS
"""A hole between two stretches of footage that is not longer and that no row explains is jitter, not a Gap."""

LAST_NS = 250 * NS_PER_MS
"""The same for what is missing before a camera was removed: at most the length of a fragment."""

EDGE_NS = 2 * NS_PER_S
"""Footage that ended not longer ago than this, and goes on, counts as recorded from there: its newest fragment is on
its way to the disk."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A stretch that is not replayable."""

    start_ns: int
    end_ns: int
    cause: GapCause
    state: GapState


@dataclass(frozen=True, slots=True)
class Coverage:
    """`window`: what was asked, cut to the time the camera has been registered for; None where nothing of it is."""

    window: Interval | None
    intervals: tuple[Interval, ...] = ()
    gaps: tuple[Missing, ...] = ()

    @property
    def recorded_ns(self) -> int:
        """Time that can be replayed."""
        return total_ns(self.intervals)


def cover(
    window: Interval,
    recorded: Iterable[Interval],
    gaps: Iterable[Gap],
    expired: Iterable[Interval] = (),
    *,
    now_ns: int,
    going_on: bool = False,
    told_ns: int | None = None,
    removed: bool = False,
) -> Coverage:
    """The coverage of a window. `going_on`: the newest of `recorded` is still being written. `told_ns`: until when a
    far Site has told what it recorded; what nothing explains after that is `not_reported`. `removed`: the window ends
    where its camera was removed."""
    found = union(part for one in recorded if (part := one.clip(window)))
    rows = _rows(gaps, window)
    if going_on and found and _at_edge(found[-1].end_ns, rows, max(now_ns, window.end_ns)):
        found[-1] = Interval(found[-1].start_ns, window.end_ns)
    named, holes = _claim(subtract(window, found), rows)
    old, holes = _claim(holes, [(one, GapCause.EXPIRED, GapState.CLOSED) for one in union(expired)])
    jitter, holes = _jitter(holes, found, window.end_ns if removed else None)
    unknown = [_unexplained(hole, window, now_ns, told_ns) for hole in holes]
    missing = sorted([*named, *old, *unknown], key=lambda one: one.start_ns)
    return Coverage(window, tuple(union([*found, *jitter])), tuple(missing))


def _unexplained(hole: Interval, window: Interval, now_ns: int, told_ns: int | None) -> Missing:
    if told_ns is not None and hole.end_ns > told_ns:  # told of in time: until then it stays open
        return Missing(hole.start_ns, hole.end_ns, GapCause.NOT_REPORTED, GapState.OPEN)
    goes_on = hole.end_ns == window.end_ns >= now_ns
    return Missing(hole.start_ns, hole.end_ns, GapCause.UNKNOWN, GapState.OPEN if goes_on else GapState.CLOSED)


_Claim = tuple[Interval, GapCause, GapState]


def _at_edge(end_ns: int, rows: Sequence[_Claim], now_ns: int) -> bool:
    """Whether footage that ends there is only late, and no row says that it is over."""
    return now_ns - end_ns <= EDGE_NS and not any(interval.end_ns > end_ns for interval, _, _ in rows[-1:])


def _rows(gaps: Iterable[Gap], window: Interval) -> list[_Claim]:
    """Gap rows cut to the window and made disjoint: what an earlier one covers, a later one does not."""
    claims: list[_Claim] = []
    at_ns = window.start_ns
    for gap in sorted(gaps, key=lambda one: (one.start_ns, one.id)):
        start_ns = max(at_ns, gap.start_ns)
        end_ns = window.end_ns if gap.end_ns is None else min(window.end_ns, gap.end_ns)
        if start_ns < end_ns:
            claims.append((Interval(start_ns, end_ns), gap.cause, gap.state))
            at_ns = end_ns
    return claims


def _claim(holes: Sequence[Interval], claims: Sequence[_Claim]) -> tuple[list[Missing], list[Interval]]:
    """What of the holes the claims explain, and what is left. Both sorted and disjoint; one pass over each."""
    taken: list[Missing] = []
    left: list[Interval] = []
    first = 0
    for hole in holes:
        while first < len(claims) and claims[first][0].end_ns <= hole.start_ns:
            first += 1
        at_ns, i = hole.start_ns, first
        while i < len(claims) and claims[i][0].start_ns < hole.end_ns:
            interval, cause, state = claims[i]
            start_ns, end_ns = max(at_ns, interval.start_ns), min(hole.end_ns, interval.end_ns)
            if at_ns < start_ns:
                left.append(Interval(at_ns, start_ns))
            taken.append(Missing(start_ns, end_ns, cause, state))
            at_ns = end_ns
            i += 1
        if at_ns < hole.end_ns:
            left.append(Interval(at_ns, hole.end_ns))
    return taken, left


def _jitter(
    holes: list[Interval], found: list[Interval], removed_ns: int | None
) -> tuple[list[Interval], list[Interval]]:
    """Holes that are jitter between two stretches of footage, or before the camera went, and the others."""
    starts, ends = {one.start_ns for one in found}, {one.end_ns for one in found}
    small: list[Interval] = []
    large: list[Interval] = []
    for hole in holes:
        between = hole.start_ns in ends and hole.end_ns in starts and hole.duration_ns <= JOIN_NS
        last = hole.start_ns in ends and hole.end_ns == removed_ns and hole.duration_ns <= LAST_NS
        (small if between or last else large).append(hole)
    return small, large


class Corrected(Protocol):
    """A Run, as far as it moves Gaps: wall times, and what to add to them."""

    @property
    def start_ns(self) -> int: ...
    @property
    def end_ns(self) -> int | None: ...
    @property
    def correction_ns(self) -> int | None: ...


def shifted(gap: Gap, corrected: Sequence[Corrected]) -> Gap:
    """A Gap's ends are ends of footage in wall time; where that footage is corrected, they move with it."""
    if not corrected:
        return gap
    start_ns, end_ns = gap.start_ns, gap.end_ns
    for run in corrected:
        if run.start_ns <= gap.start_ns and (run.end_ns is None or gap.start_ns <= run.end_ns):
            start_ns = gap.start_ns + (run.correction_ns or 0)
        if gap.end_ns is not None and run.start_ns <= gap.end_ns and (run.end_ns is None or gap.end_ns <= run.end_ns):
            end_ns = gap.end_ns + (run.correction_ns or 0)
    return replace(gap, start_ns=start_ns, end_ns=end_ns)
