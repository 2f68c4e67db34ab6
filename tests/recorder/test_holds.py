"""Retention and Holds: what is held stays and counts against no quota; legal holds in a real S3 bucket."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.retention import Retention, RetentionOptions
from tests.recorder.rig import FOREVER, Rig, rig
from tests.recorder.shelf import Shelf
from tests.recorder.synth import NODE, SITE, STREAM, make_run, packets
from tests.recorder.test_retention import DAY_NS, NOW_NS, exists, segment, shelf
from tests.s3_fixture import minio, s3_store
from vms.clock import ManualClock
from vms.domain.footage import Copy, CopyState, SegmentState
from vms.domain.hold import MARGIN_NS, Hold
from vms.errors import ObjectError
from vms.objects.base import ObjectStore
from vms.objects.folder import FolderStore
from vms.objects.s3 import S3Store

__all__ = ["minio", "s3_store"]

HOUR_S = 3600


def hold(start_ns: int, end_ns: int | None) -> Hold:
    """On the camera of the rig."""
    return Hold("h" * 16, "c" * 16, STREAM.camera, SITE, start_ns, end_ns, "Polres", "p" * 16, NOW_NS)


def service(r: Rig, store: ObjectStore, clock: ManualClock, **options: object) -> Retention:
    """Of one Store."""
    return Retention(
        clock,
        catalogue=r.catalogue,
        stores={"home": store},
        options=replace(RetentionOptions(NODE), **options),  # type: ignore[arg-type]  # by name
    )


async def numbers(r: Rig) -> list[tuple[str, int]]:
    """What is there."""
    return [(one.run, one.number) for one in await r.catalogue.segments.in_interval(STREAM, FOREVER)]


async def test_held_footage_stays_and_takes_no_room(tmp_path: Path) -> None:
    """Beyond all days; a quota takes only what is too much of the rest; it goes once the Hold and its hour are over."""
    async with rig(tmp_path, start=False) as r:
        store, clock = FolderStore("home", tmp_path / "store"), ManualClock(NOW_NS)
        old, young = [segment(n) for n in range(4)], [segment(n, age_days=2) for n in range(4)]
        await shelf(r, store, [*old, *young])
        held = hold(old[1].start_ns + MARGIN_NS, old[2].end_ns - MARGIN_NS)
        await r.catalogue.holds.put(held)
        keeper = service(r, store, clock, store_bytes={"home": 300})
        with ThreadPoolExecutor(1) as executor:
            assert await keeper.sweep(executor) == 3
            assert await keeper.sweep(executor) == 0
            assert await numbers(r) == [("run40", 1), ("run40", 2), ("run2", 1), ("run2", 2), ("run2", 3)]
            assert [exists(store, one) for one in old] == [False, True, True, False]
            assert await keeper.lock(executor) == 0  # a folder has no legal hold
            await r.catalogue.holds.put(replace(held, removed_ns=clock.now_ns(), rev=2))
            await clock.advance(HOUR_S - 1)
            assert await keeper.sweep(executor) == 0
            await clock.advance(1)
            assert await keeper.sweep(executor) == 2
        assert await numbers(r) == [("run2", 1), ("run2", 2), ("run2", 3)]


async def test_quotas_of_a_site_and_a_camera(tmp_path: Path) -> None:
    """The smallest counts; short names that are not there bound nothing."""
    for options, left in (
        ({"site_bytes": {"sampit": 250}}, 2),
        ({"camera_bytes": {STREAM.camera: 150}, "site_bytes": {"sampit": 250}}, 1),
        ({"camera_bytes": {"gone": 0}, "site_bytes": {"gone": 0}}, 4),
    ):
        async with rig(tmp_path / str(left), start=False) as r:
            store = FolderStore("home", tmp_path / str(left) / "store")
            await shelf(r, store, [segment(n, age_days=2) for n in range(4)])
            with ThreadPoolExecutor(1) as executor:
                await service(r, store, ManualClock(NOW_NS), **options).sweep(executor)
            assert [number for _, number in await numbers(r)] == list(range(4 - left, 4))


async def test_one_that_is_held_after_it_was_chosen_stays(tmp_path: Path) -> None:
    """A Hold that comes in the middle of a pass is heeded by all that is deleted after it."""
    async with rig(tmp_path, start=False) as r:
        store = FolderStore("home", tmp_path / "store")
        await shelf(r, store, [segment(n) for n in range(4)])
        keeper, executor = service(r, store, ManualClock(NOW_NS)), ThreadPoolExecutor(1)
        chosen = await r.catalogue.segments.expirable(STREAM.camera, NOW_NS, 99)
        await r.catalogue.holds.put(hold(chosen[1].start_ns + MARGIN_NS, None))
        assert [await keeper._take(one, executor) for one in chosen] == [True, False, False, False]
        executor.shutdown()


async def test_what_a_site_doomed_before_it_heard_of_a_hold_is_taken_back(tmp_path: Path) -> None:
    """The center's Copy is footage again, index and all, and goes once it is held no more; the others go at once."""
    store = FolderStore("home", tmp_path / "store")
    books = await Shelf.build(tmp_path, {"home": store}, NODE)
    one = make_run()
    made = await books.record(one, packets(one, seconds=8.0), segment_s=2.0)
    catalogue, rows = books.catalogue, [found.segment for found in made]
    assert len(rows) > 2
    for row in rows:
        kept = await catalogue.segments.get(row.run, row.number)
        assert kept is not None
        await catalogue.segments.put(replace(kept, state=SegmentState.EXPIRED, rev=kept.rev + 1))
        await catalogue.copies.put(Copy(row.run, row.number, "home", CopyState.DOOMED, 1, rev=9))
    held = hold(rows[1].start_ns + 1, rows[1].end_ns - 1)
    await catalogue.holds.put(held)
    clock = ManualClock(rows[-1].end_ns)
    options = RetentionOptions(NODE, homes=frozenset({"home"}))
    keeper = Retention(clock, catalogue=catalogue, stores={"home": store}, options=options)
    with ThreadPoolExecutor(1) as executor:
        await keeper.clear(executor)
        there = await catalogue.segments.with_index(STREAM, FOREVER)
        assert rows[1].number in {found.segment.number for found in there}
        back = next(found for found in there if found.segment.number == rows[1].number)
        assert back.fragments == made[1].fragments
        assert [exists(store, row) for row in rows] == [row.number in {b.segment.number for b in there} for row in rows]
        assert (await catalogue.copies.of(rows[1].run, rows[1].number))[0].state is CopyState.VERIFIED
    await books.close()


