"""What goes, what stays, and that the time of what went is said."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.quota import Batch, oldest_of, too_old_ns
from recorder.retention import Retention, RetentionOptions, merged
from tests.recorder.rig import FOREVER, Rig, camera, rig
from tests.recorder.synth import NODE, SITE, STREAM
from vms.clock import NS_PER_S, ManualClock
from vms.domain.footage import Copy, CopyState, Segment, SegmentState
from vms.domain.gap import Gap, GapCause, GapState
from vms.errors import ObjectError, ObjectMissingError, ObjectUnavailableError
from vms.objects.folder import FolderStore

DAY_NS = 86_400 * NS_PER_S
NOW_NS = 1_800_000_000 * NS_PER_S


def segment(number: int, *, state: SegmentState = SegmentState.STORED, size: int = 100, age_days: int = 40) -> Segment:
    """One of a row of Segments of a minute."""
    start_ns = NOW_NS - age_days * DAY_NS + number * 60 * NS_PER_S
    return Segment(
        f"run{age_days}",
        number,
        STREAM,
        SITE,
        NODE,
        1,
        start_ns,
        start_ns + 60 * NS_PER_S,
        state,
        size_bytes=size,
        rev=3,
    )


def gap_rows(rows: dict[str, Gap], added: list[Gap]) -> None:
    """Upsert."""
    rows.update({row.id: row for row in added})


@given(st.permutations(range(8)), st.integers(0, 900), st.sets(st.integers(0, 7)))
def test_the_oldest_stored_go_and_no_more_than_needed(order: list[int], excess: int, unsent: set[int]) -> None:
    """Oldest first, never one that is not stored, and without the last one it would not be enough."""
    found = [segment(n, state=SegmentState.SPOOLED if n in unsent else SegmentState.STORED) for n in order]
    chosen = oldest_of([Batch(found)], excess)
    stored = sorted(set(range(8)) - unsent)
    assert [s.number for s in chosen] == stored[: len(chosen)]
    assert len(chosen) == len(stored) or sum(s.size_bytes for s in chosen) >= excess
    assert not chosen or sum(s.size_bytes for s in chosen[:-1]) < excess


def test_days_of_a_camera_win() -> None:
    """A camera's own days, else the installation's."""
    assert too_old_ns(camera(), NOW_NS, 30) == NOW_NS - 30 * DAY_NS
    assert too_old_ns(replace(camera(), retention_days=3), NOW_NS, 30) == NOW_NS - 3 * DAY_NS


def test_one_gap_for_many_segments() -> None:
    """Neighbours become one row that grows; a hole begins another; twice is once."""
    rows: dict[str, Gap] = {}
    for n in (0, 1, 2, 5, 6, 6):
        one = segment(n)
        around = [g for g in rows.values() if g.start_ns <= one.end_ns and (g.end_ns or 0) >= one.start_ns]
        gap_rows(rows, merged(one, around, NODE))
    assert [(g.start_ns, g.end_ns) for g in rows.values()] == [
        (segment(0).start_ns, segment(2).end_ns),
        (segment(5).start_ns, segment(6).end_ns),
    ]
    other = Gap("x", STREAM, SITE, NODE, 0, segment(9).start_ns, GapCause.NODE_DOWN, GapState.CLOSED)
    assert merged(segment(9), [other], NODE)[0].start_ns == segment(9).start_ns


async def shelf(r: Rig, store: FolderStore, segments: list[Segment]) -> None:
    """Rows and, for stored ones, objects and Copies."""
    for one in segments:
        await r.catalogue.segments.put(one)
        if one.state is SegmentState.STORED:
            store.put_bytes(one.key, b"x" * 100, metadata={}, content_type="video/mp4")
            await r.catalogue.copies.put(Copy(one.run, one.number, "home", CopyState.VERIFIED, 1))


def exists(store: FolderStore, one: Segment) -> bool:
    """Whether the object is there."""
    try:
        store.stat(one.key)
    except ObjectMissingError:
        return False
    return True


@pytest.mark.parametrize("limit", [None, 250])
async def test_objects_rows_and_gaps(tmp_path: Path, limit: int | None) -> None:
    """Old ones by days, and the oldest of the rest by bytes; unsent ones never; one Gap tells it."""
    async with rig(tmp_path, start=False) as r:
        store = FolderStore("home", tmp_path / "store")
        old = [segment(n) for n in range(3)]
        unsent = segment(3, state=SegmentState.SPOOLED)
        young = [segment(n, age_days=2) for n in range(4)]
        await shelf(r, store, [*old, unsent, *young])
        options = RetentionOptions(NODE, 30, {} if limit is None else {"home": limit})
        service = Retention(ManualClock(NOW_NS), catalogue=r.catalogue, stores={"home": store}, options=options)
        gone = 3 if limit is None else 5
        with ThreadPoolExecutor(1) as executor:
            assert await service.sweep(executor) == gone
            assert await service.sweep(executor) == 0
        left = await r.catalogue.segments.in_interval(STREAM, FOREVER)
        assert left == [unsent, *young[gone - 3 :]]
        assert [exists(store, one) for one in (*old, *young)] == [False] * gone + [True] * (7 - gone)
        (copy,) = await r.catalogue.copies.of("run40", 2)
        assert copy.state is CopyState.DELETED
        gaps = await r.catalogue.gaps.in_interval(STREAM, FOREVER)
        first = gaps[0]
        assert (first.cause, first.start_ns, first.end_ns) == (GapCause.EXPIRED, old[0].start_ns, old[-1].end_ns)
        assert len(gaps) == (1 if limit is None else 2)


async def test_a_store_that_is_away_changes_no_row(tmp_path: Path) -> None:
    """An object that cannot be deleted stays stored; the next pass does it."""
    async with rig(tmp_path, start=False) as r:
        store = FolderStore("home", tmp_path / "store")
        await shelf(r, store, [segment(0)])

        class Away(FolderStore):
            """Refuses to delete."""

            def delete(self, key: str) -> None:
                """Refuses."""
                raise ObjectUnavailableError("away")

        for one, works in ((Away("home", tmp_path / "store"), False), (store, True)):
            service = Retention(
                ManualClock(NOW_NS), catalogue=r.catalogue, stores={"home": one}, options=RetentionOptions(NODE)
            )
            with ThreadPoolExecutor(1) as executor:
                if works:
                    assert await service.sweep(executor) == 1
                else:
                    with pytest.raises(ObjectUnavailableError):
                        await service.sweep(executor)
            states = [row.state for row in await r.catalogue.segments.in_interval(STREAM, FOREVER)]
            assert states == ([] if works else [SegmentState.STORED])


async def test_one_that_cannot_be_deleted_does_not_hold_up_the_others(tmp_path: Path) -> None:
    """An object under lock stays, with its row; what comes after it goes."""
    async with rig(tmp_path, start=False) as r:
        rows = [segment(n) for n in range(3)]

        class Locked(FolderStore):
            """Refuses to delete the oldest."""

            def delete(self, key: str) -> None:
                """Refuses."""
                if key == rows[0].key:
                    raise ObjectError("the store home refuses us: AccessDenied")
                super().delete(key)

        store = Locked("home", tmp_path / "store")
        await shelf(r, store, rows)
        service = Retention(
            ManualClock(NOW_NS), catalogue=r.catalogue, stores={"home": store}, options=RetentionOptions(NODE)
        )
        with ThreadPoolExecutor(1) as executor:
            assert await service.sweep(executor) == 2
            assert await service.sweep(executor) == 0
        assert await r.catalogue.segments.in_interval(STREAM, FOREVER) == rows[:1]


async def test_a_clock_gone_wrong_deletes_nothing(tmp_path: Path) -> None:
    """Ten years ahead: what is due by the time before goes, the rest stays; a step that holds for a day is believed."""
    async with rig(tmp_path, start=False) as r:
        store, clock = FolderStore("home", tmp_path / "store"), ManualClock(NOW_NS)
        young = [segment(n, age_days=2) for n in range(2)]
        service = Retention(clock, catalogue=r.catalogue, stores={"home": store}, options=RetentionOptions(NODE))
        await shelf(r, store, [segment(0), *young])
        with ThreadPoolExecutor(1) as executor:
            clock.step(10 * 365 * 86_400)
            assert await service.sweep(executor) == 1
            await clock.advance(3600)
            assert await service.sweep(executor) == 0
            assert await r.catalogue.segments.in_interval(STREAM, FOREVER) == young
            await clock.advance(86_400)
            assert await service.sweep(executor) == 2


async def test_what_a_store_does_not_let_go_of_holds_up_nothing_older(tmp_path: Path) -> None:
    """Under Object Lock the newest doomed Copies stay for long, however many; the oldest are free, and go."""

    class Locked(FolderStore):
        """Lets go of the oldest alone."""

        def delete(self, key: str) -> None:
            if key != rows[0].key:
                raise ObjectError("it is locked")
            super().delete(key)

    rows = [segment(n) for n in range(4)]
    async with rig(tmp_path, start=False) as r:
        store = Locked("home", tmp_path / "store")
        await shelf(r, store, rows)
        for one in rows:
            await r.catalogue.copies.put(Copy(one.run, one.number, "home", CopyState.DOOMED, 1, rev=9))
        options = RetentionOptions(NODE, batch=2, homes=frozenset({"home"}))
        service = Retention(ManualClock(NOW_NS), catalogue=r.catalogue, stores={"home": store}, options=options)
        with ThreadPoolExecutor(1) as executor:
            assert await service.clear(executor) == 1
        assert not exists(store, rows[0])
        assert exists(store, rows[1])
