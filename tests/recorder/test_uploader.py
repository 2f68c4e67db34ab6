"""From the spool to the home Store: verified, newest first, and never a byte less than two places can vouch for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

import pytest

from recorder.metadata import encoded, metadata_of
from recorder.uploader import Uploader, UploaderOptions
from tests.recorder.files import closed, write_run
from tests.recorder.rig import FOREVER, Rig, rig, until, until_async
from tests.recorder.synth import NODE, STREAM, make_run, packets
from vms.clock import SystemClock
from vms.domain.footage import CopyState, Segment, SegmentState
from vms.domain.gap import GapCause
from vms.errors import ObjectChecksumError, ObjectUnavailableError
from vms.objects.base import ObjectInfo, Seal
from vms.objects.folder import FolderStore


@dataclass
class Moody:
    """A Store before a real one, that fails on demand and remembers what was put."""

    inner: FolderStore
    name: str = "home"
    put: list[str] = field(default_factory=list)
    away: bool = False
    refuses: set[str] = field(default_factory=set)
    lies: bool = False

    def put_file(
        self,
        key: str,
        path: Path,
        *,
        sha256: str,
        metadata: Mapping[str, str],
        content_type: str,
        seal: Seal | None = None,
    ) -> ObjectInfo:
        """Fails, or puts."""
        if self.away:
            raise ObjectUnavailableError("the Store is away")
        if key in self.refuses:
            raise ObjectChecksumError("not what was described")
        self.put.append(key)
        if self.lies:
            return ObjectInfo(key, 0, 0)
        return self.inner.put_file(key, path, sha256=sha256, metadata=metadata, content_type=content_type, seal=seal)

    def stat(self, key: str) -> ObjectInfo:
        """As the real one, unless it lies."""
        return ObjectInfo(key, 1, 0, "00") if self.lies else self.inner.stat(key)

    def put_bytes(self, key: str, data: bytes, *, metadata: Mapping[str, str], content_type: str) -> ObjectInfo:
        """As the real one."""
        return self.inner.put_bytes(key, data, metadata=metadata, content_type=content_type)

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        """As the real one."""
        return self.inner.get(key, offset, length)

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[ObjectInfo]:
        """As the real one."""
        return self.inner.list(prefix, start_after=start_after)

    def delete(self, key: str) -> None:
        """As the real one."""
        self.inner.delete(key)

    def check(self) -> None:
        """As the real one."""
        self.inner.check()


@dataclass
class Yard:
    """Spooled Segments with rows, a Store and an uploader."""

    r: Rig
    store: Moody
    uploader: Uploader
    rows: list[Segment]

    async def in_state(self, state: SegmentState, count: int) -> None:
        """Wait until so many Segments are in a state."""

        async def there() -> bool:
            return len(await self.r.catalogue.segments.by_state(state)) == count

        await until_async(there)


@asynccontextmanager
async def yard(folder: Path, *, start: bool = True) -> AsyncIterator[Yard]:
    """Four spooled Segments of one second."""
    async with rig(folder, start=False) as r:
        run = make_run()
        _, events = write_run(r.spool.root, run, packets(run, seconds=4), segment_s=1)
        for one in closed(events):
            await r.catalogue.segments.put(one.segment.segment, one.segment.fragments)
        r.spool.measure()
        store = Moody(FolderStore("home", folder / "store"))
        options = UploaderOptions(NODE, poll_s=0.05, backoff_s=(0.01, 0.02))
        uploader = Uploader(
            SystemClock(), catalogue=r.catalogue, bus=r.bus, spool=r.spool, stores={"home": store}, options=options
        )
        found = Yard(r, store, uploader, [one.segment.segment for one in closed(events)])
        task = asyncio.create_task(uploader.run()) if start else None
        try:
            yield found
        finally:
            uploader.stop()
            if task is not None:
                await task


async def test_everything_arrives_newest_first(tmp_path: Path) -> None:
    """Objects with their metadata, verified Copies, rows `stored`, an empty spool."""
    async with yard(tmp_path) as y:
        await y.in_state(SegmentState.STORED, 4)
        await until(lambda: y.r.spool.usage().used_bytes == 0)
        assert sorted(y.store.put[:2]) == sorted(row.key for row in y.rows[2:])
        assert list(y.r.spool.files()) == []
        for row in y.rows:
            info = y.store.stat(row.key)
            assert (info.size_bytes, info.sha256) == (row.size_bytes, row.sha256)
            assert info.metadata["leaf-root"] == row.leaf_root
            assert info.metadata["number"] == str(row.number)
            assert unquote(info.metadata["camera-name"]) == "Pasar Besar"
            (copy,) = await y.r.catalogue.copies.of(row.run, row.number)
            assert (copy.store, copy.state) == ("home", CopyState.VERIFIED)
        indexed = await y.r.catalogue.segments.with_index(STREAM, FOREVER)
        assert all(one.fragments for one in indexed)


async def test_a_store_that_is_away_costs_nothing(tmp_path: Path) -> None:
    """The spool keeps all while the Store does not answer, and gives it when it does."""
    async with yard(tmp_path, start=False) as y:
        y.store.away = True
        task = asyncio.create_task(y.uploader.run())
        await until(lambda: "away" in y.uploader.health().why)
        assert len(list(y.r.spool.files())) == 4
        y.store.away = False
        await y.in_state(SegmentState.STORED, 4)
        y.uploader.stop()
        await task


async def test_one_that_is_refused_does_not_hold_up_the_others(tmp_path: Path) -> None:
    """Three are stored, the fourth stays in the spool, is told of and is tried again."""
    async with yard(tmp_path, start=False) as y:
        told = y.r.bus.subscribe("recorder.state")
        y.store.refuses = {y.rows[3].key}
        task = asyncio.create_task(y.uploader.run())
        await y.in_state(SegmentState.STORED, 3)
        _, value = await told.get()
        assert (value["kind"], value["key"]) == ("refused", y.rows[3].key)
        assert list(y.r.spool.files()) == [(y.rows[3].key, False)]
        y.store.refuses = set()
        await y.in_state(SegmentState.STORED, 4)
        y.uploader.stop()
        await task


async def test_a_store_that_lies_is_not_believed(tmp_path: Path) -> None:
    """A put that says yes, and a stat that says something else: the file stays."""
    async with yard(tmp_path, start=False) as y:
        y.store.lies = True
        task = asyncio.create_task(y.uploader.run())
        await until(lambda: len(y.store.put) >= 4)
        y.uploader.stop()
        await task
        assert len(list(y.r.spool.files())) == 4
        assert len(await y.r.catalogue.segments.by_state(SegmentState.SPOOLED)) == 4


async def test_what_was_interrupted_is_done_again(tmp_path: Path) -> None:
    """Object there but no row; object and Copy there but the file too; both end in order."""
    async with yard(tmp_path, start=False) as y:
        first, second = y.rows[:2]
        for row in (first, second):
            path = y.r.spool.path(row.key)
            y.store.inner.put_file(row.key, path, sha256=row.sha256, metadata={}, content_type="video/mp4")
        y.r.spool.remove(second.key)
        task = asyncio.create_task(y.uploader.run())
        await y.in_state(SegmentState.STORED, 4)
        y.uploader.stop()
        await task
        assert list(y.r.spool.files()) == []


async def test_what_is_nowhere_is_lost_and_said(tmp_path: Path) -> None:
    """A row whose bytes nobody has becomes a Gap `lost`, not footage that cannot be shown."""
    async with yard(tmp_path, start=False) as y:
        told = y.r.bus.subscribe("recorder.state")
        y.r.spool.remove(y.rows[1].key)
        task = asyncio.create_task(y.uploader.run())
        await y.in_state(SegmentState.STORED, 3)
        (gap,) = await y.r.catalogue.gaps.in_interval(STREAM, FOREVER)
        assert (gap.cause, gap.start_ns, gap.end_ns) == (GapCause.LOST, y.rows[1].start_ns, y.rows[1].end_ns)
        assert (await told.get())[1]["kind"] == "lost"
        y.uploader.stop()
        await task


async def test_what_no_store_takes_does_not_hold_up_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metadata or a key that is refused as input leaves that one file in the spool."""
    async with yard(tmp_path, start=False) as y:
        bad = y.rows[3].run, y.rows[3].number

        def metadata(segment: Segment, names: Mapping[str, str]) -> dict[str, str]:
            return metadata_of(segment, names) | ({"x": "\n"} if (segment.run, segment.number) == bad else {})

        monkeypatch.setattr("recorder.uploader.metadata_of", metadata)
        task = asyncio.create_task(y.uploader.run())
        await y.in_state(SegmentState.STORED, 3)
        assert list(y.r.spool.files()) == [(y.rows[3].key, False)]
        y.uploader.stop()
        await task


