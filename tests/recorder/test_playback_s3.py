"""The same footage from a real S3 server."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.playback import Playback
from tests.recorder.shelf import Shelf
from tests.recorder.synth import CAMERA, NODE, START_NS, make_run, packets
from tests.recorder.test_footage import probe, saved
from tests.s3_fixture import minio, s3_store
from vms.clock import ManualClock
from vms.domain.camera import StreamName
from vms.domain.interval import Interval
from vms.objects.s3 import S3Store

__all__ = ["minio", "s3_store"]

pytestmark = pytest.mark.servers


async def test_footage_on_s3(tmp_path: Path, s3_store: S3Store) -> None:
    """Ranges and a download from MinIO are those of the recorded file."""
    shelf = await Shelf.build(tmp_path, {"home": s3_store}, NODE)
    clock = ManualClock(START_NS + 100 * 1_000_000_000)
    playback = Playback(shelf.catalogue, shelf.stores, shelf.bus, clock)
    run = make_run()
    made = await shelf.record(run, packets(run, seconds=9), segment_s=3)
    segment = made[1].segment
    size, data = await playback.segment_range(run.id, 1, 1000, 3000)
    assert size == segment.size_bytes
    assert data == s3_store.get(segment.key)[1000:4000]
    window = Interval(START_NS, clock.now_ns())
    said = await probe(await saved(await playback.footage(CAMERA, StreamName.MAIN, window), tmp_path / "f.mp4"))
    assert said["video"]["nb_frames"] == "225"
    await playback.close()
    await shelf.close()
