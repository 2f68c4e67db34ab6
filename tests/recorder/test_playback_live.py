"""The read side beside the real recorder and uploader: footage is replayable while it is written and moved."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from recorder.playback import Playback
from recorder.uploader import Uploader, UploaderOptions
from tests.recorder.rig import REGISTERED_NS, SITE, Rig, camera, rig, until_async
from tests.recorder.synth import CAMERA, NODE, STREAM, make_run, packets
from tests.recorder.test_footage import probe, saved
from vms.clock import SystemClock
from vms.domain.camera import Site, StreamName
from vms.domain.footage import SegmentState
from vms.domain.interval import Interval, union
from vms.objects.folder import FolderStore
from vms.store.catalogue import Catalogue

S = 1_000_000_000


async def _frames(playback: Playback, window: Interval, path: Path) -> int:
    download = await playback.footage(CAMERA, StreamName.MAIN, window)
    said = await probe(await saved(download, path))
    return int(said["video"]["nb_frames"])


async def _stored(found: Rig, count: int) -> bool:
    rows = await found.catalogue.segments.in_interval(STREAM, Interval(REGISTERED_NS, time.time_ns() + S))
    return [row.state for row in rows] == [SegmentState.STORED] * count


async def test_from_the_first_fragment_to_the_store(tmp_path: Path) -> None:
    """An open Run is replayable to its last fragment, and the same frames are there when all is in the Store."""
    clock = SystemClock()
    async with rig(tmp_path) as found:
        store = FolderStore("home", tmp_path / "objects")
        playback = Playback(found.catalogue, {"home": store}, found.bus, clock)
        run = make_run(start_ns=clock.now_ns() - 9 * S)
        window = Interval(run.start_ns, clock.now_ns() + S)
        end_ns = found.play(run, packets(run, seconds=9))

        async def replayable() -> bool:
            covered = await playback.coverage(CAMERA, StreamName.MAIN, window)
            return covered.recorded_ns >= 8_700_000_000

        await until_async(replayable)
        covered = await playback.coverage(CAMERA, StreamName.MAIN, window)
        assert covered.window is not None
        assert union([*covered.intervals, *(Interval(g.start_ns, g.end_ns) for g in covered.gaps)]) == [covered.window]
        assert await _frames(playback, window, tmp_path / "open.mp4") >= 215
        await found.stop()
        uploader = Uploader(
            clock,
            catalogue=found.catalogue,
            bus=found.bus,
            spool=found.spool,
            stores={"home": store},
            options=UploaderOptions(NODE, poll_s=0.05),
        )
        task = asyncio.create_task(uploader.run())
        await until_async(lambda: _stored(found, 5))
        uploader.stop()
        await task
        assert list(found.spool.files()) == []
        assert await _frames(playback, window, tmp_path / "stored.mp4") == 225
        covered = await playback.coverage(CAMERA, StreamName.MAIN, window)
        assert covered.intervals[0].start_ns == run.start_ns
        assert abs(covered.intervals[-1].end_ns - end_ns) < S // 10
        await playback.close()


async def test_a_closed_segment_whose_row_is_on_its_way(tmp_path: Path) -> None:
    """A catalogue elsewhere that has no row of them yet: what was just closed is replayed there without a hole."""
    clock = SystemClock()
    async with rig(tmp_path, linger_s=20.0) as found:
        center = await Catalogue.open(f"sqlite:///{tmp_path}/center.db", key=bytes(32))
        await center.sites.put(Site(SITE, "sampit", "Sampit"))
        await center.cameras.add(camera())
        playback = Playback(center, {}, found.bus, clock)
        run = make_run(start_ns=clock.now_ns() - 9 * S)
        await center.runs.put(run)
        window = Interval(run.start_ns, clock.now_ns() + S)
        found.play(run, packets(run, seconds=9))

        async def closed() -> bool:
            rows = await found.catalogue.segments.in_interval(STREAM, window)
            return [row.state for row in rows][:4] == [SegmentState.SPOOLED] * 4

        await until_async(closed)
        covered = await playback.coverage(CAMERA, StreamName.MAIN, window)
        assert covered.recorded_ns >= 8_700_000_000
        assert await _frames(playback, window, tmp_path / "center.mp4") >= 215
        await playback.close()
        await center.close()
