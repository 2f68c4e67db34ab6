"""A7: seeks in one camera's recordings while ten cameras record."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from tests.bench.report import Row, percentile
from tests.e2e import seeking
from tests.e2e.browser import running_browser
from tests.e2e.system import running_system

SEEKS = int(os.environ.get("VMS_BENCH_SEEKS", "120"))
OPENINGS = int(os.environ.get("VMS_BENCH_SEEK_OPENINGS", "40"))
RECORD_S = float(os.environ.get("VMS_BENCH_SEEK_RECORD_S", "180"))
MAIN_FPS, LOOP_S = 25, 20


async def random_instants(folder: Path) -> Sequence[Row]:
    """First presented frame within one frame of the asked instant."""
    async with running_system(folder) as system:
        await system.until_live()
        await asyncio.sleep(RECORD_S)
        async with running_browser(url=system.url, cookie=system.cookie()) as screen:
            slug = system.cameras[0]["slug"]
            found = await seeking.measure(screen.page, system, slug, count=SEEKS, seed=7, fps=MAIN_FPS, loop_s=LOOP_S)
            opened = await seeking.openings(
                screen.page, system, slug, count=OPENINGS, seed=8, fps=MAIN_FPS, loop_s=LOOP_S
            )
    n = len(found.ms)
    return [
        Row("A7.p95", "seek to the asked frame presented (bar 300)", percentile(found.ms, 0.95), "ms", n),
        Row("A7.p50", "seek to the asked frame presented, median", percentile(found.ms, 0.5), "ms", n),
        Row("A7.strays", "other frames presented after the seek before it", found.strays, "", n),
        Row("A7.missed", "seeks that never came within one frame", len(found.missed), "", SEEKS),
        Row("A7.opening.p95", "the same while the page still opens", percentile(opened.ms, 0.95), "ms", len(opened.ms)),
        Row("A7.opening.missed", "of those, never within one frame", len(opened.missed), "", OPENINGS),
    ]
