"""Copies to the center by a Site's policy: newest first, verified, nothing taken away that is ordered and not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from recorder.copies import Copies, CopiesOptions
from recorder.rebuild import Rebuild
from recorder.retention import Retention, RetentionOptions
from recorder.segment_reader import SegmentSources
from recorder.uploader import Uploader, UploaderOptions
from tests.recorder.files import closed, write_run
from tests.recorder.rig import FOREVER, Rig, rig, until_async
from tests.recorder.synth import CAMERA, NODE, SITE, STREAM, make_run, packets
from tests.recorder.test_uploader import Moody
from vms import metrics
from vms.clock import SystemClock
from vms.domain.camera import CopyPolicy, StreamName
from vms.domain.footage import CopyState, Segment, SegmentState
from vms.objects.base import ObjectStore
from vms.objects.folder import FolderStore
from vms.store import Catalogue
from vms.store.notes import OutboxOptions, Role
from vms.store.outbox import Backlog


@dataclass
class Branch:
    """A Site with a Store of its own, and the center's."""

    r: Rig
    own: Moody
    home: Moody
    rows: list[Segment]
    folder: Path
    left_to: Callable[[], frozenset[str] | None] = frozenset

    async def policy(self, policy: CopyPolicy, rev: int, store: str = "sampit") -> None:
        """Another policy."""
        site = await self.r.catalogue.sites.get(SITE)
        assert site is not None
        await self.r.catalogue.sites.put(replace(site, home_store=store, copies=policy, rev=rev))

    @asynccontextmanager
    async def uploading(self) -> AsyncIterator[None]:
        """All that is spooled goes to the Site's Store."""
        options = UploaderOptions(NODE, poll_s=0.05, workers=1)
        stores: dict[str, ObjectStore] = {"home": self.home, "sampit": self.own}
        uploader = Uploader(
            SystemClock(),
            catalogue=self.r.catalogue,
            bus=self.r.bus,
            spool=self.r.spool,
            stores=stores,
            options=options,
        )
        task = asyncio.create_task(uploader.run())
        yield
        uploader.stop()
        await task

    async def stored(self) -> None:
        """Bring all to the Site's Store."""
        async with self.uploading():
            await until_async(lambda: self._is(SegmentState.STORED, len(self.rows)))
        self.rows = await self.r.catalogue.segments.by_state(SegmentState.STORED)

    async def _is(self, state: SegmentState, count: int) -> bool:
        return len(await self.r.catalogue.segments.by_state(state)) == count

    def copier(self) -> Copies:
        """The Service, not started."""
        return Copies(
            SystemClock(),
            catalogue=self.r.catalogue,
            bus=self.r.bus,
            stores={"home": self.home, "sampit": self.own},
            left_to=self.left_to,
            options=CopiesOptions(NODE, self.folder / "copies", poll_s=0.02, backoff_s=(0.01, 0.02)),
        )

    @asynccontextmanager
    async def copying(self) -> AsyncIterator[Copies]:
        """The Service, running."""
        copies = self.copier()
        task = asyncio.create_task(copies.run())
        yield copies
        copies.stop()
        await task

    async def states(self) -> list[CopyState | None]:
        """Of the Copies in the center, oldest Segment first; None where there is no row."""
        found: list[CopyState | None] = []
        for row in self.rows:
            copies = await self.r.catalogue.copies.of(row.run, row.number)
            found.append(next((copy.state for copy in copies if copy.store == "home"), None))
        return found

    async def all_are(self, state: CopyState) -> bool:
        """Whether each Copy in the center is in that state."""
        return set(await self.states()) == {state}

    def retention(self, place: str) -> Retention:
        """Of who stands beside a Store; by it all is too old."""
        options = RetentionOptions(NODE, days=0, homes=frozenset({place}))
        stores: dict[str, ObjectStore] = {"home": self.home}
        if place != "home":  # the center need not reach the Site's
            stores["sampit"] = self.own
        return Retention(SystemClock(), catalogue=self.r.catalogue, stores=stores, options=options)

    async def swept(self, place: str = "sampit") -> int:
        """One look of retention there."""
        with ThreadPoolExecutor(1) as pool:
            return await self.retention(place).sweep(pool)

    async def cleared(self, place: str) -> int:
        """One look there at what others have doomed."""
        with ThreadPoolExecutor(1) as pool:
            return await self.retention(place).clear(pool)

    async def keep_at(self, store: str, rev: int) -> None:
        """Another home Store of the Site."""
        site = await self.r.catalogue.sites.get(SITE)
        assert site is not None
        await self.r.catalogue.sites.put(replace(site, home_store=store, rev=rev))


