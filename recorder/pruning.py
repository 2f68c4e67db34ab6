"""Which rows of expired Segments the catalogue can do without, and the walk that deletes them. The choice is pure.

One may go when Gaps of cause `expired` say all of its time, so that coverage and reports stay as they are, a month
after even its camera's own retention would have taken it. Runs, Gaps and grants stay for good.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from vms.clock import NS_PER_S
from vms.domain.camera import StreamRef
from vms.domain.footage import Segment, SegmentState
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.interval import Interval, subtract, union
from vms.store import Catalogue

REST_NS = 30 * 86_400 * NS_PER_S
_BATCH = 500


def prunable(rows: Iterable[Segment], gaps: Iterable[Gap]) -> list[Segment]:
    """Those whose whole time is said to be expired, in their order. One that was lost is none: it may turn up again."""
    said = union(
        Interval(gap.start_ns, gap.end_ns)
        for gap in gaps
        if gap.cause is GapCause.EXPIRED and gap.state is GapState.CLOSED and gap.end_ns is not None
    )
    return [
        one
        for one in rows
        if one.state is SegmentState.EXPIRED
        and one.start_ns < one.end_ns
        and not subtract(Interval(one.start_ns, one.end_ns), said)
    ]


async def prune(
    catalogue: Catalogue, old: Sequence[tuple[StreamRef, int]], goes_on: Callable[[], Awaitable[bool]]
) -> int:
    """Walk through Streams, each with the time before which its rows may go; how many Segments went. `goes_on` is asked
    after each batch."""
    gone = 0
    for stream, before_ns in old:
        after_ns = -1
        while rows := await catalogue.pruning.expired(stream, after_ns, before_ns, _BATCH):
            within = Interval(rows[0].start_ns, max(before_ns, rows[0].start_ns + 1))
            within = Interval(within.start_ns, min(within.end_ns, max(one.end_ns for one in rows) + 1))
            gaps = await catalogue.gaps.in_interval(stream, within)
            gone += await catalogue.pruning.prune(prunable(rows, gaps))
            after_ns = rows[-1].start_ns
            if not await goes_on():
                return gone
    return gone
