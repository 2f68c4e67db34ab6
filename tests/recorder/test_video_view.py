"""G.711 in a Segment: browsers refuse it, so playlists name a view of it that they play. Proved in Chromium itself."""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import av
import pytest
from playwright.async_api import async_playwright

from recorder.nal import to_lengths
from recorder.playback import Playback, PlaybackOptions
from recorder.sample_entries import codec_string
from recorder.video_view import VideoView
from tests.e2e.browser import CHROMIUM, FLAGS
from tests.recorder.shelf import Shelf
from tests.recorder.synth import CAMERA, NODE, START_NS, aac_clip, make_run, packets, video_clip, video_track
from vms.clock import ManualClock
from vms.domain.camera import StreamName
from vms.domain.footage import IndexedSegment
from vms.domain.interval import Interval
from vms.domain.media import Codec, Packet, Run, Track
from vms.errors import FootageError, NotFoundError
from vms.objects.folder import FolderStore

S = 1_000_000_000
ALL = Interval(START_NS, START_NS + 3600 * S)
APPEND = """async ([codec, pieces]) => {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const source = new MediaSource(), video = document.createElement("video");
  video.src = URL.createObjectURL(source);
  await new Promise((done) => source.addEventListener("sourceopen", done, { once: true }));
  const buffer = source.addSourceBuffer(`video/mp4; codecs="${codec}"`);
  for (const piece of pieces) {
    buffer.appendBuffer(bytes(piece));
    const error = await new Promise((done) => {
      buffer.addEventListener("updateend", () => done(""), { once: true });
      buffer.addEventListener("error", () => done("refused"), { once: true });
    });
    if (error) return error;
  }
  return buffer.buffered.length ? buffer.buffered.end(0) - buffer.buffered.start(0) : 0;
}"""


def talking(codec: Codec = Codec.PCMU) -> Run:
    """A Run with G.711."""
    return make_run(video_track(video_clip()), Track(1, codec, sample_rate=8_000, channels=1))


def with_sound(run: Run, seconds: float) -> Iterator[Packet]:
    """Its Packets: 40 ms of sound behind each picture."""
    for n, packet in enumerate(packets(run, seconds=seconds)):
        yield dataclasses.replace(packet, seq=2 * n)
        yield dataclasses.replace(
            packet, track=1, seq=2 * n + 1, payload=bytes([n % 256]) * 320, is_key=True, pts_90k=packet.dts_90k
        )


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    """A shelf with a folder Store."""
    made = await Shelf.build(tmp_path, {"home": FolderStore("home", tmp_path / "objects")}, NODE)
    yield made
    await made.close()


@pytest.fixture
async def playback(shelf: Shelf) -> AsyncIterator[Playback]:
    """Reads it in small blocks."""
    clock, options = ManualClock(START_NS + 7200 * S), PlaybackOptions(block_bytes=30_001, hot_s=8000)
    made = Playback(shelf.catalogue, shelf.stores, shelf.bus, clock, options)
    yield made
    await made.close()


async def recorded(shelf: Shelf, run: Run) -> IndexedSegment:
    """One Segment of two GOPs in the Store."""
    (one,) = await shelf.record(run, with_sound(run, 2), segment_s=60)
    return one


@pytest.mark.parametrize("codec", [Codec.PCMU, Codec.PCMA])
async def test_a_view_has_the_same_size_and_no_sound(shelf: Shelf, playback: Playback, codec: Codec) -> None:
    """libav finds one track, every picture in it, and nothing to complain of; the Segment itself is as it was."""
    run = talking(codec)
    one = await recorded(shelf, run)
    raw = await (await playback.segment(run.id, 0)).read(0)
    view = await playback.segment(run.id, 0, "video")
    seen = await view.read(0)
    assert len(seen) == len(raw) == view.size_bytes == one.segment.size_bytes
    with av.open(io.BytesIO(raw)) as container:
        assert len(container.streams) == 2
    with av.open(io.BytesIO(seen)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        pictures = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    assert pictures == [to_lengths(packet.payload) for packet in packets(run, seconds=2)]


async def test_any_range_is_that_of_the_whole(shelf: Shelf, playback: Playback) -> None:
    """Ranges that begin and end anywhere, in stored and in open Segments."""
    run = talking()
    one = await recorded(shelf, run)
    whole = await (await playback.segment(run.id, 0, "video")).read(0)
    view = await playback.segment(run.id, 0, "video")
    init, at = one.segment.init_bytes, one.fragments[3].offset_bytes
    for start, length in ((0, init), (3, 50), (init - 1, 2), (at, 40), (at + 45, 9000), (len(whole) - 70, 900)):
        assert await view.read(start, length) == whole[start : start + length]
    tail = make_run(*run.info.tracks, start_ns=START_NS + 10 * S)
    (hot,) = await shelf.record(tail, with_sound(tail, 1.5), segment_s=60, close=False)
    seen = await (await playback.segment(tail.id, 0, "video")).read(0)
    assert len(seen) == hot.segment.size_bytes
    assert seen.count(b"traf") * 2 == (await (await playback.segment(tail.id, 0)).read(0)).count(b"traf")


async def test_playlists_name_it_where_it_is_needed(shelf: Shelf, playback: Playback) -> None:
    """Runs with G.711 only; AAC and silence are played as they are."""
    loud, quiet = talking(), make_run(start_ns=START_NS + 20 * S)
    heard = make_run(
        video_track(video_clip()),
        Track(1, Codec.AAC, aac_clip()[0], sample_rate=48_000, channels=1),
        start_ns=START_NS + 40 * S,
    )
    await recorded(shelf, loud)
    await shelf.record(quiet, packets(quiet, seconds=2))
    await shelf.record(heard, packets(heard, seconds=2, audio=aac_clip()[1]))
    text = await playback.playlist(CAMERA, StreamName.MAIN, ALL)
    named = {line.split("/")[-2]: line.endswith("?view=video") for line in text.splitlines() if line.startswith("/")}
    assert named == {loud.id: True, quiet.id: False, heard.id: False}
    assert f'/{loud.id}/0.mp4?view=video",BYTERANGE=' in text
    with pytest.raises(NotFoundError):
        await playback.segment("x" * 16, 0, "video")


async def test_chromium_plays_the_view_and_not_the_segment(shelf: Shelf, playback: Playback) -> None:
    """Media Source Extensions take init data and GOPs of the view, and refuse those of the Segment."""
    run = talking()
    one = await recorded(shelf, run)
    init, start = one.segment.init_bytes, one.fragments[0].offset_bytes
    end = one.fragments[-1].offset_bytes + one.fragments[-1].size_bytes
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = await browser.new_page()

        async def buffered(view: str | None) -> object:
            file = await playback.segment(run.id, 0, view)
            pieces = [await file.read(0, init), await file.read(start, end - start)]
            sent = [base64.b64encode(piece).decode() for piece in pieces]
            return await page.evaluate(APPEND, [codec_string(run.info.video), sent])

        assert await buffered(None) == "refused"
        assert await buffered("video") == pytest.approx(2.0, abs=0.1)
        await browser.close()


@pytest.mark.parametrize("size", [0, 1, 7, 1 << 31])
def test_a_damaged_fragment_is_said(size: int) -> None:
    """A box that does not fit is an error, not a loop."""
    view = VideoView(talking().info)
    with pytest.raises(FootageError):
        view.fragment(bytes(32) + size.to_bytes(4, "big") + b"moof" + bytes(50))
