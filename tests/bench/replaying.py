"""D1: nine cameras in step through seeks, speeds and gaps; D2: their first pictures after a seek while ten record."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.report import Row, percentile
from tests.e2e import replaying
from tests.e2e.browser import running_browser
from tests.e2e.system import running_system

RECORD_S = float(os.environ.get("VMS_BENCH_REPLAY_RECORD_S", "240"))
PLAY_S = float(os.environ.get("VMS_BENCH_REPLAY_S", "600"))
SEEKS = int(os.environ.get("VMS_BENCH_REPLAY_SEEKS", "60"))
SUB_FPS, LOOP_S, TILES = 15, 20, 9


async def _recorded(system: Any, *, gaps: bool) -> tuple[int, int]:
    """Record for a while, two cameras away for a part of it where `gaps`; from and to in ns."""
    await system.until_live()
    start_ns = time.time_ns()
    away = [camera["slug"] for camera in system.cameras[1:3]] if gaps else []
    await asyncio.sleep(RECORD_S / 3)
    for slug in away:
        await system.simulator.control({"camera": slug, "fault": "refuse", "how": "close"})
        await system.simulator.control({"camera": slug, "fault": "drop"})
    await asyncio.sleep(RECORD_S / 6)
    for slug in away:
        await system.simulator.control({"camera": slug, "fault": "none"})
    await asyncio.sleep(RECORD_S / 2)
    return start_ns, time.time_ns()


async def in_step(folder: Path) -> Sequence[Row]:
    """The largest difference between any two of nine, and what key frames show."""
    async with running_system(folder, record_sub=True) as system:
        start_ns, end_ns = await _recorded(system, gaps=True)
        async with running_browser(url=system.url, cookie=system.cookie()) as screen:
            slugs = [camera["slug"] for camera in system.cameras[:TILES]]
            footage = await replaying.opened(screen.page, system, slugs, SUB_FPS * LOOP_S, start_ns, end_ns)
            found = await replaying.in_step(screen.page, footage, seconds=PLAY_S, seed=41)
    rows = [_row(found, rate) for rate in sorted(found.by_rate)]
    shares = found.shares()
    right = 100 * (1 - len(found.wrong_keys) / max(1, found.keys))
    return [
        Row(
            "D1.p99",
            "largest difference of any two, by speed above 1x (bar 150)",
            percentile(shares, 0.99),
            "ms",
            len(shares),
        ),
        *rows,
        Row("D1.keys", "on key frames: its last one before the clock", right, "%", found.keys),
        Row(
            "D1.absent",
            "tiles with footage that showed none",
            100 * found.absent / max(1, found.asked),
            "%",
            found.asked,
        ),
        Row("D1.torn", "pictures that are not of that time at all", len(found.torn), "", found.keys + len(shares)),
    ]


def _row(found: replaying.Spread, rate: float) -> Row:
    values = found.by_rate[rate]
    return Row(
        f"D1.{rate:g}x.p99", f"largest difference of any two at {rate:g}x", percentile(values, 0.99), "ms", len(values)
    )


async def first_pictures(folder: Path) -> Sequence[Row]:
    """Seeks of nine cameras; the slowest of the nine counts."""
    async with running_system(folder, record_sub=True) as system:
        start_ns, end_ns = await _recorded(system, gaps=False)
        async with running_browser(url=system.url, cookie=system.cookie()) as screen:
            slugs = [camera["slug"] for camera in system.cameras[:TILES]]
            footage = await replaying.opened(screen.page, system, slugs, SUB_FPS * LOOP_S, start_ns, end_ns)
            took = await replaying.seeks(screen.page, footage, count=SEEKS, seed=42)
    there = [ms for ms in took if ms is not None]
    return [
        Row(
            "D2.p95",
            "seek of nine, until all first pictures are there (bar 500)",
            percentile(there, 0.95),
            "ms",
            len(there),
        ),
        Row("D2.p50", "the same, median", percentile(there, 0.5), "ms", len(there)),
        Row("D2.missed", "seeks after which a picture never came", len(took) - len(there), "", len(took)),
    ]
