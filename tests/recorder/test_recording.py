"""The recorder as a whole: hub in, files, rows, Gaps and answers out."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.spool import Spool, SpoolOptions
from tests.recorder.rig import FOREVER, REGISTERED_NS, Rig, camera, rig, until, until_async
from tests.recorder.synth import CAMERA, NODE, STREAM, make_run, packets, video_clip, video_track
from vms.clock import NS_PER_S
from vms.domain.camera import RecordMode, Stream, StreamName, StreamRef
from vms.domain.footage import IndexedSegment, Segment, SegmentState
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.interval import Interval, total_ns
from vms.domain.media import Codec, EndReason, Packet, RunEnded, RunStarted, StreamCondition, StreamState, Track
from vms.errors import CatalogueError, InputError, ObjectMissingError, VmsError
from vms.store.segments import Segments

HOT = f"recorder.hot.{CAMERA}.main"
RANGE = f"recorder.range.{NODE}"


async def rows_of(r: Rig) -> tuple[list[Segment], list[Gap]]:
    """All that the catalogue knows of the Stream, once it knows all."""
    await r.recording.written()
    segments = await r.catalogue.segments.in_interval(STREAM, FOREVER)
    gaps = await r.catalogue.gaps.in_interval(STREAM, FOREVER)
    return segments, [gap for gap in gaps if gap.state is not GapState.REPAIRED]


async def closed(r: Rig) -> None:
    """Every Segment of the Stream is closed: its row has its true end."""

    async def none_open() -> bool:
        return not await r.catalogue.segments.by_state(SegmentState.OPEN)

    await until_async(none_open)


def seamless(segments: list[Segment], gaps: list[Gap]) -> None:
    """Footage and Gaps follow each other from registration on without hole or overlap; the last Gap is open or not."""
    parts = sorted([(s.start_ns, s.end_ns) for s in segments] + [(g.start_ns, g.end_ns or 1 << 62) for g in gaps])
    assert parts[0][0] == REGISTERED_NS
    assert [end for _, end in parts[:-1]] == [start for start, _ in parts[1:]]


async def until_spooled(r: Rig, count: int) -> None:
    """Wait until so many Segments are spooled."""

    async def there() -> bool:
        return len(await r.catalogue.segments.by_state(SegmentState.SPOOLED)) >= count

    await until_async(there)


async def until_gap(r: Rig, cause: GapCause, state: GapState) -> None:
    """Wait until there is such a Gap."""

    async def there() -> bool:
        return any((gap.cause, gap.state) == (cause, state) for gap in (await rows_of(r))[1])

    await until_async(there)


async def test_a_run_becomes_segments_rows_and_gaps(tmp_path: Path) -> None:
    """Six seconds in Segments of two give three rows, one Run row with its end, and Gaps before and after."""
    async with rig(tmp_path) as r:
        run = make_run()
        end_ns = r.play(run, packets(run, seconds=6), reason=EndReason.CAMERA_UNREACHABLE)
        await until_spooled(r, 3)
        await until_gap(r, GapCause.CAMERA_UNREACHABLE, GapState.OPEN)
        segments, gaps = await rows_of(r)
        seamless(segments, gaps)
        assert [s.number for s in segments] == [0, 1, 2]
        assert (segments[0].start_ns, segments[-1].end_ns) == (run.start_ns, end_ns)
        assert [(g.cause, g.start_ns) for g in gaps] == [
            (GapCause.NODE_DOWN, REGISTERED_NS),
            (GapCause.CAMERA_UNREACHABLE, end_ns),
        ]
        row = await r.catalogue.runs.get(run.id)
        assert row is not None
        assert (row.end_ns, row.end_reason) == (end_ns, EndReason.CAMERA_UNREACHABLE)
        indexed = await r.catalogue.segments.with_index(STREAM, FOREVER)
        assert sum(f.duration_90k for one in indexed for f in one.fragments) == 6 * 90_000


async def test_the_hot_tail_is_answered(tmp_path: Path) -> None:
    """What is open is told with its fragments, and its bytes are given; nothing else is."""
    async with rig(tmp_path, segment_s=60) as r:
        run = make_run()
        r.play(run, packets(run, seconds=3))

        async def hot() -> list[IndexedSegment]:
            answer = await r.bus.request(HOT, {})
            found: list[IndexedSegment] = answer["segments"]
            return found

        async def there() -> bool:
            return sum(len(one.fragments) for one in await hot()) >= 14

        await until_async(there)
        (one,) = await hot()
        assert one.segment.state is SegmentState.OPEN
        assert one.segment.end_ns == one.fragments[-1].wall_ns + one.fragments[-1].duration_90k * 100_000 // 9
        last = one.fragments[-1]
        asked = {"key": one.segment.key, "offset": last.offset_bytes, "length": last.size_bytes}
        data = (await r.bus.request(RANGE, asked))["data"]
        assert (len(data), data[4:8]) == (last.size_bytes, b"prft")
        for wrong, error in (
            ({**asked, "key": one.segment.key.replace(run.id, "zzzz")}, ObjectMissingError),
            ({**asked, "key": "../../etc/passwd"}, InputError),
            ({**asked, "offset": -1}, InputError),
            ({**asked, "length": 1 << 40}, InputError),
            ({"key": one.segment.key}, InputError),
        ):
            with pytest.raises(error):
                await r.bus.request(RANGE, wrong)


async def test_a_stop_closes_what_is_open(tmp_path: Path) -> None:
    """A stop in order leaves no `.part`, no open row, and an open Gap `node_down`; the next start goes on there."""
    async with rig(tmp_path) as r:
        run = make_run()
        end_ns = r.play(run, packets(run, seconds=3))
        await r.stop()
        segments, gaps = await rows_of(r)
        seamless(segments, gaps)
        assert [s.state for s in segments] == [SegmentState.SPOOLED] * 2
        assert (gaps[-1].cause, gaps[-1].start_ns, gaps[-1].state) == (GapCause.NODE_DOWN, end_ns, GapState.OPEN)
        assert not any(is_part for _, is_part in r.spool.files())
    async with rig(tmp_path) as r:
        later = make_run(start_ns=end_ns + 9 * NS_PER_S)
        r.play(later, packets(later, seconds=2), reason=EndReason.STREAM_STALLED)
        await until_gap(r, GapCause.STREAM_STALLED, GapState.OPEN)
        await until_spooled(r, 3)
        segments, gaps = await rows_of(r)
        seamless(segments, gaps)
        assert [g.cause for g in gaps] == [GapCause.NODE_DOWN, GapCause.NODE_DOWN, GapCause.STREAM_STALLED]


async def test_states_name_the_cause(tmp_path: Path) -> None:
    """What ingest says of a Stream that gives nothing becomes the Gap's cause, from when it says."""
    async with rig(tmp_path) as r:
        since_ns = REGISTERED_NS + 5 * NS_PER_S
        r.publish([StreamState(STREAM, StreamCondition.AUTH_FAILED, since_ns, "wrong password", "auth_failed")])
        await until_gap(r, GapCause.AUTH_FAILED, GapState.OPEN)
        segments, gaps = await rows_of(r)
        assert [(g.cause, g.start_ns, g.end_ns) for g in gaps] == [
            (GapCause.NODE_DOWN, REGISTERED_NS, since_ns),
            (GapCause.AUTH_FAILED, since_ns, None),
        ]
        assert segments == []


