"""Footage whose bytes are damaged or gone is said to be lost, never shown as if it were there; and taken back when it
turns up again, as with a spool that was not mounted. Event loop; rows only.
"""

from __future__ import annotations

from dataclasses import replace

from vms.domain.footage import Segment, SegmentState
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.ids import new_id
from vms.domain.interval import Interval
from vms.store import Catalogue


def gap_for(segment: Segment, cause: GapCause, node: str) -> Gap:
    """A new Gap for the time of a Segment that is no longer there."""
    start_ns, end_ns = segment.start_ns, segment.end_ns
    return Gap(new_id(), segment.stream, segment.site, node, start_ns, end_ns, cause, GapState.CLOSED)


async def say_lost(catalogue: Catalogue, segment: Segment, node: str) -> None:
    """A Gap `lost` for its time, then its row: expired."""
    if segment.start_ns < segment.end_ns:
        await catalogue.gaps.put(gap_for(segment, GapCause.LOST, node))
    await catalogue.segments.put(replace(segment, state=SegmentState.EXPIRED, rev=segment.rev + 1))


async def was_never_stored(catalogue: Catalogue, segment: Segment) -> bool:
    """Whether an expired Segment expired without ever having been in a Store: not by retention, but as lost."""
    return segment.state is SegmentState.EXPIRED and not await catalogue.copies.of(segment.run, segment.number)


async def say_found(catalogue: Catalogue, segment: Segment) -> None:
    """Gaps `lost` that such a Segment fills are repaired."""
    if segment.start_ns >= segment.end_ns:
        return
    for gap in await catalogue.gaps.in_interval(segment.stream, Interval(segment.start_ns, segment.end_ns)):
        if gap.cause is GapCause.LOST and gap.start_ns >= segment.start_ns and (gap.end_ns or 0) <= segment.end_ns:
            await catalogue.gaps.put(replace(gap, state=GapState.REPAIRED, rev=gap.rev + 1))
