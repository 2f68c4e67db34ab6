"""B6, B7, B8: what is watched across a line, on a real hub and leaf of NATS and a line of the kernel's TCP with loss.

Measured at feeds of the streamer, at the center: the age of a Packet when its viewers get it. A node of the site with
cameras that are not there (tests/cluster/watching) runs behind the line. `VMS_BENCH_S`: seconds of each measurement.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tests.bench.report import Row, percentile
from tests.cluster.backfill import center_store, plan_of, stored_segments
from tests.cluster.line import ROOT, Line, Regency, regency
from tests.cluster.watching import Camera, Taker, nats_buses, watched
from tests.servers.nats import NatsServer, free_port, running_nats
from vms.bus.nats import NatsBus
from vms.clock import SystemClock

CLEAN = Line(10_000_000, 50)
THIN = Line(2_000_000, 300, 0.02)
SETTLE_S = 15.0
LOOK_S = 0.1


@dataclass
class Lab:
    """Center and one regency that run."""

    line: Regency
    hub: NatsServer
    leaf: NatsServer
    bus: NatsBus
    media: NatsBus

    async def video_bytes(self) -> int:
        """What crossed the line from the site to the hub's leaf port by the connection of the account VIDEO, with the
        headers of TCP and IP. It is the busier of the two when anything is watched."""
        up = (await self.line.traffic()).up
        video = await self.video_port()
        return sum(size for flow, size in up.flows.items() if flow.site_port == video)

    async def video_port(self) -> int:
        """The port at the site of the leaf connection of the account VIDEO."""
        leafs = await self.hub.leafs()
        return next(int(leaf["port"]) for leaf in leafs if leaf["account"] == "VIDEO")


Sharing = dict[str, Any]


@contextlib.asynccontextmanager
async def lab(
    folder: Path, line: Line, cameras: Sequence[Camera], backfill: Sharing | None = None
) -> AsyncIterator[Lab]:
    """A hub here, a leaf and a node behind the line; with `backfill` also a Store here and footage that waits there."""
    async with contextlib.AsyncExitStack() as stack:
        r = await stack.enter_async_context(regency("sampit", line))
        hub = await stack.enter_async_context(running_nats(folder, host=r.center_address))
        leaf = await stack.enter_async_context(
            running_nats(folder, domain="sampit", hub=hub, ports=(free_port(), free_port()), prefix=r.command([]))
        )
        secrets = asdict(hub.secrets)
        plan = {**secrets, "url": leaf.url, "zone": "sampit", "cameras": [asdict(camera) for camera in cameras]}
        if backfill is not None:
            store = await stack.enter_async_context(center_store(folder, r.center_address, line))
            plan["backfill"] = plan_of(replace(store, **backfill))
        command = [sys.executable, "-m", "tests.cluster.watching", json.dumps(plan)]
        node = await r.exec(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        stack.push_async_callback(_end, node)
        assert node.stdout is not None
        async with asyncio.timeout(30):
            await node.stdout.readline()
        await hub.leafs()
        buses = nats_buses({**secrets, "url": hub.url, "zone": "center"})
        bus, media = await stack.enter_async_context(buses)
        await asyncio.sleep(2)
        yield Lab(r, hub, leaf, bus, media)


async def _end(node: asyncio.subprocess.Process) -> None:
    assert node.stdin is not None
    node.stdin.close()
    try:
        await asyncio.wait_for(node.wait(), 10)
    except TimeoutError:
        node.kill()
        await node.wait()


def _seconds(default: float) -> float:
    return float(os.environ.get("VMS_BENCH_S", default))


async def _measure(takers: Sequence[Taker], seconds: float) -> None:
    for taker in takers:
        taker.ages_ms.clear()
        taker.shown_ms.clear()
        taker.pictures_ms.clear()
        taker.payload_bytes = 0
    for _ in range(int(seconds / LOOK_S)):
        await asyncio.sleep(LOOK_S)
        for taker in takers:
            taker.look()


async def once_for_all(folder: Path) -> Sequence[Row]:
    """B6: ten viewers, one camera, a line without loss."""
    camera, seconds, clock = Camera("cam0"), _seconds(60), SystemClock()
    async with lab(folder, CLEAN, [camera]) as made:
        before = await made.video_bytes()
        await asyncio.sleep(min(20.0, seconds))
        idle = (await made.video_bytes() - before) / min(20.0, seconds)
        async with contextlib.AsyncExitStack() as stack:
            feeds = [watched(made.bus, made.media, clock, [camera.ref]) for _ in range(10)]
            takers = [(await stack.enter_async_context(feed))[0] for feed in feeds]
            await asyncio.sleep(5)
            before = await made.video_bytes()
            await _measure(takers, seconds)
            crossed = await made.video_bytes() - before
            payload = min(taker.payload_bytes for taker in takers)
        await asyncio.sleep(3)
        before = await made.video_bytes()
        await asyncio.sleep(10)
        after = (await made.video_bytes() - before) / 10
    return [
        Row("B6.ratio", "video leaf bytes per payload byte, 10 viewers", crossed / payload, "", len(takers)),
        Row("B6.idle", "video leaf bytes a second, no viewer", max(idle, after), "B/s", 2),
    ]


async def thin_line(folder: Path) -> Sequence[Row]:
    """B7: 2 Mb/s, 300 ms, 2 % loss: four tiles of 300 kb/s; then twice what it carries, in two priorities."""
    seconds = _seconds(600)
    four = [Camera(f"cam{n}", phase_s=n * 0.47) for n in range(4)]
    twelve = [Camera(f"cam{n}", phase_s=n * 0.16, priority=80 if n < 4 else 30) for n in range(12)]
    (folder / "four").mkdir()
    (folder / "twelve").mkdir()
    kept = await _ages(folder / "four", four, seconds)
    over = await _ages(folder / "twelve", twelve, min(seconds, 300.0))
    frames = [len(taker.ages_ms) for taker in over]
    share = [count / (min(seconds, 300.0) * 15) for count in frames]
    return [
        *_rows("B7", "four tiles", kept),
        *_rows("B7.over", "12 tiles of 300 kb/s", over),
        Row("B7.over.first", "share of frames, important cameras", sum(share[:4]) / 4, "", 4),
        Row("B7.over.rest", "share of frames, the others", sum(share[4:]) / 8, "", 8),
    ]


async def back_fill(folder: Path) -> Sequence[Row]:
    """B8: 2 Mb/s, 300 ms, 2 % loss: one tile watched, without and with an hour of footage that goes to the center."""
    seconds, camera = _seconds(300), Camera("cam0")
    sharing: Sharing = json.loads(os.environ.get("VMS_BENCH_SHARING", "{}"))
    async with (
        lab(folder, THIN, [camera], sharing) as made,
        watched(made.bus, made.media, SystemClock(), [camera.ref]) as takers,
    ):
        await asyncio.sleep(SETTLE_S)
        await _measure(takers, seconds)
        alone = list(takers[0].ages_ms)
        (folder / "node" / "go").touch()
        await asyncio.sleep(SETTLE_S)
        before, began = (await made.line.traffic()).up, time.monotonic()
        await _measure(takers, seconds)
        after, spent = (await made.line.traffic()).up, time.monotonic() - began
        beside = list(takers[0].ages_ms)
        stored = stored_segments(folder / "node")
    bits = (after.bytes - before.bytes) * 8 / spent
    late = sum(age > 2000 for age in takers[0].shown_ms) / max(1, len(takers[0].shown_ms))
    grown = percentile(beside, 0.95) - percentile(alone, 0.95)
    return [
        Row("B8.grown_p95", "live age p95: by how much back-fill makes it longer", grown, "ms", len(beside)),
        Row("B8.alone_p95", "live age p95 without back-fill", percentile(alone, 0.95), "ms", len(alone)),
        Row("B8.alone_p50", "live age p50 without back-fill", percentile(alone, 0.5), "ms", len(alone)),
        Row("B8.beside_p95", "live age p95 beside back-fill", percentile(beside, 0.95), "ms", len(beside)),
        Row("B8.beside_p50", "live age p50 beside back-fill", percentile(beside, 0.5), "ms", len(beside)),
        Row("B8.used", "share of the line used", bits / THIN.rate_bps, "", 1),
        Row("B8.frames", "share of frames that came", len(beside) / (spent * camera.fps), "", len(beside)),
        Row("B8.stored", "Segments of 11 MB that arrived, verified", stored, "", 1),
        Row("B8.late", "share of time said to be late", late, "", len(takers[0].shown_ms)),
    ]


async def _ages(folder: Path, cameras: Sequence[Camera], seconds: float) -> list[Taker]:
    async with (
        lab(folder, THIN, cameras) as made,
        watched(made.bus, made.media, SystemClock(), [camera.ref for camera in cameras]) as takers,
    ):
        await asyncio.sleep(SETTLE_S)
        await _measure(takers, seconds)
    return takers


def _p95(ages_ms: Sequence[float]) -> str:
    return f"{percentile(ages_ms, 0.95):.0f} ms" if ages_ms else "-"


def _rows(bar: str, what: str, takers: Sequence[Taker]) -> list[Row]:
    ages = [taker.ages_ms + taker.pictures_ms for taker in takers]
    for camera, each in zip(takers, ages, strict=True):
        small = len(camera.pictures_ms)
        print(f"  {camera.feed.stream}: {len(camera.ages_ms)} frames, {small} small, p95 {_p95(each)}")
    worst = max(percentile(each, 0.95) for each in ages if each)
    medians = sorted(percentile(each, 0.5) for each in ages if each)
    median = medians[len(medians) // 2]
    shown = [age for taker in takers for age in taker.shown_ms]
    late = sum(age > 2000 for age in shown) / max(1, len(shown))
    count = sum(len(taker.ages_ms) for taker in takers)
    frames = count / len(takers)
    return [
        Row(f"{bar}.age_p95", f"{what}: age p95 of the worst tile", worst, "ms", count),
        Row(f"{bar}.age_p50", f"{what}: age p50", median, "ms", count),
        Row(f"{bar}.late", f"{what}: share of time said to be late", late, "", len(shown)),
        Row(f"{bar}.frames", f"{what}: frames a tile", frames, "", len(takers)),
    ]
