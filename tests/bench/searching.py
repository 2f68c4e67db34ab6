"""D5: motion in a part of the picture, 24 h x 4 cameras, as a browser asks for it: the real store of grids, the real
nodes' answers over the bus, the web service over HTTP. Grids are those of a street: one key frame every 2 s, noise in
many cells, something that moves now and then. Footage is not there at all, so none is read.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import numpy as np

from recorder.analysis.grids import Grids
from recorder.analysis.searches import MotionSearches
from recorder.playback import Playback
from tests.bench.report import Row, percentile
from tests.store.samples import run
from tests.web.conftest import ADMIN, CHEAP, KEY, SITE, sign_in
from vms.bus.memory import MemoryBus
from vms.clock import NS_PER_S, ManualClock
from vms.domain.camera import Camera, Stream, StreamName, StreamRef
from vms.store.catalogue import Catalogue
from vms.sync.presence import Presence
from web.app import WebContext, WebOptions, create_app, parts_of_app
from web.times import format_time

CAMERAS, HOURS, EVERY_S, TRIES = 4, 24, 2, 15
NODE = "n" * 16
NOW_NS = 1_790_000_000 * NS_PER_S
FROM_NS = NOW_NS - HOURS * 3600 * NS_PER_S
_PART = [[0.1, 0.3], [0.6, 0.25], [0.7, 0.8], [0.15, 0.9]]


@dataclass
class Library:
    """A service with a day of grids."""

    client: httpx.AsyncClient
    cameras: list[str]
    grid_bytes: int


@asynccontextmanager
async def library(folder: Path, hours: int = HOURS) -> AsyncIterator[Library]:
    """Four cameras, so many hours up to now."""
    bus, clock = MemoryBus(), ManualClock(NOW_NS)
    catalogue = await Catalogue.open(f"sqlite:///{folder}/vms.db", key=KEY, clock=clock)
    await catalogue.people.put(ADMIN)
    await catalogue.sites.put(SITE)
    grids = Grids(folder / "analysis")
    cameras = [await _camera(catalogue, grids, number, hours) for number in range(CAMERAS)]
    playback = Playback(catalogue, {}, bus, clock)
    app = create_app(WebContext(catalogue, bus, playback, clock, Presence(bus, clock), WebOptions(argon2=CHEAP)))
    transport = httpx.ASGITransport(app=app, client=("203.0.113.5", 40_000))
    size = sum(path.stat().st_size for path in (folder / "analysis").rglob("*.grid"))
    with ExitStack() as stack:
        MotionSearches(NODE, grids, catalogue, lambda _camera: []).serve(bus, stack)
        async with parts_of_app(app).running(), httpx.AsyncClient(transport=transport, base_url="http://vms") as client:
            await sign_in(client)
            yield Library(client, cameras, size)
    await playback.close()
    await bus.close()
    await catalogue.close()


async def _camera(catalogue: Catalogue, grids: Grids, number: int, hours: int) -> str:
    ident = f"c{'2' * 14}{'abcd'[number]}"
    streams = tuple(Stream(StreamRef(ident, name), f"rtsp://192.0.2.1/{name}") for name in StreamName)
    await catalogue.cameras.add(Camera(ident, SITE.id, ident, ident, streams, registered_ns=FROM_NS))
    whole = replace(run(run_id=f"r{'2' * 14}{'abcd'[number]}"), stream=StreamRef(ident, StreamName.MAIN), node=NODE)
    await catalogue.runs.put(replace(whole, start_ns=FROM_NS, end_ns=None))
    await asyncio.to_thread(_street, grids, ident, number, hours)
    return ident


def _street(grids: Grids, camera: str, seed: int, hours: int) -> None:
    """A block a minute, as the analysis of a node writes them."""
    chance = np.random.default_rng(seed)
    for minute in range(hours * 60):
        made = np.where(chance.random((30, 9, 16)) < 0.15, chance.integers(0, 40, (30, 9, 16)), 0).astype(np.uint8)
        if chance.random() < 0.1:
            row, column, first = chance.integers(2, 8), chance.integers(0, 13), chance.integers(0, 25)
            made[first : first + 4, row : row + 2, column : column + 3] = chance.integers(80, 255)
        start_ns = NOW_NS - (hours * 60 - minute) * 60 * NS_PER_S
        block = [(start_ns + k * EVERY_S * NS_PER_S, grid.tobytes()) for k, grid in enumerate(made)]
        grids.append(camera, block)


async def asked(found: Library) -> tuple[float, float, int]:
    """Seconds to the first line with hits and to the end, and how many hits there were."""
    body = {"cameras": found.cameras, "from": format_time(FROM_NS), "to": format_time(NOW_NS), "polygons": [_PART]}
    started, first, hits, ended = time.perf_counter(), 0.0, 0, False
    async with found.client.stream("POST", "/api/search/motion", json=body) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            told = json.loads(line)
            ended = ended or "end" in told
            if told.get("camera") and told["hits"]:
                first = first or time.perf_counter() - started
                hits += len(told["hits"])
    if not ended or not hits:
        raise RuntimeError("the search was cut short, or found nothing")
    return first, time.perf_counter() - started, hits


async def a_day_of_four(folder: Path) -> Sequence[Row]:
    """Cold of our own process, warm of the disk's cache: what a node is in use."""
    async with library(folder) as found:
        taken = [await asked(found) for _ in range(TRIES)]
        size = found.grid_bytes
    shutil.rmtree(folder / "analysis")
    first, whole = [one[0] for one in taken], [one[1] for one in taken]
    what = f"motion search, {HOURS} h x {CAMERAS} cameras"
    return [
        Row("D5.first_p95", f"{what}: first results (bar 1)", percentile(first, 0.95), "s", TRIES),
        Row("D5.all_p95", f"{what}: all of it (bar 5)", percentile(whole, 0.95), "s", TRIES),
        Row("D5.hits", "hits of it", taken[0][2], "", 1),
        Row("D5.size", "change grids of a camera and day", size / CAMERAS / 1e6, "MB", CAMERAS),
    ]
