"""The Service: key frames of the hub become Events and grids; what cannot be looked at is contained and counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from recorder.analysis import picture
from recorder.analysis.picture import luma
from recorder.analysis.service import Analysis, AnalysisOptions
from recorder.analysis.troubles import AnalysisTroubles
from tests.recorder.analysis.scenery import HEIGHT, WIDTH, Gray
from tests.recorder.analysis.trial import key_frame
from tests.recorder.rig import camera, until
from tests.recorder.synth import CAMERA, NODE, SITE, START_NS, make_run, video_clip
from vms import metrics
from vms.bus.hub import Hub
from vms.bus.memory import MemoryBus
from vms.clock import NS_PER_S, SystemClock
from vms.domain.area import Area
from vms.domain.camera import Camera, Site, StreamName, StreamRef
from vms.domain.event import EventKind, Severity
from vms.domain.event_book import EventBook, Look
from vms.domain.media import Codec, Packet, RunStarted
from vms.errors import CameraCorruptError
from vms.store import Catalogue

SUB = StreamRef(CAMERA, StreamName.SUB)
DOOR = Area("d" * 16, "Pintu", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)), 0.01)


@dataclass
class Desk:
    """The Service on a hub that the test publishes on."""

    hub: Hub
    bus: MemoryBus
    catalogue: Catalogue
    analysis: Analysis
    troubles: AnalysisTroubles
    seq: int = 0

    def publish(self, payload: bytes, stream: StreamRef = SUB, *, is_key: bool = True) -> None:
        """The next key frame, 2 s later."""
        at_ns = START_NS + self.seq * 2 * NS_PER_S
        self.hub.publish(Packet(stream, "r" * 16, 0, self.seq, 0, 0, at_ns, is_key, payload))
        self.seq += 1

    async def show(self, payload: bytes) -> Look:
        """The next key frame, and what is said after it was looked at."""
        before = total()
        self.publish(payload)
        await until(lambda: total() > before)
        return self.troubles.look()


def total() -> float:
    """Key frames that were dealt with."""
    return sum(count(what) for what in ("looked", "undecodable", "failed"))


def count(what: str) -> float:
    """The counter."""
    return metrics.REGISTRY.get_sample_value("vms_analysed_key_frames_total", {"what": what}) or 0.0


@asynccontextmanager
async def desk(folder: Path, registered: Camera | None = None, **options: Any) -> AsyncIterator[Desk]:
    """A running one with one camera."""
    catalogue = await Catalogue.open(f"sqlite:///{folder}/vms.db", key=bytes(32))
    await catalogue.sites.put(Site(SITE, "sampit", "Sampit"))
    await catalogue.cameras.add(registered or camera())
    clock = SystemClock()
    hub, bus = Hub(clock), MemoryBus()
    chosen = AnalysisOptions(NODE, folder / "analysis", **options)
    analysis = Analysis(clock, hub=hub, bus=bus, catalogue=catalogue, options=chosen)
    for name in StreamName:
        run = make_run(stream=StreamRef(CAMERA, name))
        hub.publish(RunStarted(run))
    running = asyncio.create_task(analysis.run())
    try:
        await until(lambda: analysis.health().ok)
        yield Desk(hub, bus, catalogue, analysis, AnalysisTroubles(analysis, NODE))
    finally:
        analysis.stop()
        await running
        await bus.close()
        await catalogue.close()


def scene(seed: int, x: int = 400) -> Gray:
    """Something with edges, a thing at x, and noise."""
    picture = np.full((HEIGHT, WIDTH), 90, np.uint8)
    for i in range(9):
        cv2.rectangle(picture, (20 + 68 * i, 30 + 11 * i), (60 + 68 * i, 90 + 22 * i), 50 + 20 * i, -1)
    cv2.rectangle(picture, (x, 250), (x + 50, 340), 220, -1)
    noise = np.random.default_rng(seed).normal(0, 3, picture.shape)
    return np.clip(picture + noise, 16, 235).astype(np.uint8)


def elsewhere(seed: int) -> Gray:
    """What it sees once it is turned."""
    return np.ascontiguousarray(scene(seed)[::-1, ::-1])


def black(seed: int) -> Gray:
    """A lens that is capped."""
    return np.clip(np.random.default_rng(seed).normal(17, 0.7, (HEIGHT, WIDTH)), 16, 20).astype(np.uint8)


async def test_main_is_looked_at_only_where_areas_are_drawn(tmp_path: Path) -> None:
    """Without `sub`: nothing while there is no area, for decoding it costs more than recording it."""
    plain = camera()
    alone = replace(plain, streams=tuple(s for s in plain.streams if s.ref.name is StreamName.MAIN), areas=())
    main = StreamRef(CAMERA, StreamName.MAIN)
    async with desk(tmp_path, alone) as d:
        before = total()
        assert d.analysis._looked == {}
        area = Area("a1", "Pintu", ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9)))
        await d.catalogue.cameras.update(replace(alone, areas=(area,), rev=alone.rev + 1))
        d.bus.publish("cameras.changed", {"camera": CAMERA})

        def seen() -> bool:
            d.publish(key_frame(scene(2)), main)
            return total() > before

        await until(seen)


async def test_a_picture_that_goes_black_is_an_event_and_over_when_it_is_back(tmp_path: Path) -> None:
    """Of `sub` alone, by the second key frame, as an alarm of the camera that begins at the first."""
    book = EventBook(NODE)
    async with desk(tmp_path) as d:
        d.publish(key_frame(black(0)), StreamRef(CAMERA, StreamName.MAIN))
        d.publish(key_frame(black(0)), is_key=False)
        for k in range(10):
            assert book.look([await d.show(key_frame(scene(k)))], k, k) == []
        begun_ns = START_NS + d.seq * 2 * NS_PER_S
        assert book.look([await d.show(key_frame(black(1)))], 20, 20) == []
        (event,) = book.look([await d.show(key_frame(black(2)))], begun_ns + 5, 21)
        assert (event.kind, event.camera, event.site) == (EventKind.PICTURE_BLACK, CAMERA, SITE)
        assert (event.severity, event.start_ns, event.end_ns) == (Severity.ALARM, begun_ns, None)
        await d.show(key_frame(scene(20)))
        (over,) = book.look([await d.show(key_frame(scene(21)))], begun_ns + 9, 22)
        assert (over.id, over.end_ns) == (event.id, begun_ns + 9)


async def test_motion_in_an_area_is_an_event_of_that_area(tmp_path: Path) -> None:
    """With its id, name and score; another area of the same camera has an Event of its own, or none."""
    other = replace(DOOR, id="e" * 16, name="Jalan", polygon=((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)))
    book = EventBook(NODE)
    async with desk(tmp_path, replace(camera(), areas=(DOOR, other))) as d:
        for k in range(9):
            assert not (await d.show(key_frame(scene(k, x=40)))).troubles
        (event,) = book.look([await d.show(key_frame(scene(9, x=200)))], 1, 1)
        assert (event.kind, event.severity) == (EventKind.MOTION, Severity.NOTICE)
        assert (event.params["area"], event.params["name"]) == (DOOR.id, "Pintu")
        assert 0.01 <= event.params["score"] < 0.5
        both = book.look([await d.show(key_frame(scene(10, x=500)))], 2, 2)
        assert other.id in {one.params["area"] for one in both}
        assert len({one.subject for one in book.open()}) == 2


async def test_a_camera_that_somebody_turns_is_not_looked_at(tmp_path: Path) -> None:
    """Neither turned nor full of motion: not looked at meanwhile, and its new view is learnt without a word."""
    async with desk(tmp_path, replace(camera(), areas=(DOOR,))) as d:
        for k in range(9):
            assert not (await d.show(key_frame(scene(k)))).troubles
        (looked,), turning = d.analysis.cameras(), count("turning")
        d.bus.publish("ptz.turning", {"camera": CAMERA, "for_s": "long"})
        d.bus.publish("ptz.turning", {"camera": CAMERA, "for_s": 0.3})
        await until(lambda: looked.turning_ns > 0)
        d.publish(key_frame(elsewhere(9)))
        await until(lambda: count("turning") == turning + 1)
        await until(lambda: d.analysis.clock.mono_ns() > looked.turning_ns)
        for k in range(4):
            assert not (await d.show(key_frame(elsewhere(10 + k)))).troubles
        assert looked.turning_ns == 0


async def test_what_cannot_be_decoded_is_counted_and_the_next_is_looked_at(tmp_path: Path) -> None:
    """Damaged bytes of a camera end nothing; a picture is looked at after them."""
    with pytest.raises(CameraCorruptError):
        luma(Codec.H264, b"\0\0\0\1\x65" + bytes(range(200)))
    async with desk(tmp_path) as d:
        undecodable, looked = count("undecodable"), count("looked")
        await d.show(b"\0\0\0\1\x65" + bytes(range(200)))
        await d.show(key_frame(scene(1)))
        assert (count("undecodable"), count("looked")) == (undecodable + 1, looked + 1)
        assert d.analysis.health().ok


async def test_a_node_that_is_behind_looks_at_the_newest_and_counts_the_others(tmp_path: Path) -> None:
    """One key frame of a camera waits at most; those that come sooner than asked for are no load at all."""
    async with desk(tmp_path) as d:
        shed, looked = count("shed"), count("looked")
        payload = key_frame(scene(1))
        for _ in range(6):
            d.publish(payload)
        await until(lambda: count("shed") >= shed + 5 and count("looked") == looked + 1)
        assert d.analysis.cameras()[0].taken_ns == START_NS + 5 * 2 * NS_PER_S


async def test_key_frames_that_come_too_soon_are_no_load(tmp_path: Path) -> None:
    """A camera with many key frames a second is looked at as often as others, and nothing is counted as shed."""
    async with desk(tmp_path, every_s=100.0) as d:
        shed, looked, payload = count("shed"), count("looked"), key_frame(scene(1))
        for _ in range(6):
            d.publish(payload)
        await until(lambda: count("looked") == looked + 1)
        assert count("shed") == shed


async def test_grids_are_kept_and_told_on_the_bus(tmp_path: Path) -> None:
    """Those on the disk and those that wait to be written, in order, once; a stop writes the rest."""
    async with desk(tmp_path, write_s=0.1) as d:
        for k in range(3):
            await d.show(key_frame(scene(k, x=40 + 90 * k)))
        span = {"camera": CAMERA, "from_ns": START_NS, "to_ns": START_NS + 60 * NS_PER_S}
        answer = await d.bus.request(f"analysis.changes.{NODE}", span, timeout_s=5)
        assert answer["at_ns"] == [at_ns // 1_000_000 * 1_000_000 for at_ns in answer["at_ns"]]
        assert len(answer["at_ns"]) == 2
        assert len(answer["grids"]) == 288
        assert max(answer["grids"]) > 0
        await until(lambda: list(tmp_path.rglob("*.grid")))
    assert len(list(tmp_path.rglob("*.grid"))) == 1


async def test_a_disk_that_takes_nothing_costs_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it does not take is lost, of every camera, not of the first alone."""
    async with desk(tmp_path, write_s=3600) as d:

        def full(*_given: Any) -> None:
            raise OSError(28, "full")

        monkeypatch.setattr(d.analysis._grids, "append", full)
        (first,) = d.analysis.cameras()
        second = replace(first, grids=[])
        d.analysis._looked["second"] = second
        with ThreadPoolExecutor(1) as pool:
            for looked in (first, second):
                looked.grids.append((START_NS, bytes(144)))
            with pytest.raises(OSError, match="full"):
                await d.analysis._write(pool)
        assert (first.grids, second.grids) == ([], [])


async def test_a_camera_that_is_switched_off_is_not_looked_at(tmp_path: Path) -> None:
    """From the change on; its Events end."""
    async with desk(tmp_path) as d:
        found = await d.catalogue.cameras.get(CAMERA)
        assert found is not None
        await d.catalogue.cameras.update(replace(found, analysis=False, rev=found.rev + 1))
        d.bus.publish("cameras.changed", {"camera": CAMERA})
        await until(lambda: not d.analysis.cameras())
        assert d.troubles.look() == Look()


def test_a_picture_that_is_far_too_large_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it has cost the memory of it."""
    monkeypatch.setattr(picture, "MAX_PIXELS", 1000)
    with pytest.raises(CameraCorruptError):
        luma(Codec.H264, key_frame(scene(1)))


def test_h265_is_decoded_too() -> None:
    """The brightness of a key frame of either codec; the same bytes are the same picture."""
    clip = video_clip(codec="libx265", frames=5, gop=5)
    plane, mark = luma(Codec.H265, clip[0].payload)
    assert plane.shape == (96, 160)
    assert luma(Codec.H265, clip[0].payload)[1] == mark
