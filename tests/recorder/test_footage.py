"""Footage as one plain MP4: what ffprobe, ffmpeg and libav say of it."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from recorder.examine import finish
from recorder.playback import FootageDownload, Playback, PlaybackOptions
from tests.recorder.files import complaints
from tests.recorder.shelf import Shelf
from tests.recorder.synth import (
    CAMERA,
    NODE,
    START_NS,
    aac_clip,
    make_run,
    packets,
    video_clip,
    video_track,
)
from vms.clock import ManualClock
from vms.domain.camera import StreamName
from vms.domain.footage import SegmentState
from vms.domain.interval import Interval
from vms.domain.media import Codec, Track
from vms.errors import FootageError, IntervalError, NotFoundError, ObjectError
from vms.objects.folder import FolderStore

S = 1_000_000_000
ALL = Interval(START_NS, START_NS + 3600 * S)


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    """A shelf with a folder Store."""
    made = await Shelf.build(tmp_path, {"home": FolderStore("home", tmp_path / "objects")}, NODE)
    yield made
    await made.close()


@pytest.fixture
async def playback(shelf: Shelf) -> AsyncIterator[Playback]:
    """Reads it in small blocks, so that fragments are cut between them."""
    made = Playback(
        shelf.catalogue,
        shelf.stores,
        shelf.bus,
        ManualClock(START_NS + 7200 * S),
        PlaybackOptions(block_bytes=10_007, hot_s=8000),
    )
    yield made
    await made.close()


async def saved(download: FootageDownload, path: Path) -> Path:
    """The download in a file."""
    with path.open("wb") as file:
        async for block in download.blocks():
            file.write(block)
    return path


async def _run(*command: str) -> tuple[str, str]:
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


async def probe(path: Path) -> dict[str, dict[str, str]]:
    """What ffprobe says of each stream; it must have nothing to complain about, and ffmpeg must decode it whole."""
    fields = "stream=codec_name,codec_type,nb_frames,duration,start_time"
    out, err = await _run("ffprobe", "-v", "warning", "-show_entries", fields, "-of", "json", str(path))
    assert err == ""
    _, err = await _run("ffmpeg", "-v", "warning", "-i", str(path), "-f", "null", "-")
    assert err == ""
    return {stream["codec_type"]: stream for stream in json.loads(out)["streams"]}


def video_times(path: Path) -> list[Fraction]:
    """Presentation times of the video in order of decoding, seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        return [p.pts * stream.time_base for p in container.demux(stream) if p.size and p.pts is not None]


async def test_one_run(shelf: Shelf, playback: Playback, tmp_path: Path) -> None:
    """Several Segments of a Run: every frame, at its time, decodable, and not one byte of a frame changed."""
    run = make_run()
    sent = list(packets(run, seconds=10))
    await shelf.record(run, sent, segment_s=3)
    download = await playback.footage(CAMERA, StreamName.MAIN, ALL)
    assert download.interval == Interval(START_NS, START_NS + 10 * S)
    path = await saved(download, tmp_path / "footage.mp4")
    said = await probe(path)
    assert said["video"]["nb_frames"] == "250"
    assert float(said["video"]["duration"]) == 10.0
    assert video_times(path) == [Fraction(n, 25) for n in range(250)]
    with av.open(str(path)) as container:
        payloads = [bytes(p) for p in container.demux(video=0) if p.size]
    assert [len(p) for p in payloads[:3]] == [_avcc_bytes(p.payload) for p in sent[:3]]


def _avcc_bytes(annex_b: bytes) -> int:
    return sum(4 + len(unit) for unit in re.split(b"\x00\x00\x00\x01|\x00\x00\x01", annex_b) if unit)


async def test_whole_gops_of_what_was_asked(shelf: Shelf, playback: Playback, tmp_path: Path) -> None:
    """From the key frame before the start to the end of the GOP at the end, over a Segment's border."""
    run = make_run()
    await shelf.record(run, packets(run, seconds=10), segment_s=3)
    window = Interval(START_NS + 2_500_000_000, START_NS + 4_100_000_000)
    download = await playback.footage(CAMERA, StreamName.MAIN, window)
    assert download.interval == Interval(START_NS + 2 * S, START_NS + 5 * S)
    said = await probe(await saved(download, tmp_path / "footage.mp4"))
    assert said["video"]["nb_frames"] == "75"