@pytest.mark.servers
async def test_legal_holds_follow_the_holds(tmp_path: Path, s3_store: S3Store) -> None:
    """Put on what is claimed, also when it is stored later, so that no key deletes it; taken off when nothing does."""
    async with rig(tmp_path, start=False) as r:
        clock = ManualClock(NOW_NS)
        rows = [segment(n) for n in range(3)]

        async def stored(number: int) -> None:
            one = rows[number]
            await r.catalogue.segments.put(one)
            s3_store.put_bytes(one.key, b"x" * 100, metadata={}, content_type="video/mp4")
            await r.catalogue.copies.put(Copy(one.run, one.number, "home", CopyState.VERIFIED, 1))

        def deletes(number: int) -> bool:
            try:
                s3_store.delete(rows[number].key)
            except ObjectError:
                return False
            return True

        held = hold(rows[1].start_ns + MARGIN_NS, None)
        await r.catalogue.holds.put(held)
        await stored(0)
        await stored(1)
        keeper = service(r, s3_store, clock)
        with ThreadPoolExecutor(1) as executor:
            assert await keeper.lock(executor) == 1
            assert await keeper.lock(executor) == 0
            await stored(2)
            await clock.advance(HOUR_S)  # what was recorded long ago is looked for once an hour
            assert await keeper.lock(executor) == 1
            assert (deletes(1), deletes(2)) == (False, False)
            assert await keeper.sweep(executor) == 1
            await r.catalogue.holds.put(replace(held, end_ns=rows[1].end_ns - MARGIN_NS, rev=2))
            assert await keeper.lock(executor) == 1
            await r.catalogue.holds.put(replace(held, removed_ns=NOW_NS - DAY_NS, rev=3))
            assert await keeper.sweep(executor) == 2
            assert await keeper.lock(executor) == 0
        assert [one.key for one in s3_store.list("footage/")] == []
