"""C9: a display shows what is pushed, and comes back to it after its browser was killed. Chromium, 4 tiles."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.report import Row, percentile
from tests.e2e import screens
from tests.e2e.system import running_system

PUSHES = int(os.environ.get("VMS_BENCH_PUSHES", "60"))
KILLS = int(os.environ.get("VMS_BENCH_SCREEN_KILLS", "10"))


async def pushed_and_back(folder: Path) -> Sequence[Row]:
    """From the request to the first picture of the last tile; from the start of the browser to that."""
    back: list[float] = []
    async with (
        running_system(folder, cameras=10) as system,
        screens.running_screen(folder / "profile", system.url) as screen,
    ):
        display = (await screens.pair(system, screen))["id"]
        await system.until_live()
        await screens.push_views(system, screen, display, count=5)
        found = await screens.push_views(system, screen, display, count=PUSHES)
        shown = (await system.http.get(f"/api/displays/{display}")).raise_for_status().json()["scene"]["cameras"]
        await asyncio.sleep(screens.COOKIES_ON_DISK_S)
        for _ in range(KILLS):
            await screen.kill()
            began = time.time()
            await screen.start()
            back.append(await screen.shows(shown, 30) - began)
        errors = len(screen.errors)
    n = len(found.ms)
    return [
        Row(
            "C9.shown_p95", "pushed view of 4 tiles, last first picture (bar 500)", percentile(found.ms, 0.95), "ms", n
        ),
        Row("C9.shown_p50", "the same, median", percentile(found.ms, 0.5), "ms", n),
        Row("C9.shown_worst", "the same, worst", max(found.ms), "ms", n),
        Row("C9.missed", "pushes without all pictures in 5 s", found.missed, "", PUSHES),
        Row("C9.back_worst", "browser killed: all pictures after its start (bar 5)", max(back), "s", len(back)),
        Row("C9.back_p50", "the same, median", percentile(back, 0.5), "s", len(back)),
        Row("C9.errors", "console errors", errors, "", 1),
    ]