async def test_a_late_packet_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    """What is there is written a quarter of a second later at most, though the next Packet does not come."""
    async with rig(tmp_path) as r:
        run = make_run()
        sent = list(packets(run, seconds=1))[:8]
        r.play(run, sent)

        async def there() -> bool:
            answer = await r.bus.request(HOT, {})
            return sum(f.duration_90k for one in answer["segments"] for f in one.fragments) == 8 * 3600

        await until_async(there, 3)


async def test_the_catalogue_may_be_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While no row can be written bytes are, and all rows are there when it is back."""
    async with rig(tmp_path, segment_s=1) as r:
        real = Segments.put

        async def away(*_args: object) -> bool:
            raise CatalogueError("the catalogue is away")

        monkeypatch.setattr(Segments, "put", away)
        run = make_run()
        r.play(run, packets(run, seconds=4), reason=EndReason.CAMERA_UNREACHABLE)
        await until(lambda: len([1 for _, is_part in r.spool.files() if not is_part]) == 4)
        await until(lambda: not r.recording.health().ok)
        assert "the catalogue is away" in r.recording.health().why
        monkeypatch.setattr(Segments, "put", real)
        await until_spooled(r, 4)
        seamless(*await rows_of(r))
        await until(lambda: r.recording.health().ok)


class Disk:
    """os.write with faults on demand."""

    def __init__(self) -> None:
        self.code = 0

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """As os.write, or the fault."""
        if self.code:
            raise OSError(self.code, os.strerror(self.code))
        return os.write(fd, data)


def new_runs(r: Rig, start_ns: int) -> Callable[[], None]:
    """Do as ingest does when the recorder asks for a new Run: end the old one and begin another."""

    def answer() -> None:
        run = make_run(start_ns=start_ns)
        end_ns = start_ns - NS_PER_S
        r.hub.publish(RunEnded(STREAM, r.asked[-1], end_ns, EndReason.OVERLOAD, 0))
        r.play(run, packets(run, seconds=3), reason=EndReason.CAMERA_UNREACHABLE)

    return answer


@pytest.mark.parametrize(
    ("code", "cause"), [(errno.EIO, GapCause.DISK_ERROR), (errno.ENOSPC, GapCause.SPOOL_FULL)], ids=["EIO", "ENOSPC"]
)
async def test_a_disk_error_is_a_gap_and_is_over_by_itself(tmp_path: Path, code: int, cause: GapCause) -> None:
    """The Gap begins where the last whole fragment ended, and recording begins again with a new Run."""
    disk = Disk()
    async with rig(tmp_path, spool=Spool(SpoolOptions(tmp_path / "spool"), write=disk.write)) as r:
        run = make_run()
        sent = list(packets(run, seconds=6))
        r.play(run, sent[:60])

        async def written() -> bool:
            answer = await r.bus.request(HOT, {})
            return any(one.segment.number == 1 for one in answer["segments"])

        await until_async(written)
        disk.code = code
        r.publish(sent[60:])
        await until_gap(r, cause, GapState.OPEN)
        disk.code = 0
        await until(lambda: r.asked == [run.id])
        new_runs(r, run.start_ns + 20 * NS_PER_S)()
        await until_gap(r, GapCause.CAMERA_UNREACHABLE, GapState.OPEN)
        await until_spooled(r, 4)
        segments, gaps = await rows_of(r)
        seamless(segments, gaps)
        assert [g.cause for g in gaps] == [GapCause.NODE_DOWN, cause, GapCause.CAMERA_UNREACHABLE]
        assert not any(is_part for _, is_part in r.spool.files())


async def test_a_full_spool_stops_and_goes_on_by_itself(tmp_path: Path) -> None:
    """Alarms are told, recording stops with `spool_full`, and begins again when there is room."""
    spool = Spool(SpoolOptions(tmp_path / "spool", limit_bytes=150_000, reserve_bytes=0))
    async with rig(tmp_path, spool=spool) as r:
        alarms = r.bus.subscribe("recorder.state")
        run = make_run()
        r.play(run, packets(run, seconds=4))
        await until_gap(r, GapCause.SPOOL_FULL, GapState.OPEN)
        _, alarm = await alarms.get()
        assert (alarm["kind"], alarm["full"]) == ("spool", True)
        assert "full" in r.recording.health().why
        await until_spooled(r, 2)
        for key, _ in list(spool.files()):
            spool.remove(key)
        await until(lambda: r.asked == [run.id])
        new_runs(r, run.start_ns + 20 * NS_PER_S)()
        await until_gap(r, GapCause.CAMERA_UNREACHABLE, GapState.OPEN)
        await closed(r)
        segments, gaps = await rows_of(r)
        seamless(segments, gaps)
        assert [g.cause for g in gaps] == [GapCause.NODE_DOWN, GapCause.SPOOL_FULL, GapCause.CAMERA_UNREACHABLE]


async def test_who_comes_in_the_middle_asks_for_a_new_run(tmp_path: Path) -> None:
    """A recorder that starts during a Run records nothing of it, and asks ingest for another."""
    async with rig(tmp_path, start=False) as r:
        run = make_run()
        sent = list(packets(run, seconds=2))
        r.play(run, sent[:30])
        r.start()
        await r.ready()
        r.publish(sent[30:])
        await until(lambda: r.asked)
        assert list(r.spool.files()) == []


async def test_what_comes_during_the_sweep_is_recorded(tmp_path: Path) -> None:
    """Ingest may begin while the recorder still sweeps: not a Packet is missed, and no new Run is asked for."""
    async with rig(tmp_path, start=False) as r:
        r.start()
        await asyncio.sleep(0)
        run = make_run()
        r.play(run, packets(run, seconds=2), reason=EndReason.CAMERA_UNREACHABLE)
        await until_spooled(r, 1)
        segments, gaps = await rows_of(r)
        seamless(segments, gaps)
        assert (segments[0].start_ns, r.asked) == (run.start_ns, [])


async def test_headers_that_cannot_be_read_are_a_gap(tmp_path: Path) -> None:
    """A Run without parameter sets is `stream_corrupt`, not a crash; the next one is recorded."""
    async with rig(tmp_path) as r:
        bad = make_run(Track(0, Codec.H264))
        r.play(bad, packets(make_run(run=bad.id), seconds=1))
        await until_gap(r, GapCause.STREAM_CORRUPT, GapState.OPEN)
        r.publish([RunEnded(STREAM, bad.id, bad.start_ns + NS_PER_S, EndReason.INFO_CHANGED, 25)])
        good = make_run(start_ns=bad.start_ns + 5 * NS_PER_S)
        r.play(good, packets(good, seconds=1), reason=EndReason.CAMERA_UNREACHABLE)
        await until_spooled(r, 1)
        seamless(*await rows_of(r))


async def change(r: Rig, **values: object) -> None:
    """Change the camera as the API does."""
    found = await r.catalogue.cameras.get(CAMERA)
    assert found is not None
    await r.catalogue.cameras.update(replace(found, rev=found.rev + 1, **values))  # type: ignore[arg-type]  # by name
    r.bus.publish("cameras.changed", {"camera": CAMERA})


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


async def test_one_bad_stream_does_not_stop_the_others(tmp_path: Path) -> None:
    """A Packet that cannot be handled ends its own Stream's recording only."""
    other = StreamRef("cam3333333333333", StreamName.MAIN)
    async with rig(tmp_path) as r:
        await r.catalogue.cameras.add(camera(other.camera))
        good, bad = make_run(stream=other), make_run()
        r.publish([RunStarted(good), RunStarted(bad)])
        for n, packet in enumerate(packets(good, seconds=2)):
            mine = replace(packet, stream=STREAM, run=bad.id)
            broken: Packet = replace(mine, dts_90k=None) if n == 5 else mine  # type: ignore[arg-type]  # on purpose
            r.publish([packet, broken])
        r.publish([RunEnded(other, good.id, good.start_ns + 2 * NS_PER_S, EndReason.CAMERA_UNREACHABLE, 50)])
        await until_async(lambda: r.catalogue.segments.in_interval(other, FOREVER))
        await until_gap(r, GapCause.UNKNOWN, GapState.OPEN)
        assert r.recording.health().ok


async def test_a_segment_ends_at_the_next_key_frame_when_it_is_asked_to(tmp_path: Path) -> None:
    """An export that reaches up to now can be proved within a group of pictures, and no frame is lost by it."""
    async with rig(tmp_path, segment_s=60) as r:
        run = make_run()
        found = list(packets(run, seconds=6))
        r.publish([RunStarted(run), *found[:60]])
        await until_async(lambda: r.catalogue.segments.by_state(SegmentState.OPEN))
        await r.bus.request(f"recorder.cut.{CAMERA}.main", {})
        r.publish(found[60:])
        await until_spooled(r, 1)
        (first,) = await r.catalogue.segments.by_state(SegmentState.SPOOLED)
        assert (first.start_ns, first.end_ns, first.gops) == (run.start_ns, run.start_ns + 3 * NS_PER_S, 3)
