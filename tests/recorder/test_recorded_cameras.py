"""What the recorder does when cameras are added, changed, switched off and removed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.recorder.rig import (
    FOREVER,
    HOT,
    REGISTERED_NS,
    camera,
    change,
    closed,
    rig,
    rows_of,
    seamless,
    until_async,
    until_gap,
    until_spooled,
)
from tests.recorder.synth import CAMERA, NODE, STREAM, make_run, packets, video_clip, video_track
from vms.clock import NS_PER_S
from vms.domain.camera import RecordMode, Stream, StreamName, StreamRef
from vms.domain.footage import SegmentState
from vms.domain.gap import GapCause, GapState
from vms.domain.interval import Interval, total_ns
from vms.domain.media import EndReason, RunEnded
from vms.errors import VmsError


async def test_disabled_and_enabled(tmp_path: Path) -> None:
    """A disabled camera has a Gap `disabled` for that time; enabled again, its next Run closes a Gap."""
    async with rig(tmp_path) as r:
        await change(r, enabled=False)
        await until_gap(r, GapCause.DISABLED, GapState.OPEN)
        run = make_run()
        r.play(run, packets(run, seconds=1), reason=EndReason.DISABLED)
        await change(r, enabled=True)
        await until_gap(r, GapCause.UNKNOWN, GapState.OPEN)
        segments, gaps = await rows_of(r)
        seamless(segments, gaps)
        assert segments == []
        assert [g.cause for g in gaps] == [GapCause.NODE_DOWN, GapCause.DISABLED, GapCause.UNKNOWN]


async def test_recording_switched_off_while_it_runs(tmp_path: Path) -> None:
    """Record off closes the Segment and says `disabled`, though the camera goes on."""
    async with rig(tmp_path, segment_s=60) as r:
        run = make_run()
        sent = list(packets(run, seconds=4))
        r.play(run, sent[:50])
        await until_async(lambda: r.catalogue.segments.by_state(SegmentState.OPEN))
        off = tuple(replace(stream, record=RecordMode.OFF) for stream in camera().streams)
        await change(r, streams=off)
        await until_gap(r, GapCause.DISABLED, GapState.OPEN)
        r.publish(sent[50:])
        await closed(r)
        segments, gaps = await rows_of(r)
        seamless(segments, gaps)
        assert total_ns(Interval(s.start_ns, s.end_ns) for s in segments) == 2 * NS_PER_S


async def test_a_deleted_camera_misses_nothing(tmp_path: Path) -> None:
    """Its Gap ends where it was deleted, also when the recorder was down then."""
    async with rig(tmp_path) as r:
        await r.recording.written()
        deleted_ns = r.recording.clock.now_ns()
        await r.catalogue.cameras.remove(CAMERA, deleted_ns)
        r.bus.publish("cameras.changed", {"camera": CAMERA})
        await until_gap(r, GapCause.NODE_DOWN, GapState.CLOSED)
        _, (gap,) = await rows_of(r)
        assert gap.end_ns == deleted_ns
        with pytest.raises(VmsError):
            await r.bus.request(HOT, {})


async def test_a_stream_that_its_camera_has_no_more_misses_nothing(tmp_path: Path) -> None:
    """Its Gap ends, its recorder is gone, and the camera's other Stream goes on."""
    sub = StreamRef(CAMERA, StreamName.SUB)
    async with rig(tmp_path) as r:
        known = await r.catalogue.cameras.get(CAMERA)
        assert known is not None
        (main,) = (stream for stream in known.streams if stream.ref == STREAM)
        await change(r, streams=(main, Stream(sub, "rtsp://10.0.0.1/sub", RecordMode.CONTINUOUS)))

        async def opened() -> bool:
            return await r.catalogue.gaps.open_of(sub) is not None

        await until_async(opened)
        await change(r, streams=(main,))

        async def closed_again() -> bool:
            return not await opened()

        await until_async(closed_again)
        assert await r.catalogue.gaps.open_of(STREAM) is not None
        with pytest.raises(VmsError):
            await r.bus.request(f"recorder.hot.{CAMERA}.sub", {})


@pytest.mark.parametrize("what", ["removed", "switched off"])
async def test_the_run_of_a_camera_that_goes_is_ended(tmp_path: Path, what: str) -> None:
    """Ingest says so after the recorder has closed its file: the row of the Run gets its end all the same."""
    async with rig(tmp_path, segment_s=60) as r:
        run = make_run()
        r.play(run, packets(run, seconds=2))
        await until_async(lambda: r.catalogue.segments.by_state(SegmentState.OPEN))
        if what == "removed":
            await r.catalogue.cameras.remove(CAMERA, r.recording.clock.now_ns())
            r.bus.publish("cameras.changed", {"camera": CAMERA})
        else:
            await change(r, enabled=False)
        await until_spooled(r, 1)
        end_ns = run.start_ns + 2 * NS_PER_S
        r.publish([RunEnded(run.stream, run.id, end_ns, EndReason.DISABLED, 50)])

        async def ended() -> bool:
            return not await r.catalogue.runs.open_on(NODE)

        await until_async(ended)
        known = await r.catalogue.runs.get(run.id)
        assert known is not None
        assert (known.end_ns, known.end_reason) == (end_ns, EndReason.DISABLED)


async def test_a_camera_added_now_is_recorded_from_its_first_packet(tmp_path: Path) -> None:
    """A Run of a camera nobody told of yet is looked up, and not a Packet of it is missed."""
    other = StreamRef("cam3333333333333", StreamName.MAIN)
    async with rig(tmp_path) as r:
        await r.catalogue.cameras.add(camera(other.camera))
        run = make_run(video_track(video_clip()), stream=other)
        r.play(run, packets(run, seconds=1), reason=EndReason.CAMERA_UNREACHABLE)
        await until_spooled(r, 1)
        (one,) = await r.catalogue.segments.in_interval(other, FOREVER)
        assert (one.start_ns, one.end_ns - one.start_ns) == (run.start_ns, NS_PER_S)
        assert r.asked == []


async def test_a_stream_that_is_not_recorded_leaves_nothing(tmp_path: Path) -> None:
    """The sub Stream, record off: no file, no Run, no Gap; switched on later, the time before is `disabled`."""
    sub = StreamRef(CAMERA, StreamName.SUB)
    async with rig(tmp_path) as r:
        run = make_run(stream=sub)
        r.play(run, packets(run, seconds=1), reason=EndReason.CAMERA_UNREACHABLE)
        await change(r, streams=tuple(replace(s, record=RecordMode.CONTINUOUS) for s in camera().streams))

        async def two() -> bool:
            return len(await r.catalogue.gaps.in_interval(sub, FOREVER)) == 2

        await until_async(two)
        before, after = await r.catalogue.gaps.in_interval(sub, FOREVER)
        assert (before.cause, before.start_ns, before.end_ns) == (GapCause.DISABLED, REGISTERED_NS, after.start_ns)
        assert await r.catalogue.runs.get(run.id) is None
        assert list(r.spool.files()) == []