async def test_several_runs_become_one(shelf: Shelf, playback: Playback, tmp_path: Path) -> None:
    """Runs with hours between them follow each other without a step, audio beside its own video."""
    config, aac = aac_clip()
    tracks = (video_track(video_clip()), Track(1, Codec.AAC, config, 0, 0, 48_000, 1))
    for start_s in (0, 600, 1200):
        run = make_run(*tracks, start_ns=START_NS + start_s * S)
        await shelf.record(run, packets(run, seconds=4, audio=aac), segment_s=2)
    path = await saved(await playback.footage(CAMERA, StreamName.MAIN, ALL), tmp_path / "footage.mp4")
    said = await probe(path)
    assert said["video"]["nb_frames"] == "300"
    assert float(said["video"]["duration"]) == pytest.approx(12.0, abs=0.001)
    assert float(said["audio"]["duration"]) == pytest.approx(12.0, abs=0.1)
    assert video_times(path) == [Fraction(n, 25) for n in range(300)]
    with av.open(str(path)) as container:
        audio = [float(p.pts * p.time_base) for p in container.demux(audio=0) if p.size and p.pts is not None]
    starts = [min(t for t in audio if t >= 4 * i - 0.001) for i in range(3)]
    assert starts == pytest.approx([0, 4, 8], abs=0.002)


async def test_frames_out_of_order(shelf: Shelf, playback: Playback, tmp_path: Path) -> None:
    """B-frames: the first picture at 0, the order right, audio shifted alike."""
    config, aac = aac_clip()
    clip = video_clip(b_frames=2, frames=100)
    run = make_run(video_track(clip), Track(1, Codec.AAC, config, 0, 0, 48_000, 1))
    await shelf.record(run, packets(run, clip, seconds=8, audio=aac), segment_s=3)
    path = await saved(await playback.footage(CAMERA, StreamName.MAIN, ALL), tmp_path / "footage.mp4")
    said = await probe(path)
    assert float(said["video"]["start_time"]) == 0
    assert sorted(video_times(path)) == [Fraction(n, 25) for n in range(200)]
    delay_s = clip[0].pts_90k / 90_000
    with av.open(str(path)) as container:
        first = next(p for p in container.demux(audio=0) if p.size)
    assert float(first.pts * first.time_base) == pytest.approx(-delay_s, abs=0.001)


async def test_h265(shelf: Shelf, playback: Playback, tmp_path: Path) -> None:
    """The other codec."""
    clip = video_clip(codec="libx265")
    run = make_run(video_track(clip, h265=True))
    await shelf.record(run, packets(run, clip, seconds=4))
    said = await probe(await saved(await playback.footage(CAMERA, StreamName.MAIN, ALL), tmp_path / "footage.mp4"))
    assert (said["video"]["codec_name"], said["video"]["nb_frames"]) == ("hevc", "100")


async def test_the_hot_tail_too(shelf: Shelf, playback: Playback, tmp_path: Path) -> None:
    """What is in the spool or still being written is part of it."""
    run = make_run()
    await shelf.record(run, packets(run, seconds=5), close=False, store="")
    download = await playback.footage(CAMERA, StreamName.MAIN, ALL)
    said = await probe(await saved(download, tmp_path / "footage.mp4"))
    assert said["video"]["nb_frames"] == "125"


async def test_a_missing_segment_closes_up(shelf: Shelf, playback: Playback, tmp_path: Path) -> None:
    """A hole within a Run is not shown as a standing picture."""
    run = make_run()
    made = await shelf.record(run, packets(run, seconds=9), segment_s=3)
    lost = await shelf.catalogue.segments.get(run.id, made[1].segment.number)
    assert lost is not None
    await shelf.catalogue.segments.put(replace(lost, state=SegmentState.EXPIRED, rev=9))
    path = await saved(await playback.footage(CAMERA, StreamName.MAIN, ALL), tmp_path / "footage.mp4")
    assert video_times(path) == [Fraction(n, 25) for n in range(150)]