@asynccontextmanager
async def branch(folder: Path, policy: CopyPolicy = CopyPolicy.ALL) -> AsyncIterator[Branch]:
    """Four spooled Segments of a second."""
    async with rig(folder, start=False) as r:
        run = make_run()
        _, events = write_run(r.spool.root, run, packets(run, seconds=4), segment_s=1)
        for one in closed(events):
            await r.catalogue.segments.put(one.segment.segment, one.segment.fragments)
        r.spool.measure()
        own, home = (Moody(FolderStore(name, folder / name), name) for name in ("sampit", "home"))
        found = Branch(r, own, home, [one.segment.segment for one in closed(events)], folder)
        await found.policy(policy, 2)
        yield found


async def test_all_goes_to_the_center_newest_first_and_whole(tmp_path: Path) -> None:
    """Ordered as it is stored; then verified Copies with the bytes and metadata of the Site's."""
    async with branch(tmp_path) as b:
        await b.stored()
        assert await b.states() == [CopyState.WANTED] * 4
        async with b.copying():
            await until_async(lambda: b.all_are(CopyState.VERIFIED))
        assert b.home.put == [row.key for row in reversed(b.rows)]
        for row in b.rows:
            mine, theirs = b.home.stat(row.key), b.own.stat(row.key)
            assert (mine.sha256, mine.metadata) == (theirs.sha256, theirs.metadata)
        assert list((tmp_path / "copies").iterdir()) == []


@pytest.mark.parametrize("policy", [CopyPolicy.ON_DEMAND, CopyPolicy.SUB])
async def test_a_policy_orders_no_more_than_it_says(tmp_path: Path, policy: CopyPolicy) -> None:
    """Nothing of a main Stream; a sub Stream's where it is recorded."""
    async with branch(tmp_path, policy) as b:
        await b.stored()
        assert await b.states() == [None] * 4
        site = await b.r.catalogue.sites.get(SITE)
        assert site is not None
        assert site.orders(StreamName.SUB) is (policy is CopyPolicy.SUB)
        assert not replace(site, home_store="home", copies=CopyPolicy.ALL).orders(StreamName.SUB)


async def test_a_new_policy_counts_for_what_is_there(tmp_path: Path) -> None:
    """From on demand to all: everything is ordered; back again: what is not copied yet is withdrawn, the rest stays."""
    async with branch(tmp_path, CopyPolicy.ON_DEMAND) as b:
        await b.stored()
        b.home.refuses = {b.rows[0].key}
        async with b.copying():
            await b.policy(CopyPolicy.ALL, 3)
            expected = [CopyState.WANTED, *[CopyState.VERIFIED] * 3]
            await until_async(lambda: _equal(b, expected))
            await b.policy(CopyPolicy.ON_DEMAND, 4)
            expected = [CopyState.DELETED, *[CopyState.VERIFIED] * 3]
            await until_async(lambda: _equal(b, expected))
        b.home.refuses = set()
        async with b.copying():
            await b.policy(CopyPolicy.ALL, 5)
            await until_async(lambda: b.all_are(CopyState.VERIFIED))


async def _equal(b: Branch, expected: list[CopyState]) -> bool:
    return await b.states() == expected


