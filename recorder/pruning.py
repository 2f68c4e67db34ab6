"""Which rows of expired Segments the catalogue can do without, and the walk that deletes them. The choice is pure.

One may go when Gaps of cause `expired` say all of its time, as it is shown, so that coverage and reports stay as they
are, a month after even its camera's own retention would have taken it. Runs, Gaps and grants stay for good.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from recorder.coverage import shifted
from vms.clock import NS_PER_S
from vms.domain.camera import StreamRef
from vms.domain.footage import Segment, SegmentState
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.interval import Interval, subtract, union
from vms.domain.media import Run
from vms.store import Catalogue

REST_NS = 30 * 86_400 * NS_PER_S
_BATCH = 500


def prunable(rows: Iterable[Segment], gaps: Iterable[Gap], corrected: Sequence[Run] = ()) -> list[Segment]:
    """Those whose whole time is said to be expired, in their order. One that was lost is none: it may turn up again.
    `corrected`: Runs of a clock that was wrong, whose time is shown elsewhere."""
    moved = [shifted(gap, corrected) for gap in gaps]
    said = union(
        Interval(gap.start_ns, gap.end_ns)
        for gap in moved
        if gap.cause is GapCause.EXPIRED
        and gap.state is GapState.CLOSED
        and gap.end_ns is not None
        and gap.start_ns < gap.end_ns
    )
    shifts = {run.id: run.correction_ns or 0 for run in corrected}
    return [
        one
        for one in rows
        if one.state is SegmentState.EXPIRED
        and one.start_ns < one.end_ns
        and not subtract(
            Interval(one.start_ns + shifts.get(one.run, 0), one.end_ns + shifts.get(one.run, 0)),
            said,
        )
    ]


async def prune(
    catalogue: Catalogue, old: Sequence[tuple[StreamRef, int]], goes_on: Callable[[], Awaitable[bool]]
) -> int:
    """Walk through Streams, each with the time before which its rows may go; how many Segments went. `goes_on` is asked
    after each batch."""
    gone = 0
    for stream, before_ns in old:
        after_ns = -1
        low_ns, high_ns = await catalogue.runs.correction_range(stream)
        spread_ns = 2 * max(abs(low_ns), abs(high_ns))
        while rows := await catalogue.pruning.expired(stream, after_ns, before_ns, _BATCH):
            within = Interval(rows[0].start_ns, max(before_ns, rows[0].start_ns + 1))
            within = Interval(within.start_ns, min(within.end_ns, max(one.end_ns for one in rows) + 1))
            corrected: list[Run] = []
            if spread_ns:
                within = Interval(within.start_ns - spread_ns, within.end_ns + spread_ns)
                corrected = [run for run in await catalogue.runs.in_interval(stream, within) if run.correction_ns]
            gaps = await catalogue.gaps.in_interval(stream, within)
            gone += await catalogue.pruning.prune(prunable(rows, gaps, corrected))
            after_ns = rows[-1].start_ns
            if not await goes_on():
                return gone
    return gone
