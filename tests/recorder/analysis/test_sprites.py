"""Thumbnails: taken of key frames, gathered by the hour over a restart, packed beside the footage, gone with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.analysis.picture import decoded
from recorder.analysis.sprites import SpriteParts, Sprites
from recorder.analysis.thumbnail import thumbnail
from recorder.sprite_retention import clear_sprites
from recorder.thumbnails import Thumbnails
from tests.recorder.analysis.scenery import HEIGHT, WIDTH
from tests.recorder.analysis.trial import key_frame
from tests.recorder.rig import camera
from tests.recorder.synth import CAMERA, NODE, SITE
from tests.store.samples import segment
from vms.bus.memory import MemoryBus
from vms.clock import NS_PER_S, ManualClock
from vms.domain.camera import RecordMode, Site, StreamName, StreamRef
from vms.domain.footage import SegmentState
from vms.domain.media import Codec
from vms.domain.sprite import HOUR_NS, Sheet, Sprite, hour_of, pack
from vms.errors import FootageError, ObjectUnavailableError
from vms.objects.folder import FolderStore
from vms.store import Catalogue

HOUR = hour_of(1_790_000_000 * NS_PER_S)
JPEG = b"\xff\xd8 picture \xff\xd9"


class Shed:
    """Sprites on a catalogue with one camera, a folder Store and a clock moved by hand."""

    def __init__(self, folder: Path, catalogue: Catalogue, store: FolderStore) -> None:
        self.clock = ManualClock(HOUR)
        self.catalogue, self.store = catalogue, store
        self.parts = SpriteParts(folder / "thumbnails", NODE, catalogue, {"home": store})
        self.sprites = Sprites(self.clock, self.parts)
        self.pool = ThreadPoolExecutor(1)
        self.read = Thumbnails(catalogue, {"home": store}, MemoryBus(), self.pool, 1.0)

    def take(self, count: int, first: int = 0) -> None:
        """Pictures, one every ten seconds of the hour."""
        for number in range(first, first + count):
            self.sprites.add(CAMERA, HOUR + number * 10 * NS_PER_S, JPEG + bytes([number % 256]))

    def kept(self) -> list[str]:
        """Keys of the objects."""
        return [info.key for info in self.store.list("")]


@pytest.fixture
async def shed(tmp_path: Path) -> AsyncIterator[Shed]:
    """One camera that is recorded."""
    catalogue = await Catalogue.open(f"sqlite:///{tmp_path}/vms.db", key=bytes(32))
    await catalogue.sites.put(Site(SITE, "sampit", "Sampit"))
    await catalogue.cameras.add(camera())
    found = Shed(tmp_path, catalogue, FolderStore("home", tmp_path / "store"))
    yield found
    found.pool.shutdown()
    await catalogue.close()


@given(st.dictionaries(st.integers(0, 3_599_999), st.binary(max_size=40), max_size=50), st.integers(-10, 3_600_010))
def test_the_nearest_picture_of_an_hour(pictures: dict[int, bytes], at_ms: int) -> None:
    """Whatever was packed, in whatever order; of nothing nothing."""
    sheet = Sheet(HOUR, pack(HOUR, [(HOUR + ms * 1_000_000, jpeg) for ms, jpeg in pictures.items()]))
    found = sheet.nearest(HOUR + at_ms * 1_000_000)
    if not pictures:
        assert found is None
    else:
        assert found is not None
        ms = (found[0] - HOUR) // 1_000_000
        assert found[1] == pictures[ms]
        assert abs(ms - at_ms) == min(abs(one - at_ms) for one in pictures)


@given(st.binary(max_size=200))
def test_what_is_no_sprite_is_refused(data: bytes) -> None:
    """Never a crash, never a wrong picture."""
    for bad in (data, pack(HOUR, [(HOUR, JPEG)])[:-1], b"VMT1" + data):
        with pytest.raises(FootageError):
            Sheet(HOUR, bad)


def test_a_key_frame_becomes_a_small_jpeg() -> None:
    """In its proportions, a few kilobytes."""
    small = thumbnail(decoded(Codec.H264, key_frame(np.full((HEIGHT, WIDTH), 90, np.uint8))))
    assert small[:2] == b"\xff\xd8"
    assert len(small) < 10_000


async def test_an_hour_is_kept_once_it_is_over(shed: Shed) -> None:
    """As one object under ids alone, over a restart; before that it lies on the disk."""
    shed.take(180)
    await shed.sprites.keep()
    assert shed.kept() == []
    again = Sprites(shed.clock, shed.parts)
    shed.sprites = again
    shed.take(180, 180)
    await shed.clock.advance(3700)
    await again.keep()
    (key,) = shed.kept()
    assert key == f"thumbnails/{SITE}/{CAMERA}/2026/09/21/14-{NODE}.vmt"
    found = await shed.read.nearest(CAMERA, HOUR + 1234 * NS_PER_S, 60 * NS_PER_S)
    assert found == (HOUR + 1230 * NS_PER_S, JPEG + bytes([123]))
    assert await shed.read.nearest(CAMERA, HOUR + 2 * HOUR_NS, 60 * NS_PER_S) is None
    assert await shed.read.nearest("b" * 16, HOUR, 60 * NS_PER_S) is None
    assert list(shed.parts.folder.rglob("*.part")) == []


async def test_a_store_that_is_away_loses_nothing(shed: Shed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures stay on the disk, and go when it is back; a torn end costs its own picture alone."""
    shed.take(10)
    await shed.sprites.keep()
    (part,) = shed.parts.folder.rglob("*.part")
    part.write_bytes(part.read_bytes()[:-3])
    await shed.clock.advance(3700)

    def away(*_args: object, **_named: object) -> None:
        raise ObjectUnavailableError("the store does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(shed.store, "put_bytes", away)
        await shed.sprites.keep()
    assert part.exists()
    await shed.sprites.keep()
    (sprite,) = await shed.catalogue.sprites.near(CAMERA, HOUR, NS_PER_S)
    assert (sprite.pictures, sprite.end_ns) == (9, HOUR + 80 * NS_PER_S)


async def test_of_a_camera_that_is_not_recorded_nothing_is_kept(shed: Shed) -> None:
    """Somebody switched recording off within the hour."""
    known = await shed.catalogue.cameras.get(CAMERA)
    assert known is not None
    streams = tuple(replace(stream, record=RecordMode.OFF) for stream in known.streams)
    await shed.catalogue.cameras.update(replace(known, streams=streams, rev=known.rev + 1))
    shed.take(10)
    await shed.clock.advance(3700)
    await shed.sprites.keep()
    assert shed.kept() == []
    assert list(shed.parts.folder.rglob("*.part")) == []


async def _kept_segment(catalogue: Catalogue, start_ns: int, state: SegmentState, rev: int) -> None:
    stream = StreamRef(CAMERA, StreamName.SUB)
    one = replace(
        segment(0, 1, stream=stream, state=state, rev=rev), start_ns=start_ns, end_ns=start_ns + 60 * NS_PER_S
    )
    await catalogue.segments.put(one)


async def test_they_go_with_the_last_footage_of_their_hour(shed: Shed) -> None:
    """Not before, not within two days, and not out of a Store that is another's."""
    store, cameras = shed.store, await shed.catalogue.cameras.list()
    await shed.sprites.put(cameras[0], HOUR, [(HOUR, JPEG)])

    async def clear(days: int, homes: frozenset[str] | None = None) -> int:
        now_ns = HOUR + days * 24 * HOUR_NS
        return await clear_sprites(shed.catalogue, {"home": store}, cameras, now_ns, shed.pool, homes)

    await _kept_segment(shed.catalogue, HOUR - 30 * NS_PER_S, SegmentState.STORED, 1)
    assert await clear(30) == 0
    await _kept_segment(shed.catalogue, HOUR - 30 * NS_PER_S, SegmentState.EXPIRED, 2)
    assert await clear(1) == 0
    assert await clear(30, frozenset()) == 1
    assert len(shed.kept()) == 1
    await shed.sprites.put(cameras[0], HOUR, [(HOUR, JPEG)])
    assert await clear(30) == 1
    assert shed.kept() == []
    assert await shed.catalogue.sprites.near(CAMERA, HOUR, HOUR_NS) == []


def test_keys_hold_ids_alone() -> None:
    """Where, which camera, when, which node."""
    sprite = Sprite("c" * 16, HOUR, "n" * 16, "s" * 16, "home", HOUR, 1, 10)
    assert sprite.key == f"thumbnails/{'s' * 16}/{'c' * 16}/2026/09/21/14-{'n' * 16}.vmt"
