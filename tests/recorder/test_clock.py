"""A clock that is wrong, is set, or is slewed: durations, order, footage and ledger stay right. One process: ingest's
own stamping and the real recorder on a clock moved by hand; no machine's clock is touched.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.demux import VideoUnits
from ingest.runs import RunBroken, RunBuilder, RunOrigin
from recorder.clock_steps import ClockSteps
from recorder.clock_watch import ClockWatch, ClockWatchOptions
from recorder.playback import Playback
from recorder.retention import Retention, RetentionOptions, SteadyTime
from tests.ingest.synth import stream
from tests.recorder.rig import FOREVER, Rig, rig, until_async
from tests.recorder.synth import CAMERA, NODE, SITE, STREAM, make_run
from vms.clock import NS_PER_S, ManualClock
from vms.domain.camera import StreamName
from vms.domain.footage import Segment, SegmentState
from vms.domain.gap import GapCause
from vms.domain.interval import Interval
from vms.domain.media import ClockState, Codec, EndReason, Packet, Run, RunEnded, RunStarted
from vms.store import Catalogue

HOUR_S, YEARS_S = 3600, 10 * 365 * 86_400
TRUE_NS = 1_790_000_000 * NS_PER_S
FRAME_S = 0.04
UNITS = stream(Codec.H264)


class Camera:
    """25 pictures a second through ingest's stamping into the hub of a rig."""

    def __init__(self, r: Rig, clock: ManualClock, watch: ClockWatch) -> None:
        self.r, self.clock, self.watch = r, clock, watch
        origin = RunOrigin(STREAM, SITE, NODE, 1, "boot")
        self.builder = RunBuilder(origin, clock, VideoUnits(Codec.H264), holds_back=False)
        self.n = 0
        self.run: Run | None = None
        self.last: Packet | None = None

    async def send(self, seconds: float, *, slew_ppm: int = 0) -> None:
        """Pictures while the clock goes on, slewed or not; it is looked at once a second."""
        for _ in range(round(seconds / FRAME_S)):
            await self.clock.advance(FRAME_S)
            self.clock.step(FRAME_S * slew_ppm / 1e6)
            dts = self.n * 3600
            self.builder.video(UNITS[self.n % len(UNITS)], dts, dts, self.clock.now_ns(), self.clock.mono_ns())
            self.publish()
            self.n += 1
            if self.n % 25 == 0:
                await self.watch.look()

    def end(self) -> None:
        """The camera goes."""
        self.builder.end(EndReason.CAMERA_UNREACHABLE)
        self.publish()

    def publish(self) -> None:
        """As ingest's worker does."""
        for item in self.builder.take():
            if isinstance(item, RunBroken):
                assert self.run is not None
                assert self.last is not None
                end_ns = self.last.wall_ns + 40_000_000
                self.r.publish([RunEnded(STREAM, self.run.id, end_ns, item.reason, self.last.seq + 1)])
                continue
            if isinstance(item, RunStarted):
                self.run = item.run
            else:
                self.last = item
            self.r.publish([item])


@asynccontextmanager
async def filmed(folder: Path, clock: ManualClock, synced: list[bool]) -> AsyncIterator[Camera]:
    """A recorder, a watch over the clock, a camera."""
    async with rig(folder, segment_s=1.0) as r:
        options = ClockWatchOptions(NODE, "boot", folder / "clock.json")
        watch = ClockWatch(clock, catalogue=r.catalogue, bus=r.bus, synchronized=lambda: synced[-1], options=options)
        await watch.look()
        yield Camera(r, clock, watch)


async def runs_of(catalogue: Catalogue, count: int) -> list[Run]:
    """So many Runs, ended, in the order in which they were recorded."""

    async def there() -> bool:
        found = await catalogue.runs.of_boot(NODE, "boot")
        ended = len(found) == count and all(run.end_ns is not None for run in found)
        return ended and not await catalogue.segments.by_state(SegmentState.OPEN)

    await until_async(there)
    return await catalogue.runs.of_boot(NODE, "boot")


def shown(run: Run) -> tuple[int, int]:
    """From when to when, corrected."""
    assert run.end_ns is not None
    return run.start_ns + (run.correction_ns or 0), run.end_ns + (run.correction_ns or 0)


