"""Footage in a Site's own Store, read by a center that cannot reach that Store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from recorder.playback import Playback, PlaybackOptions
from recorder.stored import MAX_BYTES, StoredRanges, stored_subject
from tests.recorder.shelf import Shelf
from tests.recorder.synth import NODE, SITE, START_NS, make_run, packets
from tests.recorder.test_uploader import Moody
from vms.clock import ManualClock
from vms.domain.footage import Copy, CopyState, IndexedSegment
from vms.errors import InputError, VmsError
from vms.objects.folder import FolderStore


@dataclass
class Far:
    """A center with its own Store, a Site with another, and one Segment there."""

    shelf: Shelf
    home: Moody
    own: Moody
    one: IndexedSegment
    center: Playback

    async def read(self) -> bytes:
        """The Segment as the center gets it."""
        segment = self.one.segment
        return await (await self.center.segment(segment.run, segment.number)).read(0)


@asynccontextmanager
async def far(folder: Path, *, served: bool = True) -> AsyncIterator[Far]:
    """`served`: a node of the Site answers."""
    home, own = (Moody(FolderStore(name, folder / name), name) for name in ("home", "sampit"))
    shelf = await Shelf.build(folder, {"sampit": own}, "another")
    clock = ManualClock(START_NS + 100 * 1_000_000_000)
    site = await shelf.catalogue.sites.get(SITE)
    assert site is not None
    await shelf.catalogue.sites.put(replace(site, home_store="sampit", rev=2))
    run = make_run(node=NODE)
    (one,) = await shelf.record(run, packets(run, seconds=2), segment_s=10, store="sampit")
    options = PlaybackOptions(block_bytes=20_000, first_store="home")
    center = Playback(shelf.catalogue, {"home": home}, shelf.bus, clock, options)
    stored = StoredRanges(clock, bus=shelf.bus, stores={"sampit": own})
    task = asyncio.create_task(stored.run()) if served else None
    await asyncio.sleep(0)
    try:
        yield Far(shelf, home, own, one, center)
    finally:
        stored.stop()
        if task is not None:
            await task
        await center.close()
        await shelf.close()


async def test_a_node_of_the_site_reads_it_for_the_center(tmp_path: Path) -> None:
    """In pieces, whole, though the node that recorded it is gone and no Copy row has come yet."""
    async with far(tmp_path) as f:
        assert await f.read() == f.own.get(f.one.segment.key)


async def test_the_copy_in_the_center_comes_first(tmp_path: Path) -> None:
    """A verified Copy is read there, and the line stays free; one that is gone after all is read from the Site."""
    async with far(tmp_path) as f:
        segment = f.one.segment
        data = f.own.get(segment.key)
        f.home.inner.put_bytes(segment.key, data, metadata={}, content_type="video/mp4")
        for store in ("home", "sampit"):
            await f.shelf.catalogue.copies.put(Copy(segment.run, segment.number, store, CopyState.VERIFIED, 1))
        asked: list[str] = []
        real = f.own.inner.get
        f.own.get = lambda key, offset=0, length=None: asked.append(key) or real(key, offset, length)  # type: ignore[method-assign, func-returns-value]  # a spy
        assert await f.read() == data
        assert asked == []
        f.home.inner.delete(segment.key)
        assert await f.read() == data
        assert asked


async def test_nobody_can_read_it(tmp_path: Path) -> None:
    """The Site is cut off: an error that says so, not a wait without end."""
    async with far(tmp_path, served=False) as f:
        with pytest.raises(VmsError):
            await f.read()


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"key": "footage/a", "offset": -1, "length": 1},
        {"key": "footage/a", "offset": 0, "length": MAX_BYTES + 1},
        {"key": "checkpoints/a", "offset": 0, "length": 1},
    ],
)
async def test_only_ranges_of_footage_are_given(tmp_path: Path, value: dict[str, object]) -> None:
    """Anything else is refused."""
    async with far(tmp_path) as f:
        with pytest.raises(InputError):
            await f.shelf.bus.request(stored_subject("sampit"), value)
