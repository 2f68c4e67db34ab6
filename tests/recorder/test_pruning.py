"""Rows of footage that went long ago go too, and nothing that is shown or proved changes by it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from recorder.playback import Playback
from recorder.pruning import REST_NS, prunable
from recorder.retention import Retention, RetentionOptions
from tests.recorder.rig import FOREVER, Rig, rig
from tests.recorder.synth import CAMERA, NODE, SITE, STREAM, make_run
from tests.recorder.test_retention import DAY_NS, NOW_NS, segment, shelf
from vms.clock import NS_PER_S, ManualClock
from vms.domain.camera import StreamName
from vms.domain.footage import CopyState, Segment, SegmentState
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.interval import Interval
from vms.objects.folder import FolderStore


def said(start: Segment, end: Segment, cause: GapCause = GapCause.EXPIRED) -> Gap:
    """A Gap over some Segments."""
    return Gap("g", STREAM, SITE, NODE, start.start_ns, end.end_ns, cause, GapState.CLOSED)


def test_what_no_gap_says_stays() -> None:
    """All of its time must be said to be expired; what was lost, or is kept, never goes."""
    rows = [segment(n, state=SegmentState.EXPIRED) for n in range(4)]
    assert prunable(rows, [said(rows[1], rows[2])]) == rows[1:3]
    assert prunable(rows, [said(rows[0], rows[3], GapCause.LOST)]) == []
    assert prunable(rows, [replace(said(rows[0], rows[3]), end_ns=rows[3].end_ns - 1)]) == rows[:3]
    assert prunable([segment(0)], [said(rows[0], rows[3])]) == []


async def _expired(r: Rig, folder: Path, clock: ManualClock) -> Retention:
    """Four Segments of 100 days ago that retention has taken, one of 40, and one of today."""
    store = FolderStore("home", folder / "store")
    old = [segment(n, age_days=100) for n in range(4)]
    await shelf(r, store, [*old, segment(0, age_days=40), segment(0, age_days=1)])
    service = Retention(clock, catalogue=r.catalogue, stores={"home": store}, options=RetentionOptions(NODE))
    with ThreadPoolExecutor(1) as executor:
        assert await service.sweep(executor) == 5
    return service


async def test_rows_go_and_coverage_stays(tmp_path: Path) -> None:
    """A month after retention; before that, and of the newest, they stay. The same is said of every day."""
    async with rig(tmp_path, start=False) as r:
        clock = ManualClock(NOW_NS)
        service = await _expired(r, tmp_path, clock)
        playback = Playback(r.catalogue, {}, r.bus, clock)
        known = await r.catalogue.cameras.get(CAMERA)
        assert known is not None
        await r.catalogue.cameras.update(replace(known, registered_ns=NOW_NS - 120 * DAY_NS, rev=known.rev + 1))
        year = Interval(NOW_NS - 120 * DAY_NS, NOW_NS)
        before = await playback.coverage(CAMERA, StreamName.MAIN, year)
        assert GapCause.EXPIRED in {gap.cause for gap in before.gaps}
        assert await service.prune() == 4
        assert await service.prune() == 0  # not before an hour is over
        assert await r.catalogue.segments.get("run100", 0) is None
        assert await r.catalogue.copies.of("run100", 0) == []
        kept = await r.catalogue.segments.get("run40", 0)
        assert kept is not None
        assert kept.state is SegmentState.EXPIRED
        assert await playback.coverage(CAMERA, StreamName.MAIN, year) == before
        await playback.close()


async def test_rows_of_a_clock_that_was_corrected_stay_where_gaps_do_not_show_their_time(tmp_path: Path) -> None:
    """Gaps move with the footage at their ends; what such a Gap does not say any more, its rows say for good."""
    async with rig(tmp_path, start=False) as r:
        clock = ManualClock(NOW_NS)
        store = FolderStore("home", tmp_path / "store")
        right = [segment(n, age_days=100) for n in range(4)]
        ahead = [replace(segment(n + 4, age_days=100), run="ahead", number=n) for n in range(4)]
        start_ns, end_ns = ahead[0].start_ns, ahead[-1].end_ns
        run = replace(make_run(start_ns=start_ns), id="ahead", end_ns=end_ns, correction_ns=-600 * NS_PER_S)
        await r.catalogue.runs.put(run)
        await shelf(r, store, [*right, *ahead, segment(0, age_days=1)])
        service = Retention(clock, catalogue=r.catalogue, stores={"home": store}, options=RetentionOptions(NODE))
        with ThreadPoolExecutor(1) as executor:
            assert await service.sweep(executor) == 8
        playback = Playback(r.catalogue, {}, r.bus, clock)
        known = await r.catalogue.cameras.get(CAMERA)
        assert known is not None
        await r.catalogue.cameras.update(replace(known, registered_ns=NOW_NS - 120 * DAY_NS, rev=known.rev + 1))
        days = Interval(NOW_NS - 110 * DAY_NS, NOW_NS - 90 * DAY_NS)
        before = await playback.coverage(CAMERA, StreamName.MAIN, days)
        await service.prune()
        assert await playback.coverage(CAMERA, StreamName.MAIN, days) == before
        await playback.close()


async def test_what_has_yet_to_be_signed_or_deleted_stays(tmp_path: Path) -> None:
    """A row that no Checkpoint states, or of which a Copy is still somewhere; and a resent row expires anew."""
    async with rig(tmp_path, start=False) as r:
        clock = ManualClock(NOW_NS)
        r.catalogue.unsigned.keep(NODE)
        service = await _expired(r, tmp_path, clock)
        assert await service.prune() == 0
        (copy,) = await r.catalogue.copies.of("run100", 1)
        await r.catalogue.copies.put(replace(copy, state=CopyState.DOOMED, rev=copy.rev + 1))
        await r.catalogue.unsigned.done(await r.catalogue.unsigned.waiting(NODE, 1000))
        await clock.advance(3601)
        assert await service.prune() == 3
        left = await r.catalogue.segments.get("run100", 1)
        assert left is not None
        await r.catalogue.segments.put(segment(0, age_days=100))  # by a peer that knew it before it expired
        with ThreadPoolExecutor(1) as executor:
            assert await service.sweep(executor) == 1
        assert await r.catalogue.segments.in_interval(STREAM, FOREVER) == [segment(0, age_days=1)]


async def test_the_newest_of_a_stream_stays(tmp_path: Path) -> None:
    """It tells where the footage ended, however long ago."""
    async with rig(tmp_path, start=False) as r:
        service = await _expired(r, tmp_path, ManualClock(NOW_NS))
        await service.prune()
        rows = await r.catalogue.pruning.expired(STREAM, -1, NOW_NS - REST_NS, 10)
        newest = segment(0, age_days=1)
        assert rows == [replace(segment(0, age_days=40), state=SegmentState.EXPIRED, rev=4)]
        assert await r.catalogue.segments.last_end_ns(STREAM) == newest.end_ns
        await asyncio.sleep(0)
