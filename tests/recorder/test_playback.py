"""The read side as web asks it: coverage, playlists and bytes, from the hot tail, the spool and Stores."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from recorder.playback import Playback, PlaybackOptions
from tests.recorder.shelf import REGISTERED_NS, Shelf
from tests.recorder.synth import CAMERA, NODE, SITE, START_NS, STREAM, make_run, packets
from vms.clock import ManualClock
from vms.domain.camera import StreamName
from vms.domain.footage import Copy, CopyState, SegmentState
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.interval import Interval, union
from vms.errors import IntervalError, NoResponderError, NotFoundError, ObjectMissingError, ObjectUnavailableError
from vms.objects.base import ObjectStore
from vms.objects.folder import FolderStore

S = 1_000_000_000
MAIN = StreamName.MAIN
NOW_NS = START_NS + 100 * S
ALL = Interval(START_NS, NOW_NS)


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    """A shelf with a folder Store."""
    made = await Shelf.build(tmp_path, {"home": FolderStore("home", tmp_path / "objects")}, NODE)
    yield made
    await made.close()


@pytest.fixture
def clock() -> ManualClock:
    """Stands at NOW_NS."""
    return ManualClock(NOW_NS)


@pytest.fixture
async def playback(shelf: Shelf, clock: ManualClock) -> AsyncIterator[Playback]:
    """Reads the shelf."""
    made = Playback(shelf.catalogue, shelf.stores, shelf.bus, clock, PlaybackOptions(block_bytes=20_000))
    yield made
    await made.close()


def seconds(interval: Interval) -> tuple[float, float]:
    """Counted from START_NS."""
    return (interval.start_ns - START_NS) / S, (interval.end_ns - START_NS) / S


async def test_coverage_is_cut_to_what_can_be(shelf: Shelf, playback: Playback) -> None:
    """From registration to now; nothing before the one or after the other."""
    found = await playback.coverage(CAMERA, MAIN, Interval(REGISTERED_NS - 500 * S, NOW_NS + 500 * S))
    assert found.window == Interval(REGISTERED_NS, NOW_NS)
    assert [(g.start_ns, g.end_ns, g.cause) for g in found.gaps] == [(REGISTERED_NS, NOW_NS, GapCause.UNKNOWN)]
    for nowhere in (Interval(REGISTERED_NS - S, REGISTERED_NS), Interval(NOW_NS, NOW_NS + S)):
        found = await playback.coverage(CAMERA, MAIN, nowhere)
        assert (found.window, found.recorded_ns, found.gaps) == (None, 0, ())


async def test_coverage_of_stored_spooled_and_hot(shelf: Shelf, playback: Playback, clock: ManualClock) -> None:
    """Wherever footage lies it counts, once, up to now where it is still written; Gap rows say why the rest is not."""
    first, second = make_run(), make_run(start_ns=START_NS + 90 * S)
    await shelf.record(first, packets(first, seconds=10))
    await shelf.record(second, packets(second, seconds=9.4), store="", close=False)
    row = Gap("g" * 16, STREAM, SITE, NODE, START_NS + 10 * S, START_NS + 90 * S, GapCause.AUTH_FAILED, GapState.CLOSED)
    await shelf.catalogue.gaps.put(row)
    found = await playback.coverage(CAMERA, MAIN, ALL)
    assert [seconds(one) for one in found.intervals] == [(0, 10), (90, 100)]
    assert found.recorded_ns == 20 * S
    assert [g.cause for g in found.gaps] == [GapCause.AUTH_FAILED]
    assert union([*found.intervals, *(Interval(g.start_ns, g.end_ns) for g in found.gaps)]) == [ALL]
    await clock.advance(60)
    found = await playback.coverage(CAMERA, MAIN, Interval(START_NS, NOW_NS + 60 * S))
    assert seconds(found.intervals[-1]) == (90, pytest.approx(99.4))
    assert [g.cause for g in found.gaps] == [GapCause.AUTH_FAILED, GapCause.UNKNOWN]


async def test_coverage_ends_where_a_camera_was_removed(shelf: Shelf, playback: Playback) -> None:
    """Nothing is missed of a camera that is not registered any more."""
    await shelf.catalogue.cameras.remove(CAMERA, START_NS + 50 * S)
    found = await playback.coverage(CAMERA, MAIN, ALL)
    assert found.window == Interval(START_NS, START_NS + 50 * S)


async def test_coverage_without_a_recorder(shelf: Shelf, playback: Playback) -> None:
    """When nobody answers for the hot tail, what the catalogue knows is said."""
    run = make_run()
    await shelf.record(run, packets(run, seconds=4))
    await shelf.bus.close()
    found = await playback.coverage(CAMERA, MAIN, ALL)
    assert found.recorded_ns == 4 * S


async def test_corrected_times(shelf: Shelf, playback: Playback) -> None:
    """A Run recorded by a wrong clock is found at, and said with, its corrected time; a Gap beside it moves along."""
    run = make_run()
    await shelf.record(run, packets(run, seconds=4))
    gap = Gap("g" * 16, STREAM, SITE, NODE, START_NS + 4 * S, START_NS + 40 * S, GapCause.OVERLOAD, GapState.CLOSED)
    await shelf.catalogue.gaps.put(gap)
    await shelf.catalogue.runs.put(replace(run, end_ns=START_NS + 4 * S, correction_ns=20 * S, rev=5))
    found = await playback.coverage(CAMERA, MAIN, ALL)
    assert [seconds(one) for one in found.intervals] == [(20, 24)]
    assert [(g.cause, (g.start_ns - START_NS) / S) for g in found.gaps] == [
        (GapCause.UNKNOWN, 0),
        (GapCause.OVERLOAD, 24),
        (GapCause.UNKNOWN, 40),
    ]
    with pytest.raises(NotFoundError):
        await playback.playlist(CAMERA, MAIN, Interval(START_NS, START_NS + 4 * S))
    text = await playback.playlist(CAMERA, MAIN, Interval(START_NS + 22 * S, START_NS + 23 * S))
    assert re.findall(r"DATE-TIME:(\S+)", text) == ["2026-09-21T14:13:42.123Z"]


async def _read_by_libav(folder: Path, text: str, count: str) -> str:
    """The playlist through libav's HLS client; the number of packets or frames it reads."""
    await asyncio.to_thread((folder / "list.m3u8").write_text, text)
    command = ["ffprobe", "-v", "error", f"-count_{count}", "-show_entries", f"stream=nb_read_{count}", "list.m3u8"]
    done = await asyncio.to_thread(
        subprocess.run, [*command, "-of", "csv=p=0"], capture_output=True, text=True, check=True, cwd=folder
    )
    return done.stdout.split()[0]


