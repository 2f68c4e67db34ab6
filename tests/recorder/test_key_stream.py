"""Key frames alone, as a fast or backward replay asks for them."""

from __future__ import annotations

import io
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import av
import pytest

from recorder.key_stream import HEADER
from recorder.playback import Playback
from tests.recorder.shelf import Shelf
from tests.recorder.synth import CAMERA, NODE, START_NS, make_run, packets
from vms.clock import ManualClock
from vms.domain.camera import StreamName
from vms.domain.interval import Interval
from vms.errors import IntervalError
from vms.objects.folder import FolderStore

S = 1_000_000_000
MAIN = StreamName.MAIN
ALL = Interval(START_NS, START_NS + 100 * S)


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    """A shelf with a folder Store."""
    made = await Shelf.build(tmp_path, {"home": FolderStore("home", tmp_path / "objects")}, NODE)
    yield made
    await made.close()


@pytest.fixture
async def playback(shelf: Shelf) -> AsyncIterator[Playback]:
    """Reads the shelf."""
    made = Playback(shelf.catalogue, shelf.stores, shelf.bus, ManualClock(START_NS + 100 * S))
    yield made
    await made.close()


async def _records(playback: Playback, interval: Interval) -> list[tuple[bytes, float, float, bytes]]:
    """Kind, from and until in seconds since START_NS, bytes."""
    found = await playback.key_frames(CAMERA, MAIN, interval)
    data = b"".join([block async for block in found.blocks()])
    records, at = [], 0
    while at < len(data):
        kind, length, start_ms, end_ms = HEADER.unpack_from(data, at)
        at += HEADER.size
        times = [round(ms / 1000 - START_NS / S, 3) if ms else 0.0 for ms in (start_ms, end_ms)]
        records.append((kind, *times, data[at : at + length]))
        at += length
    return records


async def test_each_key_frame_once_with_its_times(shelf: Shelf, playback: Playback) -> None:
    """Of two Runs, each after its own init, from key frame to key frame; every one of them decodes alone."""
    for start_s in (0, 30):
        run = make_run(start_ns=START_NS + start_s * S)
        await shelf.record(run, packets(run, seconds=4))
    records = await _records(playback, ALL)
    assert [kind for kind, *_ in records].count(b"init") == 2
    shown = [(start, end) for kind, start, end, _ in records if kind == b"keyf"]
    assert (shown[0][0], shown[-1][1]) == (0.0, 34.0)
    assert all(b[0] - a[1] in {0.0, 26.0} for a, b in itertools.pairwise(shown))
    init = b""
    for kind, *_, data in records:
        if kind == b"init":
            init = data
            continue
        with av.open(io.BytesIO(init + data)) as container:
            assert next(container.decode(video=0)).key_frame


async def test_the_newest_before_an_interval_is_in_it(shelf: Shelf, playback: Playback) -> None:
    """It shows there; also of the hot tail, and at corrected times."""
    run = make_run()
    await shelf.record(run, packets(run, seconds=5), close=False)
    await shelf.catalogue.runs.put(replace(run, correction_ns=20 * S, rev=5))
    records = await _records(playback, Interval(START_NS + 24 * S + S // 2, START_NS + 24 * S + S // 2 + 1))
    assert [kind for kind, *_ in records] == [b"init", b"keyf"]
    assert records[1][1] <= 24.5 < records[1][2]
    assert await _records(playback, Interval(START_NS, START_NS + 5 * S)) == []


async def test_ten_minutes_at_most(playback: Playback) -> None:
    """More is refused before anything is read."""
    with pytest.raises(IntervalError, match="10 minutes"):
        await playback.key_frames(CAMERA, MAIN, Interval(START_NS, START_NS + 601 * S))
