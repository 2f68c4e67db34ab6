"""Coverage out of Runs and Gap rows alone, without Segments: what a month is drawn from. Pure.

Between its first key frame and its end a Run is recorded (DESIGN §5, 8), but for Gaps that say otherwise: what expired
or was lost, and what the Node of the Run itself wrote down as missing. Gap rows of other Nodes are outdone by footage,
as they are by Segments. All times are shown times in nanoseconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from recorder.coverage import Coverage, cover
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.interval import Interval, subtract, union

_OUTDO = frozenset({GapCause.EXPIRED, GapCause.LOST})


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """From the first to the last picture of a Run, in shown time, and the Node that recorded it."""

    node: str
    interval: Interval


def skeleton(
    window: Interval, runs: Iterable[RecordedRun], gaps: Sequence[Gap], *, now_ns: int, told_ns: int | None = None
) -> Coverage:
    """The coverage of a window; `told_ns` as `cover` has it."""
    cuts = _cuts(gaps, window)
    recorded = [
        part for run in runs if run.interval.clip(window) is not None for part in _left(run, cuts, _everybody(cuts))
    ]
    return cover(window, recorded, gaps, now_ns=now_ns, told_ns=told_ns)


_EVERYBODY = ""
_Cuts = dict[str, list[Interval]]


def _everybody(cuts: _Cuts) -> list[Interval]:
    return cuts.get(_EVERYBODY, [])


def _cuts(gaps: Iterable[Gap], window: Interval) -> _Cuts:
    """What Gaps take out of Runs, by the Node whose Runs they are of, in order and disjoint."""
    found: dict[str, list[Interval]] = defaultdict(list)
    for gap in gaps:
        end_ns = window.end_ns if gap.end_ns is None else gap.end_ns
        if gap.state is not GapState.REPAIRED and gap.start_ns < end_ns:
            found[_EVERYBODY if gap.cause in _OUTDO else gap.node].append(Interval(gap.start_ns, end_ns))
    return {node: union(some) for node, some in found.items()}


def _left(run: RecordedRun, cuts: _Cuts, outdo: Sequence[Interval]) -> list[Interval]:
    taken = [*_reaching(outdo, run.interval), *_reaching(cuts.get(run.node, ()), run.interval)]
    return subtract(run.interval, taken) if taken else [run.interval]


def _reaching(cuts: Sequence[Interval], interval: Interval) -> list[Interval]:
    """Those of sorted, disjoint ones that overlap the interval."""
    found = []
    for at in range(max(0, bisect_right(cuts, interval.start_ns, key=lambda one: one.start_ns) - 1), len(cuts)):
        if cuts[at].start_ns >= interval.end_ns:
            break
        if cuts[at].end_ns > interval.start_ns:
            found.append(cuts[at])
    return found
