"""A1, A2, A3: first pictures of ten tiles, delay from camera to glass, and switching, in Chromium, by the barcode."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tests.bench.report import Row, percentile
from tests.e2e import glass, switching
from tests.e2e.browser import running_browser
from tests.e2e.system import running_system

OPENINGS = int(os.environ.get("VMS_BENCH_OPENINGS", "10"))
FRAMES = int(os.environ.get("VMS_BENCH_FRAMES", "2000"))
SWITCHES = int(os.environ.get("VMS_BENCH_SWITCHES", "100"))
SUB_FPS, LOOP_S = 15, 20


async def first_pictures(folder: Path) -> Sequence[Row]:
    """Ten tiles, a new browser each time."""
    took, errors = [], 0
    async with running_system(folder) as system:
        await system.until_live()
        for _ in range(OPENINGS):
            async with running_browser(url=system.url, cookie=system.cookie()) as screen:
                took.append(await glass.wall_with(screen.page, f"{system.url}/wall", 10))
                errors += len(screen.errors)
    return [
        Row("A1.worst", "ten of ten tiles present frames, worst (bar 2)", max(took), "s", OPENINGS),
        Row("A1.p50", "ten of ten tiles present frames, median", percentile(took, 0.5), "s", OPENINGS),
        Row("A1.errors", "console errors (bar 0)", errors, "", OPENINGS),
    ]


async def delay(folder: Path) -> Sequence[Row]:
    """Four tiles of `sub`."""
    async with running_system(folder) as system:
        await system.until_live()
        async with running_browser(url=system.url, cookie=system.cookie()) as screen:
            await glass.wall_with(screen.page, f"{system.url}/wall?grid=4", 4)
            await screen.page.wait_for_timeout(3000)
            ages = await glass.delays(screen.page, system, range(4), frames=FRAMES, fps=SUB_FPS, loop_s=LOOP_S)
    return [
        Row("A2.p95", "camera send to frame presented, four sub (bar 200)", percentile(ages, 0.95), "ms", len(ages)),
        Row("A2.p50", "camera send to frame presented, median", percentile(ages, 0.5), "ms", len(ages)),
    ]


async def switching_tile(folder: Path) -> Sequence[Row]:
    """One tile of four, key frames every 2 s."""
    async with running_system(folder) as system:
        await system.until_live()
        async with running_browser(url=system.url, cookie=system.cookie()) as screen:
            await glass.wall_with(screen.page, f"{system.url}/wall?grid=4", 4)
            await screen.page.wait_for_timeout(3000)
            found = await switching.measure(screen.page, system, count=SWITCHES, seed=3, fps=SUB_FPS, loop_s=LOOP_S)
    n = len(found.first_ms)
    return [
        Row("A3.first_p95", "switch to first new picture (bar 200)", percentile(found.first_ms, 0.95), "ms", n),
        Row("A3.first_p50", "switch to first new picture, median", percentile(found.first_ms, 0.5), "ms", n),
        Row("A3.live_p95", "switch to at live (bar 400)", percentile(found.live_ms, 0.95), "ms", n),
        Row("A3.live_p50", "switch to at live, median", percentile(found.live_ms, 0.5), "ms", n),
        Row("A3.missed", "switches without a new picture at live", found.missed, "", SWITCHES),
    ]