@pytest.mark.parametrize("slew_ppm", [0, 500, -500])
@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S, YEARS_S, -YEARS_S])
async def test_a_clock_that_is_set_right(tmp_path: Path, step_s: int, slew_ppm: int) -> None:
    """Wrong by hours or years, then set: no negative length, no overlap, footage found where it belongs, all said."""
    clock, synced = ManualClock(TRUE_NS - step_s * NS_PER_S), [False]
    async with filmed(tmp_path, clock, synced) as camera:
        await camera.send(4, slew_ppm=slew_ppm)
        clock.step(step_s)
        await camera.send(1, slew_ppm=slew_ppm)
        catalogue = camera.r.catalogue
        synced.append(True)
        await camera.send(3, slew_ppm=slew_ppm)
        camera.end()
        await runs_of(catalogue, 2)
        await camera.watch.look()
        await camera.r.recording.written()
        old, new = await runs_of(catalogue, 2)
        assert old.end_reason is EndReason.CLOCK_STEP
        assert old.correction_ns == pytest.approx(step_s * NS_PER_S, abs=2_000_000)
        assert not new.correction_ns
        assert all(run.start_ns < (run.end_ns or 0) for run in (old, new))
        segments = await catalogue.segments.in_interval(STREAM, FOREVER)
        assert all(one.start_ns < one.end_ns for one in segments)
        assert shown(old)[1] <= shown(new)[0]
        assert abs(shown(old)[0] - TRUE_NS) < 0.2 * NS_PER_S
        gaps = await catalogue.gaps.in_interval(STREAM, FOREVER)
        assert all(gap.end_ns is None or gap.start_ns < gap.end_ns for gap in gaps)
        assert GapCause.CLOCK_STEP in {gap.cause for gap in gaps}
        await found_where_it_belongs(camera)


async def found_where_it_belongs(camera: Camera) -> None:
    """Coverage and playlist by true time."""
    playback = Playback(camera.r.catalogue, {}, camera.r.bus, camera.clock)
    window = Interval(TRUE_NS - 5 * NS_PER_S, TRUE_NS + 8 * NS_PER_S)
    found = await playback.coverage(CAMERA, StreamName.MAIN, window)
    assert found.window is not None
    assert found.recorded_ns >= 7.5 * NS_PER_S
    assert found.recorded_ns + sum(gap.end_ns - gap.start_ns for gap in found.gaps) == found.window.duration_ns
    times = [one.start_ns for one in found.intervals]
    assert times == sorted(times)
    text = await playback.playlist(CAMERA, StreamName.MAIN, Interval(TRUE_NS, TRUE_NS + 4 * NS_PER_S))
    assert "#EXT-X-PROGRAM-DATE-TIME:2026-09-21T14:13:2" in text
    await playback.close()


async def test_a_slewed_clock_is_followed(tmp_path: Path) -> None:
    """Slewed by 500 ppm, up and down, is no step: one Run, no correction, every stamp later than the one before."""
    clock = ManualClock(TRUE_NS)
    async with filmed(tmp_path, clock, [True]) as camera:
        walls = []
        for ppm in (500, -500):
            await camera.send(20, slew_ppm=ppm)
            assert camera.last is not None
            walls.append(camera.last.wall_ns)
        camera.end()
        (run,) = await runs_of(camera.r.catalogue, 1)
        assert run.correction_ns is None
        assert run.start_ns < walls[0] < walls[1]
        segments = await camera.r.catalogue.segments.in_interval(STREAM, FOREVER)
        ordered = sorted(segments, key=lambda one: one.number)
        assert all(a.end_ns <= b.start_ns for a, b in pairwise(ordered))


