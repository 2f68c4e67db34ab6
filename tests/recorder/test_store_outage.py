"""Stores that are away or refuse: by the clock for half an hour, nothing lost, newest first, nobody else held up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from recorder.uploader import Uploader, UploaderOptions
from recorder.writer import Closed
from tests.recorder.files import closed, write_run
from tests.recorder.rig import FOREVER, Rig, rig
from tests.recorder.synth import NODE, SITE, STREAM, make_run, packets
from tests.recorder.test_uploader import Moody
from vms.bus.base import Value
from vms.clock import ManualClock
from vms.domain.camera import Site
from vms.domain.footage import SegmentState
from vms.errors import ObjectError
from vms.objects.base import ObjectInfo
from vms.objects.folder import FolderStore

MINUTES = 30


@dataclass
class Strict(Moody):
    """Refuses whatever it is given, as with keys that have expired."""

    strict: bool = False

    def check(self) -> None:
        """Refused too."""
        if self.strict:
            raise ObjectError("the store home refuses us: InvalidAccessKeyId")

    def put_file(self, *args: object, **more: object) -> ObjectInfo:  # type: ignore[override]  # handed on as it is
        """Refused, or as Moody."""
        self.check()
        return super().put_file(*args, **more)  # type: ignore[arg-type]  # handed on as it is


@dataclass
class Half:
    """An uploader on a clock of its own, and what it says."""

    r: Rig
    clock: ManualClock
    stores: Mapping[str, Strict]
    uploader: Uploader
    said: list[Value]

    async def minutes(self, count: int) -> None:
        """Let time pass, a second at a time, with room for threads and rows."""
        for _ in range(count * 60):
            await self.clock.advance(1)
            await asyncio.sleep(0.0005)

    async def record(self, event: Closed) -> None:
        """One more Segment is spooled."""
        await self.r.catalogue.segments.put(event.segment.segment, event.segment.fragments)
        self.uploader.wake()

    async def stored(self, count: int) -> None:
        """Wait until so many are in their Store, while time passes."""
        async with asyncio.timeout(30):
            while len(await self.r.catalogue.segments.by_state(SegmentState.STORED)) < count:
                await self.clock.advance(1)
                await asyncio.sleep(0.005)


@asynccontextmanager
async def half(folder: Path) -> AsyncIterator[Half]:
    """Nothing recorded yet; Stores `home` and `far`."""
    async with rig(folder, start=False) as r:
        clock = ManualClock()
        stores = {name: Strict(FolderStore(name, folder / name), name) for name in ("home", "far")}
        options = UploaderOptions(NODE)
        uploader = Uploader(clock, catalogue=r.catalogue, bus=r.bus, spool=r.spool, stores=stores, options=options)
        events, said = r.bus.subscribe("recorder.state"), list[Value]()

        async def listen() -> None:
            async for _, value in events:
                said.append(value)

        tasks = [asyncio.create_task(uploader.run()), asyncio.create_task(listen())]
        try:
            yield Half(r, clock, stores, uploader, said)
        finally:
            uploader.stop()
            events.close()
            await asyncio.gather(*tasks)


async def test_half_an_hour_without_a_store(tmp_path: Path) -> None:
    """B2 by the clock: 15 min away, 15 min refusing; then all 30 Segments arrive, newest first, and none is lost."""
    async with half(tmp_path) as h:
        run = make_run()
        _, events = write_run(h.r.spool.root, run, packets(run, seconds=2 * MINUTES), segment_s=2)
        home = h.stores["home"]
        home.away = True
        for count, event in enumerate(closed(events)):
            if count == MINUTES // 2:
                home.away, home.strict = False, True
            await h.record(event)
            await h.minutes(1)
            assert not h.uploader.health().ok
        assert home.put == []
        assert await h.r.catalogue.segments.by_state(SegmentState.STORED) == []
        home.strict = False
        back_ns = h.clock.mono_ns()
        await h.stored(MINUTES)
        assert h.clock.mono_ns() - back_ns < 120e9
        keys = [event.segment.segment.key for event in closed(events)]
        place = {key: at for at, key in enumerate(reversed(keys))}
        order = [place[key] for key in home.put]
        assert all(abs(at - found) <= 1 for at, found in enumerate(order)), "newest first, two at a time"
        assert h.uploader.health().ok
        rows = [one.segment for one in await h.r.catalogue.segments.with_index(STREAM, FOREVER)]
        assert all(one.end_ns == two.start_ns for one, two in pairwise(rows))
        assert await h.r.catalogue.gaps.in_interval(STREAM, FOREVER) == []
        assert list(h.r.spool.files()) == []


async def test_it_is_said_and_not_too_often(tmp_path: Path) -> None:
    """At once, then each minute while it lasts, and when it is over, with how long it was."""
    async with half(tmp_path) as h:
        run = make_run()
        _, events = write_run(h.r.spool.root, run, packets(run, seconds=4), segment_s=2)
        h.stores["home"].strict = True
        for event in closed(events):
            await h.record(event)
        await h.minutes(10)
        assert {(value["kind"], value["store"], value["ok"]) for value in h.said} == {("store", "home", False)}
        assert 6 <= len(h.said) <= 11
        assert "InvalidAccessKeyId" in h.said[0]["why"]
        h.stores["home"].strict = False
        await h.stored(2)
        assert h.said[-1]["ok"] is True
        assert 600 <= h.said[-1]["away_s"] < 700


async def test_a_store_that_is_gone_holds_up_no_other(tmp_path: Path) -> None:
    """Footage of another Site goes to its own Store meanwhile, however much waits for the first."""
    async with half(tmp_path) as h:
        other = "site333333333333"
        await h.r.catalogue.sites.put(Site(other, "kapuas", "Kuala Kapuas", home_store="far"))
        run = make_run()
        _, events = write_run(h.r.spool.root, run, packets(run, seconds=80), segment_s=1)
        h.stores["home"].away = True
        rows = closed(events)
        oldest = replace(rows[0].segment.segment, site=other)
        h.r.spool.path(oldest.key).parent.mkdir(parents=True)
        h.r.spool.path(rows[0].segment.segment.key).rename(h.r.spool.path(oldest.key))
        for event in rows[1:]:
            await h.r.catalogue.segments.put(event.segment.segment, event.segment.fragments)
        await h.r.catalogue.segments.put(oldest, rows[0].segment.fragments)
        h.uploader.wake()
        await h.stored(1)
        assert h.stores["far"].put == [oldest.key]
        assert h.stores["home"].put == []
        assert h.uploader.ills == {"home": "away", "far": ""}
        assert SITE in next(h.r.spool.files())[0]