async def test_a_change_of_picture_is_said(shelf: Shelf, playback: Playback) -> None:
    """One file cannot hold two sizes; the error says which intervals can be asked for."""
    first = make_run()
    await shelf.record(first, packets(first, seconds=4))
    clip = video_clip(size=(320, 192))
    second = make_run(video_track(clip, size=(320, 192)), start_ns=START_NS + 10 * S)
    await shelf.record(second, packets(second, clip, seconds=4))
    with pytest.raises(IntervalError, match=r"changed its picture or sound at 2026-09-21T14:13:30\.123Z") as caught:
        await playback.footage(CAMERA, StreamName.MAIN, ALL)
    assert caught.value.hint.startswith("Ask for 2026-09-21T14:13:20.123Z to 2026-09-21T14:13:30.123Z")
    download = await playback.footage(CAMERA, StreamName.MAIN, Interval(START_NS, START_NS + 10 * S))
    assert download.interval.end_ns == START_NS + 4 * S


async def test_what_cannot_be_asked(shelf: Shelf, playback: Playback) -> None:
    """Nothing recorded, no such camera or stream, longer than a day."""
    with pytest.raises(NotFoundError, match="nothing is recorded"):
        await playback.footage(CAMERA, StreamName.MAIN, ALL)
    with pytest.raises(NotFoundError, match="no such camera"):
        await playback.footage("x" * 16, StreamName.MAIN, ALL)
    with pytest.raises(NotFoundError, match="no stream sub"):
        await playback.footage(CAMERA, StreamName.SUB, ALL)
    with pytest.raises(IntervalError, match="24 hours"):
        await playback.footage(CAMERA, StreamName.MAIN, Interval(0, 86_401 * S))


async def test_bytes_that_go_missing_end_it(shelf: Shelf, playback: Playback, tmp_path: Path) -> None:
    """A Store that loses or damages an object on the way gives an error and no file that looks whole."""
    run = make_run()
    made = await shelf.record(run, packets(run, seconds=9), segment_s=3)
    download = await playback.footage(CAMERA, StreamName.MAIN, ALL)
    shelf.stores["home"].delete(made[2].segment.key)
    with pytest.raises(ObjectError):
        await saved(download, tmp_path / "footage.mp4")
    damaged = tmp_path / "objects" / made[1].segment.key
    data = bytearray(damaged.read_bytes())
    data[made[1].fragments[3].offset_bytes + 36] ^= 0xFF
    damaged.write_bytes(data)
    window = Interval(START_NS, made[1].segment.end_ns)
    with pytest.raises(FootageError):
        await saved(await playback.footage(CAMERA, StreamName.MAIN, window), tmp_path / "footage.mp4")


async def test_a_download_outlives_the_open_segment(shelf: Shelf, playback: Playback, tmp_path: Path) -> None:
    """What was open when the download began is closed, stored and gone from the spool when its turn comes."""
    run = make_run()
    await shelf.record(run, packets(run, seconds=4))
    tail = make_run(start_ns=START_NS + 10 * S)
    (hot,) = await shelf.record(tail, packets(tail, seconds=1.5), close=False)
    download = await playback.footage(CAMERA, StreamName.MAIN, ALL)
    done = finish(shelf.spool, hot.segment.key)
    assert done is not None
    shelf.hot.clear()
    await shelf.catalogue.segments.put(done.segment.segment, done.segment.fragments)
    await shelf.store(done.segment)
    path = await saved(download, tmp_path / "footage.mp4")
    assert complaints(path) == ""


async def test_the_first_bytes_come_at_once(shelf: Shelf, playback: Playback) -> None:
    """The head leaves before any Segment's data was read, and blocks are as small as asked for."""
    run = make_run()
    await shelf.record(run, packets(run, seconds=9), segment_s=3)
    download = await playback.footage(CAMERA, StreamName.MAIN, ALL)
    blocks = download.blocks()
    assert (await anext(blocks))[4:8] == b"ftyp"
    sizes = [len(block) async for block in blocks]
    assert max(sizes[:-1]) <= 10_007
