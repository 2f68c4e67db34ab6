"""Key frames of footage: read alone, as the camera sent them; pictures of past instants, and grids of older footage."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import pytest

from recorder.analysis.fill import GridFill
from recorder.analysis.grids import Grids
from recorder.analysis.searches import MotionSearches
from recorder.fill_job import Filler, FillerParts, without_grids
from recorder.key_frames import KeyFrames
from recorder.nal import to_lengths
from recorder.playback import Playback
from recorder.stills import Stills
from tests.recorder.rig import until, until_async
from tests.recorder.shelf import Shelf
from tests.recorder.synth import CAMERA, NODE, START_NS, STREAM, make_run, packets, video_clip
from vms.clock import NS_PER_S, ManualClock, SystemClock
from vms.domain.area import Area
from vms.domain.ids import new_id
from vms.domain.interval import Interval
from vms.domain.job import Job, JobKind, JobState
from vms.domain.motion import MotionWanted
from vms.domain.person import Person
from vms.errors import InputError, NotFoundError
from vms.objects.folder import FolderStore
from vms.sync.motion import find_motion

SECONDS = 70
WHOLE = Interval(START_NS, START_NS + SECONDS * NS_PER_S)


@dataclass
class Reel:
    """Footage with a key frame a second, and who reads it."""

    shelf: Shelf
    playback: Playback
    key_frames: KeyFrames
    folder: Path


@pytest.fixture
async def reel(tmp_path: Path) -> AsyncIterator[Reel]:
    """A minute and a little, by Segments of ten seconds."""
    shelf = await Shelf.build(tmp_path, {"home": FolderStore("home", tmp_path / "objects")}, NODE)
    run = make_run()
    await shelf.record(run, packets(run, seconds=SECONDS), segment_s=10)
    await shelf.catalogue.people.put(Person("p" * 16, "rina", "Rina", "x"))
    playback = Playback(shelf.catalogue, shelf.stores, shelf.bus, SystemClock())
    yield Reel(shelf, playback, KeyFrames(shelf.catalogue, playback), tmp_path)
    await playback.close()
    await shelf.close()


async def test_key_frames_come_as_they_were_sent(reel: Reel) -> None:
    """Every one, or those that are far enough apart; nothing else of the file is read."""
    span = Interval(START_NS + 3 * NS_PER_S, START_NS + 13 * NS_PER_S)
    found = [one async for one in reel.key_frames.read(STREAM, span)]
    keys = [to_lengths(unit.payload) for unit in video_clip() if unit.is_key]
    assert [one.at_ns - START_NS for one in found] == [second * NS_PER_S for second in range(3, 13)]
    assert [to_lengths(one.payload) for one in found] == [keys[second % 2] for second in range(3, 13)]
    some = [one.at_ns async for one in reel.key_frames.read(STREAM, span, round(1.9 * NS_PER_S))]
    assert [at_ns - START_NS for at_ns in some] == [second * NS_PER_S for second in (3, 5, 7, 9, 11)]


async def test_the_picture_of_a_moment_is_the_last_key_frame_before_it(reel: Reel) -> None:
    """Or the first after it where footage begins; none far away from any."""

    async def at(second: float) -> float | None:
        found = await reel.key_frames.at(STREAM, START_NS + round(second * NS_PER_S), 12 * NS_PER_S)
        return None if found is None else (found.at_ns - START_NS) / NS_PER_S

    assert [await at(second) for second in (5.9, 5.0, -3, SECONDS + 5)] == [5, 5, 0, SECONDS - 1]
    assert await at(-13) is None
    assert await at(SECONDS + 30) is None


async def test_damaged_footage_has_no_picture(reel: Reel) -> None:
    """What cannot be read is left out; the rest is there."""
    first = min((reel.folder / "objects").rglob("*.mp4"))
    data = bytearray(first.read_bytes())
    data[2000:] = bytes(len(data) - 2000)
    first.write_bytes(data)
    found = [one.at_ns async for one in reel.key_frames.read(STREAM, Interval(START_NS, START_NS + 12 * NS_PER_S))]
    assert found[-2:] == [START_NS + 10 * NS_PER_S, START_NS + 11 * NS_PER_S]
    assert len(found) < 5


async def test_pictures_are_asked_for_by_bus(reel: Reel) -> None:
    """A JPEG no wider than asked, with its time; refused where nothing is recorded."""
    stills = Stills(SystemClock(), catalogue=reel.shelf.catalogue, bus=reel.shelf.bus, key_frames=reel.key_frames)
    async with _running(stills.run, stills.stop):
        await until(lambda: stills.health().ok)
        ask = reel.shelf.bus.request
        asked = {"camera": CAMERA, "at_ns": START_NS + 7_700_000_000, "width": 80}
        answer = await ask("stills.picture", asked)
        assert (answer["at_ns"], answer["stream"]) == (START_NS + 7 * NS_PER_S, "main")
        with av.open(io.BytesIO(answer["jpeg"])) as picture:
            assert picture.streams.video[0].width == 80
        assert (await ask("stills.picture", asked))["jpeg"] is answer["jpeg"]
        with pytest.raises(NotFoundError):
            await ask("stills.picture", {**asked, "at_ns": START_NS - 60 * NS_PER_S})
        with pytest.raises(InputError):
            await ask("stills.picture", {"camera": CAMERA})


@asynccontextmanager
async def _running(run: Callable[[], Coroutine[Any, Any, None]], stop: Callable[[], None]) -> AsyncIterator[None]:
    task = asyncio.create_task(run())
    try:
        yield
    finally:
        stop()
        await task


@asynccontextmanager
async def filling(reel: Reel) -> AsyncIterator[None]:
    """The node of the camera makes grids where it is asked."""
    made = GridFill(
        SystemClock(), node=NODE, folder=reel.folder / "analysis", catalogue=reel.shelf.catalogue, bus=reel.shelf.bus,
        key_frames=reel.key_frames,
    )  # fmt: skip
    async with _running(made.run, made.stop):
        await until(lambda: made.health().ok)
        yield


async def test_older_footage_is_looked_at_by_a_job(reel: Reel) -> None:
    """What has no grids is found, looked at piece by piece, and can be searched; the second time nothing is left."""
    catalogue, bus = reel.shelf.catalogue, reel.shelf.bus
    grids = Grids(reel.folder / "analysis")
    parts = FillerParts(catalogue, bus, reel.playback)
    async with AsyncExitStack() as stack:
        serving = stack.enter_context(ExitStack())
        MotionSearches(NODE, grids, catalogue, lambda _camera: []).serve(bus, serving)
        await stack.enter_async_context(filling(reel))
        assert await without_grids(parts, CAMERA, WHOLE) == [WHOLE]
        filler = Filler(SystemClock(), node=NODE, parts=parts)
        await stack.enter_async_context(_running(filler.run, filler.stop))
        asked = {"cameras": [CAMERA], "from_ns": WHOLE.start_ns, "to_ns": WHOLE.end_ns}
        job = Job(new_id(), JobKind.FILL, "p" * 16, asked, 1)
        await catalogue.jobs.add(job)
        bus.publish("job.queued", {"job": job.id})

        async def is_done() -> bool:
            known = await catalogue.jobs.get(job.id)
            return known is not None and known.state.is_end

        await until_async(is_done)
        ended = await catalogue.jobs.get(job.id)
        assert ended is not None
        assert (ended.state, ended.why, ended.result) == (JobState.DONE, "", {"grids": SECONDS // 2 - 1})
        answer = await find_motion(bus, catalogue, CAMERA, WHOLE, MotionWanted(threshold=0.0001))
        assert not answer.is_away
        assert answer.known[0].start_ns <= START_NS + 2 * NS_PER_S
        assert await without_grids(parts, CAMERA, WHOLE) == []
        with pytest.raises(InputError):
            await bus.request(f"analysis.fill.{NODE}", {"camera": CAMERA, "from_ns": 0, "to_ns": 1 << 50})


async def test_what_was_recorded_lately_is_looked_at_unasked(reel: Reel) -> None:
    """Of the node's own cameras that are looked at at all; what gave nothing is not tried again."""
    catalogue, bus = reel.shelf.catalogue, reel.shelf.bus
    clock, grids = ManualClock(WHOLE.end_ns + 3600 * NS_PER_S), Grids(reel.folder / "analysis")
    playback = Playback(catalogue, reel.shelf.stores, bus, clock)
    filler = Filler(clock, node=NODE, parts=FillerParts(catalogue, bus, playback), close=playback.close)
    with ExitStack() as stack:
        MotionSearches(NODE, grids, catalogue, lambda _camera: []).serve(bus, stack)
        async with filling(reel):
            assert await filler.look_back() == 0  # a main stream without areas
            known = await catalogue.cameras.get(CAMERA)
            assert known is not None
            area = Area("a" * 16, "Pintu", ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9)))
            await catalogue.cameras.update(replace(known, areas=(area,), rev=known.rev + 1))
            assert await filler.look_back() == SECONDS // 2 - 1
            assert await filler.look_back() == 0
            other = Filler(clock, node="o" * 16, parts=FillerParts(catalogue, bus, playback))
            assert await other.look_back() == 0
    await filler.close()


async def test_a_job_whose_node_is_away_says_so(reel: Reel) -> None:
    """Failed, with a way out."""
    parts = FillerParts(reel.shelf.catalogue, reel.shelf.bus, reel.playback)
    filler = Filler(SystemClock(), node=NODE, parts=parts)
    asked = {"cameras": [CAMERA], "from_ns": WHOLE.start_ns, "to_ns": WHOLE.end_ns}
    job = Job(new_id(), JobKind.FILL, "p" * 16, asked, 1)
    await reel.shelf.catalogue.jobs.add(job)
    async with _running(filler.run, filler.stop):

        async def is_failed() -> bool:
            known = await reel.shelf.catalogue.jobs.get(job.id)
            return known is not None and known.reason == "fill_nobody"

        await until_async(is_failed)
