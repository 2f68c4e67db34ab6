"""Which footage of a Stream shows which time, where several Nodes recorded the same: pure.

An epoch owns media time from its grant to the next grant (DESIGN §6). What lies outside its epoch's time is an
alternate: it shows only where no other footage does, so nothing overlaps and nothing is hidden that is the only
footage of its moment. All times are shown times in nanoseconds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from vms.domain.footage import Gop, GopSegment
from vms.domain.gap import Gap, GapState
from vms.domain.grant import LeaseGrant
from vms.domain.interval import Interval, subtract, union

TICK_NS = 100_000
"""One 90 kHz tick is a ninth of this."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A stretch of footage and the epoch it was recorded under."""

    interval: Interval
    epoch: int


def overlaps(pieces: Iterable[tuple[int, int, int]]) -> bool:
    """Whether footage of two epochs is of one time; pieces are (start, end, epoch). Where not, nothing is to be cut."""
    ends: dict[int, int] = {}
    for start_ns, end_ns, epoch in sorted(pieces):
        if any(end > start_ns for other, end in ends.items() if other != epoch):
            return True
        # Only the furthest reaching of each epoch matters, and of those only what still reaches anywhere.
        ends = {other: end for other, end in ends.items() if end > start_ns}
        ends[epoch] = max(end_ns, ends.get(epoch, end_ns))
    return False


def cut(
    pieces: Sequence[Recorded], grants: Iterable[LeaseGrant], shifts: Mapping[int, int] | None = None
) -> list[list[Interval]]:
    """Of each piece the parts that show. Pieces of one epoch are not cut against each other. `shifts`: what to add to
    the grant of an epoch, where its footage is shown with a correction."""
    owners = _Owners(grants, shifts or {})
    epochs = sorted({piece.epoch for piece in pieces}, reverse=True)
    own: dict[int, list[Interval]] = {epoch: [] for epoch in epochs}
    for piece in pieces:
        own[piece.epoch] += owners.owned(piece.interval, piece.epoch)
    taken = {epoch: union(parts) for epoch, parts in own.items()}
    owned = [part for parts in taken.values() for part in parts]
    alternates: list[Interval] = []
    shown: dict[int, list[Interval]] = {}
    for epoch in epochs:
        others = [*(part for other in epochs if other != epoch for part in taken[other]), *alternates]
        mine = [part for piece in pieces if piece.epoch == epoch for part in subtract(piece.interval, others)]
        shown[epoch] = union(mine)
        alternates += [part for one in shown[epoch] for part in subtract(one, owned)]
    return [_parts_in(piece.interval, shown[piece.epoch]) for piece in pieces]


def cut_gops(found: GopSegment, shown: Sequence[Interval], shift_ns: int = 0) -> list[GopSegment]:
    """A Segment as neighbouring GOPs of which the greater part shows: GOPs are not cut, and there are several stretches
    where others' footage lies between. Two Nodes give one key frame times that differ by the jitter of their lines, so
    an exact cut would leave a double GOP."""
    stretches: list[list[Gop]] = [[]]
    for gop in found.gops:
        if 2 * _shown_ns(gop, shown, shift_ns) > _length_ns(gop):
            stretches[-1].append(gop)
        elif stretches[-1]:
            stretches.append([])
    if len(stretches[0]) == len(found.gops):
        return [found]
    return [replace(found, gops=tuple(gops)) for gops in stretches if gops]


def own_gaps(gaps: Iterable[Gap], grants: Iterable[LeaseGrant]) -> list[Gap]:
    """Gap rows that are open, though their Node no longer has the Stream, end at the next Node's grant: a Node that
    died cannot close them."""
    order = sorted(grants, key=lambda grant: grant.epoch)
    return [_ended(gap, order) if gap.end_ns is None else gap for gap in gaps]


def _ended(gap: Gap, grants: Sequence[LeaseGrant]) -> Gap:
    if not grants or grants[-1].node == gap.node:
        return gap
    later = [grant.granted_ns for grant in grants if grant.granted_ns > gap.start_ns and grant.node != gap.node]
    if not later:
        return gap
    return replace(gap, end_ns=min(later), state=GapState.CLOSED)


class _Owners:
    """Who owns which moment: of the grants up to it, the one with the greatest epoch, so that a clock that was set back
    between two grants leaves no moment to two."""

    def __init__(self, grants: Iterable[LeaseGrant], shifts: Mapping[int, int]) -> None:
        self._starts: list[int] = []
        self._epochs: list[int] = []
        moved = [(grant.granted_ns + shifts.get(grant.epoch, 0), grant.epoch) for grant in grants]
        for at_ns, epoch in sorted(moved):
            if self._epochs and epoch < self._epochs[-1]:
                continue
            self._starts.append(at_ns)
            self._epochs.append(epoch)

    def owned(self, interval: Interval, epoch: int) -> list[Interval]:
        """The parts of an interval that an epoch owns."""
        found: list[Interval] = []
        at = max(0, bisect_right(self._starts, interval.start_ns) - 1)
        while at < len(self._starts) and self._starts[at] < interval.end_ns:
            end_ns = self._starts[at + 1] if at + 1 < len(self._starts) else interval.end_ns
            if self._epochs[at] == epoch and self._starts[at] < end_ns:
                part = Interval(self._starts[at], end_ns).clip(interval)
                found += [part] if part is not None else []
            at += 1
        return found


def _parts_in(interval: Interval, parts: Iterable[Interval]) -> list[Interval]:
    return [common for part in parts if (common := part.clip(interval)) is not None]


def _length_ns(gop: Gop) -> int:
    return gop.duration_90k * TICK_NS // 9


def _shown_ns(gop: Gop, shown: Sequence[Interval], shift_ns: int) -> int:
    if not gop.duration_90k:
        return 0
    start_ns = gop.wall_ns + shift_ns
    return sum(part.duration_ns for part in _parts_in(Interval(start_ns, start_ns + max(1, _length_ns(gop))), shown))
