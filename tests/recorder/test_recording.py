"""The recorder as a whole: hub in, files, rows and Gaps out."""

from __future__ import annotations

from pathlib import Path

from tests.recorder.rig import FOREVER, REGISTERED_NS, rig, until_async
from tests.recorder.synth import STREAM, make_run, packets
from vms.domain.footage import SegmentState
from vms.domain.gap import GapCause, GapState
from vms.domain.media import EndReason


async def test_a_run_becomes_segments_rows_and_a_gap(tmp_path: Path) -> None:
    """Six seconds in Segments of two give three rows, one Run row with its end, and Gaps before and after."""
    async with rig(tmp_path) as r:
        run = make_run()
        end_ns = r.play(run, packets(run, seconds=6), reason=EndReason.CAMERA_UNREACHABLE)

        async def all_spooled() -> bool:
            return len(await r.catalogue.segments.by_state(SegmentState.SPOOLED)) == 3

        await until_async(all_spooled)
        found = await r.catalogue.segments.with_index(STREAM, FOREVER)
        assert [s.segment.number for s in found] == [0, 1, 2]
        assert [s.segment.start_ns for s in found][1:] == [s.segment.end_ns for s in found][:-1]
        assert found[0].segment.start_ns == run.start_ns
        assert found[-1].segment.end_ns == end_ns
        row = await r.catalogue.runs.get(run.id)
        assert row is not None
        assert (row.end_ns, row.end_reason) == (end_ns, EndReason.CAMERA_UNREACHABLE)

        async def both_gaps() -> bool:
            return len(await r.catalogue.gaps.in_interval(STREAM, FOREVER)) == 2

        await until_async(both_gaps)
        before, after = await r.catalogue.gaps.in_interval(STREAM, FOREVER)
        assert (before.start_ns, before.end_ns, before.cause) == (REGISTERED_NS, run.start_ns, GapCause.NODE_DOWN)
        assert (after.start_ns, after.state, after.cause) == (end_ns, GapState.OPEN, GapCause.CAMERA_UNREACHABLE)
