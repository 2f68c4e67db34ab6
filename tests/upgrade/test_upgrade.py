"""Data folders of earlier versions, opened by today's code: everything is there, replayable and proved."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from recorder.examine import examine
from recorder.playback import Playback
from recorder.spool import Spool, SpoolOptions
from recorder.sweep import Sweep, Swept
from tests.recorder.files import complaints
from vms.bus.base import Value
from vms.bus.memory import MemoryBus
from vms.clock import NS_PER_S, ManualClock
from vms.datadir import open_data_dir
from vms.domain.camera import StreamName
from vms.domain.footage import SegmentState
from vms.domain.gap import GapCause
from vms.domain.interval import Interval, union
from vms.objects.folder import FolderStore
from vms.proof import chain
from vms.store import Catalogue

VERSIONS = sorted(path for path in Path(__file__).parent.glob("v*") if path.is_dir())


@dataclass
class Old:
    """A copy of a data folder, opened and swept."""

    data: Path
    facts: dict[str, Any]
    catalogue: Catalogue
    playback: Playback
    swept: Swept

    @property
    def window(self) -> Interval:
        """From before the first Segment to the kill."""
        return Interval(self.facts["segments"][0]["start_ns"] - NS_PER_S, self.facts["killed_ns"])

    def segments(self, camera: str) -> list[dict[str, Any]]:
        """What the version knew of a camera's Segments."""
        return [one for one in self.facts["segments"] if one["camera"] == camera]


@pytest.fixture(params=VERSIONS, ids=lambda path: path.name)
async def old(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Old]:
    """Opened as a node does."""
    folder = tmp_path / "data"
    shutil.copytree(request.param, folder)
    facts = json.loads((folder / "facts.json").read_text())
    data = open_data_dir(folder)
    catalogue = await Catalogue.open(f"sqlite:///{folder / 'catalogue.db'}", key=data.key, node=data.node)
    spool, bus = Spool(SpoolOptions(folder / "spool")), MemoryBus()

    async def spooled(value: Value) -> Value:
        return {"data": spool.read(value["key"], value["offset"], value["length"])}

    bus.serve(f"recorder.range.{data.node}", spooled)
    with ThreadPoolExecutor(1) as executor:
        swept = await Sweep(catalogue, spool, data.node, executor, lambda _run: False).run()
    stores = {"home": FolderStore("home", folder / "footage")}
    playback = Playback(catalogue, stores, bus, ManualClock(facts["killed_ns"]))
    yield Old(folder, facts, catalogue, playback, swept)
    await playback.close()
    await bus.close()
    await catalogue.close()
    data.close()


async def test_what_was_open_is_closed_and_nothing_is_lost(old: Old) -> None:
    """Both open Segments are closed by the sweep, rows agree with files, secrets can be read."""
    assert (old.swept.closed, old.swept.damaged, old.swept.vanished, old.swept.runs) == (2, 0, 0, 2)
    for one in old.facts["segments"]:
        row = await old.catalogue.segments.get(one["run"], one["number"])
        assert row is not None
        if one["state"] == "open":
            assert (row.state, row.start_ns) == (SegmentState.SPOOLED, one["start_ns"])
            assert row.end_ns > one["end_ns"]
        else:
            told = (row.state.value, row.start_ns, row.end_ns, row.sha256, row.leaf_root, row.gops)
            assert told == tuple(one[key] for key in ("state", "start_ns", "end_ns", "sha256", "leaf_root", "gops"))
    cameras = await old.catalogue.cameras.list()
    assert [(camera.slug, camera.password) for camera in cameras] == [
        (one["slug"], "rahasia-kamera") for one in old.facts["cameras"]
    ]


async def test_every_segment_is_proved(old: Old) -> None:
    """Each file's samples give the leaves it carries, its root the row's, and each Run's chain holds."""
    heads: dict[str, str] = {}
    for one in old.facts["segments"]:
        row = await old.catalogue.segments.get(one["run"], one["number"])
        assert row is not None
        place = old.data / ("footage" if row.state is SegmentState.STORED else "spool") / row.key
        found = examine(place)
        assert found is not None
        assert found.closed
        assert (found.segment.segment.sha256, found.tail.leaf_root) == (row.sha256, row.leaf_root)
        assert row.previous_root == heads.get(row.run, "")
        heads[row.run] = chain.head(row.run, row.number, row.previous_root, row.leaf_root)
        assert complaints(place) == ""


async def test_coverage_is_everything(old: Old) -> None:
    """Recorded and Gaps are all of the time; the camera that was away has a Gap that says so."""
    causes = []
    for camera in old.facts["cameras"]:
        found = await old.playback.coverage(camera["id"], StreamName.MAIN, old.window)
        assert found.window is not None
        pieces = [*found.intervals, *(Interval(gap.start_ns, gap.end_ns) for gap in found.gaps)]
        assert union(pieces) == [found.window]
        assert sum(piece.duration_ns for piece in pieces) == found.window.duration_ns
        assert found.recorded_ns > 35 * NS_PER_S
        causes.append({gap.cause for gap in found.gaps if gap.end_ns - gap.start_ns > NS_PER_S})
    assert causes[0] | causes[1] >= {GapCause.CAMERA_UNREACHABLE, GapCause.NODE_DOWN}


async def test_it_is_replayed_and_downloaded(old: Old, tmp_path: Path) -> None:
    """The playlist names every Segment and its byte ranges can be read; the download decodes."""
    for camera in old.facts["cameras"]:
        text = await old.playback.playlist(camera["id"], StreamName.MAIN, old.window)
        known = old.segments(camera["id"])
        assert {line for line in text.splitlines() if line.startswith("/")} == {
            f"/api/cameras/{camera['id']}/segments/{one['run']}/{one['number']}.mp4" for one in known
        }
        for one in known:
            file = await old.playback.segment(one["run"], one["number"])
            assert len(await file.read(0)) == file.size_bytes
        download = await old.playback.footage(camera["id"], StreamName.MAIN, old.window)
        path = tmp_path / f"{camera['slug']}.mp4"
        path.write_bytes(b"".join([block async for block in download.blocks()]))
        assert complaints(path) == ""