async def test_a_playlist_plays(shelf: Shelf, playback: Playback, tmp_path: Path) -> None:
    """libav's HLS client finds every packet of two Runs by the byte ranges, and decodes every frame of one."""
    # Over a discontinuity it does not start its decoder anew, as browsers do: frames are counted within one Run.
    web = tmp_path / "web"
    for start_s in (0, 30):
        run = make_run(start_ns=START_NS + start_s * S)
        for one in await shelf.record(run, packets(run, seconds=7)):
            path = web / run.id / f"{one.segment.number}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(shelf.stores["home"].get(one.segment.key))
    assert await _read_by_libav(web, await playback.playlist(CAMERA, MAIN, ALL, prefix=""), "packets") == "350"
    late = Interval(START_NS + 20 * S, NOW_NS)
    assert await _read_by_libav(web, await playback.playlist(CAMERA, MAIN, late, prefix=""), "frames") == "175"


async def test_uris_of_the_api(shelf: Shelf, playback: Playback) -> None:
    """By default they are the API's own."""
    run = make_run()
    await shelf.record(run, packets(run, seconds=2))
    text = await playback.playlist(CAMERA, MAIN, ALL)
    assert f"\n/api/cameras/{CAMERA}/segments/{run.id}/0.mp4\n" in text


async def test_a_playlist_with_the_hot_tail(shelf: Shelf, playback: Playback) -> None:
    """What is still written is in it, once, in its place, and its bytes are there."""
    run = make_run(start_ns=NOW_NS - 7 * S)
    await shelf.record(run, packets(run, seconds=7), close=False, store="")
    shelf.hot.insert(0, replace(shelf.hot[0], segment=await _row(shelf, run.id, 0)))
    text = await playback.playlist(CAMERA, MAIN, ALL, prefix="")
    entries = re.findall(r"BYTERANGE:(\d+)@(\d+)\n(\S+)/(\d+)\.mp4", text)
    assert [(int(number), text.count(f"@{offset}\n")) for _, offset, _, number in entries][-1][0] == 3
    assert [int(number) for *_, number in entries] == [0, 0, 1, 1, 2, 2, 3]
    for length, offset, run_id, number in entries:
        _, data = await playback.segment_range(run_id, int(number), int(offset), int(length))
        assert len(data) == int(length)
        assert data[4:8] == b"prft"