async def test_wrong_and_back_is_corrected_by_what_is_left(tmp_path: Path) -> None:
    """An hour ahead by mistake and back again: only what was recorded in between moves; a restart forgets nothing."""
    clock, synced = ManualClock(TRUE_NS), [False]
    async with filmed(tmp_path, clock, synced) as camera:
        await camera.send(2)
        clock.step(HOUR_S)
        await camera.send(2)
        options = ClockWatchOptions(NODE, "boot", tmp_path / "clock.json")
        camera.watch = ClockWatch(
            clock, catalogue=camera.r.catalogue, bus=camera.r.bus, synchronized=lambda: synced[-1], options=options
        )
        clock.step(-HOUR_S)
        await camera.send(2)
        camera.end()
        runs = await runs_of(camera.r.catalogue, 3)
        assert [run.correction_ns for run in runs] == [None] * 3  # nobody knows yet which time was right
        synced.append(True)
        await camera.watch.look()
        runs = await runs_of(camera.r.catalogue, 3)
        assert [run.correction_ns for run in runs] == [None, -HOUR_S * NS_PER_S, None]
        assert all(shown(a)[1] <= shown(b)[0] for a, b in pairwise(runs))


@given(
    st.lists(
        st.tuples(
            st.integers(1, 300),
            st.sampled_from([0, 2, -2, HOUR_S, -HOUR_S, YEARS_S, -YEARS_S]),
            st.integers(-500, 500),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_nothing_overlaps_after_correction(stretches: list[tuple[int, int, int]]) -> None:
    """Whatever sequence of steps and slews: Runs that followed each other do so in shown time."""
    wall_ns, mono_ns = TRUE_NS, 0
    steps, runs = ClockSteps(), []
    steps.observe(wall_ns, mono_ns)
    for n, (seconds, step_s, slew_ppm) in enumerate(stretches):
        state, start_ns = ClockState("boot", mono_ns, wall_ns, synchronized=False), wall_ns
        for _ in range(seconds):
            mono_ns += NS_PER_S
            wall_ns += NS_PER_S + slew_ppm * 1000
            steps.observe(wall_ns, mono_ns)
        run = make_run(run=f"run{n}", start_ns=start_ns)
        runs.append(replace(run, clock=state, end_ns=wall_ns))
        wall_ns += step_s * NS_PER_S
        mono_ns, wall_ns = mono_ns + 10_000_000, wall_ns + 10_000_000
        if step_s:
            steps.observe(wall_ns, mono_ns)
    corrections = steps.corrections(runs)
    moved = [(run.start_ns + corrections[run.id], (run.end_ns or 0) + corrections[run.id]) for run in runs]
    assert all(start_ns < end_ns for start_ns, end_ns in moved)
    assert all(a[1] <= b[0] for a, b in pairwise(moved))


async def test_a_clock_ahead_at_the_start_is_not_believed() -> None:
    """By years against what is known: nothing is older than it was, until it has held for a day or is synchronized."""
    clock = ManualClock(TRUE_NS + YEARS_S * NS_PER_S)
    time = SteadyTime(clock, known_ns=TRUE_NS)
    assert time.now_ns() == TRUE_NS
    await clock.advance(86_000)
    assert time.now_ns() == TRUE_NS + 86_000 * NS_PER_S
    await clock.advance(500)
    assert time.now_ns() == clock.now_ns()
    assert SteadyTime(clock, known_ns=TRUE_NS, synchronized=True).now_ns() == clock.now_ns()
    assert SteadyTime(clock, known_ns=clock.now_ns() - 60 * NS_PER_S).now_ns() == clock.now_ns()
    assert SteadyTime(clock, known_ns=clock.now_ns() + HOUR_S * NS_PER_S).now_ns() == clock.now_ns()


@pytest.mark.parametrize(("synced", "taken"), [(False, 0), (True, 1)])
async def test_retention_does_not_start_with_a_wrong_clock(tmp_path: Path, synced: bool, taken: int) -> None:
    """A node that starts ten years ahead deletes nothing of what it recorded yesterday, nor after its next restart."""
    clock = ManualClock(TRUE_NS + YEARS_S * NS_PER_S)
    async with rig(tmp_path, start=False) as r:
        state = SegmentState.STORED
        one = Segment("r" * 16, 0, STREAM, SITE, NODE, 1, TRUE_NS - 60 * NS_PER_S, TRUE_NS, state, size_bytes=1, rev=3)
        await r.catalogue.segments.put(one)
        for _ in range(2):
            retention = Retention(
                clock,
                catalogue=r.catalogue,
                stores={},
                options=RetentionOptions(NODE, days=30),
                synchronized=lambda: synced,
            )
            await retention.begin()
            with ThreadPoolExecutor(1) as executor:
                assert await retention.sweep(executor) == taken
            taken = 0