async def test_an_unknown_store_keeps_the_file(tmp_path: Path) -> None:
    """A Site whose home Store is not configured: nothing is removed, nothing else stops."""
    async with yard(tmp_path, start=False) as y:
        site = await y.r.catalogue.sites.get(y.rows[0].site)
        assert site is not None
        await y.r.catalogue.sites.put(replace(site, home_store="elsewhere", rev=2))
        task = asyncio.create_task(y.uploader.run())
        await until(lambda: "no Store named elsewhere" in y.uploader.health().why)
        y.uploader.stop()
        await task
        assert len(list(y.r.spool.files())) == 4


@pytest.mark.parametrize("name", ["Pasar Besar Sampit", "ü" * 500, "\u202e" * 100, "", "a\x00b", " x "])
def test_metadata_fits_whatever_the_names(name: str) -> None:
    """Printable ASCII, below 2 KB, and the beginning of the name can be read back."""
    run = make_run()
    segment = Segment(run.id, 0, STREAM, "s", "n", 1, 0, 1, SegmentState.SPOOLED, sha256="ab" * 32, leaf_root="cd" * 32)
    found = metadata_of(segment, {"site": name, "camera": name, "slug": name})
    assert sum(len(key) + len(value) for key, value in found.items()) < 1900
    assert all(value.isascii() and value == value.strip() for value in found.values())
    assert name.startswith(unquote(encoded(name)))