async def _row(shelf: Shelf, run: str, number: int):  # type: ignore[no-untyped-def]  # a Segment
    found = await shelf.catalogue.segments.get(run, number)
    assert found is not None
    return found


async def test_a_segment_whose_row_is_on_its_way(shelf: Shelf, playback: Playback) -> None:
    """The recorder tells of it before the catalogue does; a playlist that names it can be played."""
    run = make_run(start_ns=NOW_NS - 2 * S)
    await shelf.record(run, packets(run, seconds=2), close=False, store="")
    async with shelf.catalogue._db.write() as connection:
        await connection.execute(text("DELETE FROM segments"))
        await connection.execute(text("DELETE FROM runs"))
    with pytest.raises(NotFoundError):
        await playback.segment(run.id, 0)
    await playback.playlist(CAMERA, MAIN, ALL)
    file = await playback.segment(run.id, 0)
    assert (file.final, file.size_bytes) == (False, shelf.hot[0].segment.size_bytes)
    assert len(await file.read(0)) == file.size_bytes


async def test_bytes_come_from_where_they_are(shelf: Shelf, playback: Playback) -> None:
    """From the spool of the node over the bus, then from the Store, the same bytes; in blocks and at once."""
    run = make_run()
    (one,) = await shelf.record(run, packets(run, seconds=4), segment_s=60, store="")
    whole = shelf.spool.path(one.segment.key).read_bytes()
    file = await playback.segment(run.id, 0)
    assert (file.segment, file.size_bytes, file.final) == (one.segment, len(whole), True)
    assert await file.read(0) == whole
    assert len(shelf.asked) == -(-len(whole) // 20_000)
    await shelf.store(one)
    shelf.asked.clear()
    assert await file.read(100, 50_000) == whole[100:50_100]
    assert len(shelf.asked) == 3
    assert await playback.segment_range(run.id, 0, 5, 10) == (len(whole), whole[5:15])
    assert await playback.segment_range(run.id, 0, len(whole) - 3) == (len(whole), whole[-3:])
    assert len(shelf.asked) == 3


async def test_a_segment_that_moves_while_it_is_read(shelf: Shelf, playback: Playback) -> None:
    """From spool to Store between two blocks: the reader does not notice."""
    run = make_run()
    (one,) = await shelf.record(run, packets(run, seconds=4), segment_s=60, store="")
    whole = shelf.spool.path(one.segment.key).read_bytes()
    blocks = (await playback.segment(run.id, 0)).blocks(0)
    data = await anext(blocks)
    await shelf.store(one)
    data += b"".join([block async for block in blocks])
    assert data == whole


async def test_the_stores_that_hold_a_copy_are_asked(shelf: Shelf, clock: ManualClock, tmp_path: Path) -> None:
    """Of several Stores, those with a verified Copy; without any row of one, the Site's home."""
    stores: dict[str, ObjectStore] = {**shelf.stores, "center": FolderStore("center", tmp_path / "center")}
    shelf.stores.update(stores)
    playback = Playback(shelf.catalogue, stores, shelf.bus, clock)
    run = make_run()
    (one,) = await shelf.record(run, packets(run, seconds=2), segment_s=60, store="center")
    with pytest.raises(ObjectMissingError):
        await playback.segment_range(run.id, 0, 0, 10)
    await shelf.catalogue.copies.put(Copy(run.id, 0, "center", CopyState.VERIFIED, NOW_NS))
    size, data = await playback.segment_range(run.id, 0, 0)
    assert len(data) == size == one.segment.size_bytes
    await playback.close()


async def test_what_does_not_answer_is_said(shelf: Shelf, playback: Playback, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unavailable is not missing: a Store that is down and a node that is away are named as such."""
    run = make_run()
    (one,) = await shelf.record(run, packets(run, seconds=2), segment_s=60, store="")
    await shelf.bus.close()
    with pytest.raises(NoResponderError):
        await playback.segment_range(run.id, 0, 0, 10)
    await shelf.store(one)
    stored = shelf.stores["home"]
    assert len((await playback.segment_range(run.id, 0, 0, 10))[1]) == 10
    stored.delete(one.segment.key)
    with pytest.raises(ObjectMissingError):
        await playback.segment_range(run.id, 0, 0, 10)

    def down(*_args: object) -> bytes:
        raise ObjectUnavailableError("the store home does not answer")

    monkeypatch.setattr(stored, "get", down)
    with pytest.raises(ObjectUnavailableError):
        await playback.segment_range(run.id, 0, 0, 10)


async def test_expired_and_unknown_segments(shelf: Shelf, playback: Playback) -> None:
    """Neither can be read; an open one whose recorder is gone cannot be read now."""
    run = make_run()
    (one,) = await shelf.record(run, packets(run, seconds=2), segment_s=60)
    await shelf.catalogue.segments.put(replace(one.segment, state=SegmentState.EXPIRED, rev=9))
    for run_id, number in ((run.id, 0), (run.id, 1), ("x" * 16, 0)):
        with pytest.raises(NotFoundError):
            await playback.segment(run_id, number)
    await shelf.catalogue.segments.put(replace(one.segment, number=5, state=SegmentState.OPEN))
    with pytest.raises(ObjectMissingError):
        await playback.segment(run.id, 5)


async def test_what_cannot_be_asked(shelf: Shelf, playback: Playback) -> None:
    """No such camera or stream, nothing recorded, intervals beyond the limits."""
    for ask in (playback.coverage, playback.playlist):
        with pytest.raises(NotFoundError, match="no such camera"):
            await ask("x" * 16, MAIN, ALL)
        with pytest.raises(NotFoundError, match="no stream sub"):
            await ask(CAMERA, StreamName.SUB, ALL)
        with pytest.raises(IntervalError):
            await ask(CAMERA, MAIN, Interval(0, 367 * 86_400 * S))
    with pytest.raises(NotFoundError, match="nothing is recorded"):
        await playback.playlist(CAMERA, MAIN, ALL)
    with pytest.raises(IntervalError, match="6 hours"):
        await playback.playlist(CAMERA, MAIN, Interval(START_NS, START_NS + 21_601 * S))


async def test_close_twice(shelf: Shelf) -> None:
    """Closing is idempotent."""
    playback = Playback(shelf.catalogue, shelf.stores, shelf.bus, ManualClock(NOW_NS))
    await playback.close()
    await playback.close()