async def test_what_is_ordered_and_not_there_is_never_taken(tmp_path: Path) -> None:
    """Retention leaves it until its Copy is verified; then it takes it here, and there when the line allows."""
    async with branch(tmp_path) as b:
        await b.stored()
        assert await b.swept() == 0
        async with b.copying():
            await until_async(lambda: b.all_are(CopyState.VERIFIED))
        b.home.away = True
        assert await b.swept() == 4
        assert await b.all_are(CopyState.DOOMED)
        assert list(b.own.list("footage/")) == []
        b.home.away = False
        assert await b.cleared("home") == 4  # in the center, by the rows that have come there
        assert await b.all_are(CopyState.DELETED)
        assert list(b.home.list("footage/")) == []
        assert await b.r.catalogue.segments.expirable(CAMERA, 1 << 62, 10) == []
        assert len(await b.r.catalogue.segments.in_interval(STREAM, FOREVER)) == 0


async def test_a_site_gives_up_its_store(tmp_path: Path) -> None:
    """What lies there is still found; the center expires it, and the site takes the objects away."""
    async with branch(tmp_path, CopyPolicy.ON_DEMAND) as b:
        await b.stored()
        await b.keep_at("home", 3)
        sources = SegmentSources(b.r.catalogue, {"home": b.home, "sampit": b.own}, b.r.bus, None, 1 << 20, 1.0, "home")
        assert await sources.read(b.rows[0], 0, 100) == b.own.get(b.rows[0].key, 0, 100)
        assert await b.swept() == 0  # no longer the site's to decide
        assert await b.swept("home") == 4
        assert len(list(b.own.list("footage/"))) == 4
        assert await b.cleared("sampit") == 4
        assert list(b.own.list("footage/")) == []
        assert await b.cleared("sampit") == 0


async def test_a_site_gets_a_store_of_its_own(tmp_path: Path) -> None:
    """What the center has stays, and is taken away there when the site expires it."""
    async with branch(tmp_path, CopyPolicy.ON_DEMAND) as b:
        await b.keep_at("home", 3)
        await b.stored()
        assert len(list(b.home.list("footage/"))) == 4
        await b.keep_at("sampit", 4)
        assert await b.swept("home") == 0
        assert await b.swept() == 4
        assert await b.all_are(CopyState.DOOMED)
        assert await b.cleared("home") == 4
        assert list(b.home.list("footage/")) == []


async def test_a_site_bounds_its_own_store(tmp_path: Path) -> None:
    """By bytes, oldest first, whatever the center's may hold."""
    async with branch(tmp_path, CopyPolicy.ON_DEMAND) as b:
        await b.stored()
        room = sum(row.size_bytes for row in b.rows[2:])
        options = RetentionOptions(NODE, days=9999, homes=frozenset({"sampit"}), store_bytes={"sampit": room})
        keep = Retention(SystemClock(), catalogue=b.r.catalogue, stores={"sampit": b.own}, options=options)
        with ThreadPoolExecutor(1) as pool:
            await keep.sweep(pool)
        left = [row.key for row in await b.r.catalogue.segments.in_interval(STREAM, FOREVER)]
        assert left == [row.key for row in b.rows[2:]]


async def test_the_store_changes_while_uploads_run(tmp_path: Path) -> None:
    """The Service goes on, and what is spooled goes to the new Store; the former is asked for nothing more."""
    async with branch(tmp_path, CopyPolicy.ON_DEMAND) as b:
        b.own.refuses = {b.rows[0].key}
        restarts = metrics.SERVICE_RESTARTS.labels("uploader")._value.get()
        async with b.uploading():
            await until_async(lambda: b._is(SegmentState.STORED, 3))
            await b.keep_at("home", 3)
            await until_async(lambda: b._is(SegmentState.STORED, 4))
        assert metrics.SERVICE_RESTARTS.labels("uploader")._value.get() == restarts
        assert [one.key for one in b.home.list("footage/")] == [b.rows[0].key]


