"""The recorder stopped, without a disk or a catalogue, and given what it cannot read: nothing is lost unseen."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.spool import Spool, SpoolOptions
from tests.recorder.rig import (
    FOREVER,
    HOT,
    Disk,
    camera,
    closed,
    new_runs,
    rig,
    rows_of,
    seamless,
    until,
    until_async,
    until_gap,
    until_spooled,
)
from tests.recorder.synth import STREAM, make_run, packets
from vms.clock import NS_PER_S
from vms.domain.camera import StreamName, StreamRef
from vms.domain.footage import SegmentState
from vms.domain.gap import GapCause, GapState
from vms.domain.media import Codec, EndReason, Packet, RunEnded, RunStarted, Track
from vms.errors import CatalogueError
from vms.store.segments import Segments


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