async def test_the_only_node_of_a_site_is_replaced(tmp_path: Path) -> None:
    """With its settings and `vms index rebuild` the new one has what lies in the Store, and lets go of it in time."""
    async with branch(tmp_path, CopyPolicy.ON_DEMAND) as b:
        await b.stored()
        outbox = b.r.catalogue.outbox
        settings = await outbox.images_of("sites", [(SITE,)]) + await outbox.images_of("cameras", [(CAMERA,)])
        url, options = f"sqlite:///{tmp_path}/new.db", OutboxOptions(Role.SITE)
        new = await Catalogue.open(url, key=bytes(32), node="n" * 16, outbox=options)
        await new.replica.apply(settings)
        done = await Rebuild(new, {"sampit": b.own}).run()
        assert (done.segments, done.bad) == (4, [])
        assert [row.key for row in await new.segments.in_interval(STREAM, FOREVER)] == [row.key for row in b.rows]
        assert await new.outbox.backlog() == Backlog(0, 0)  # the center has all of it
        keep = RetentionOptions("n" * 16, days=0, homes=frozenset({"sampit"}))
        stores: dict[str, ObjectStore] = {"home": b.home, "sampit": b.own}
        with ThreadPoolExecutor(1) as pool:
            assert await Retention(SystemClock(), catalogue=new, stores=stores, options=keep).sweep(pool) == 4
        assert list(b.own.list("footage/")) == []
        assert (await new.outbox.backlog()).waiting > 0
        await new.close()


async def test_copies_are_made_from_where_footage_lies(tmp_path: Path) -> None:
    """The Site's Store is another by now; a Copy is made of what lies in the former one all the same."""
    async with branch(tmp_path, CopyPolicy.ON_DEMAND) as b:
        await b.stored()
        await b.policy(CopyPolicy.ALL, 3, "another")
        async with b.copying():
            await until_async(lambda: b.all_are(CopyState.VERIFIED))


async def test_the_center_is_away_and_comes_back(tmp_path: Path) -> None:
    """Nothing is lost, it is said, and what had arrived already is not sent again."""
    async with branch(tmp_path) as b:
        await b.stored()
        row = b.rows[1]
        b.home.inner.put_bytes(row.key, b.own.get(row.key), metadata={}, content_type="video/mp4")
        told = b.r.bus.subscribe("recorder.state")
        b.home.away = True
        async with b.copying() as copies:
            _, value = await told.get()
            assert (value["kind"], value["store"], value["ok"]) == ("store", "home", False)
            await until_async(lambda: _later(not copies.health().ok))
            b.home.away = False
            await until_async(lambda: b.all_are(CopyState.VERIFIED))
            assert copies.health().ok
        assert row.key not in b.home.put


async def _later(found: bool) -> bool:
    return found


async def test_damaged_at_the_site_is_not_copied(tmp_path: Path) -> None:
    """Other bytes than were recorded do not become a Copy, and hold up no other."""
    async with branch(tmp_path) as b:
        await b.stored()
        path = tmp_path / "sampit" / b.rows[3].key
        path.write_bytes(path.read_bytes()[:-1] + b"?")
        async with b.copying():
            expected = [*[CopyState.VERIFIED] * 3, CopyState.WANTED]
            await until_async(lambda: _equal(b, expected))
        assert b.rows[3].key not in b.home.put


async def test_nodes_of_a_site_share_the_work(tmp_path: Path) -> None:
    """What another node that is alive recorded is left to it; of one that is gone, somebody does it."""
    async with branch(tmp_path) as b:
        await b.stored()
        copies = b.copier()
        with ThreadPoolExecutor(1) as pool:
            b.left_to = lambda: frozenset({NODE})
            assert not await b.copier().step(pool)
            b.left_to = lambda: None
            assert await b.copier().step(pool)
            assert await copies.step(pool)
        assert len(b.home.put) == 2
