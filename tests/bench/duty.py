"""C10: a tour of duty of half an hour in Chromium, beside a real screen that takes what is pushed."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path

from tests.bench.report import Row
from tests.e2e import duty, glass, screens
from tests.e2e.browser import running_browser
from tests.e2e.system import running_system

SECONDS = float(os.environ.get("VMS_BENCH_DUTY_S", "1800"))
PAUSE_S = float(os.environ.get("VMS_BENCH_DUTY_PAUSE_S", "0.35"))
CAMERAS = 10


async def tour_of_duty(folder: Path) -> Sequence[Row]:
    """Heap after forced collection at a tenth of the time (minute 3) and at the end (minute 30)."""
    async with (
        running_system(folder, cameras=CAMERAS) as system,
        running_browser(url=system.url, cookie=system.cookie()) as screen,
        screens.running_screen(folder / "profile", system.url) as kiosk,
    ):
        await screens.pair(system, kiosk)
        await system.until_live()
        await duty.prepare(system, display=False)
        await screen.page.add_init_script(duty.COUNT)
        await glass.wall_with(screen.page, f"{system.url}/wall?grid=4", 4)
        operator = duty.Duty(screen, system, PAUSE_S, random.Random(10), CAMERAS)
        found = await duty.shift(
            operator, early_s=SECONDS / 10, seconds=SECONDS, say=lambda line: print(f"  {line}", flush=True)
        )
        for error in [*screen.errors, *kiosk.errors][:20]:
            print(f"  {error}", flush=True)
        errors = len(screen.errors) + len(kiosk.errors)
    n = found.done.total()
    print(f"  {dict(found.done)}", flush=True)
    return [
        Row("C10.errors", f"console errors in {found.minutes:.0f} minutes (bar 0)", errors, "", n),
        Row("C10.heap_grown", "JS heap after collection, from a tenth of the time on (bar 50)",
            found.grown_bytes / duty.MB, "MB", n),
        Row("C10.heap", "JS heap after collection, at the end", found.late.heap_bytes / duty.MB, "MB", n),
        Row("C10.switches", "switches of a tile (bar 300)", found.done["switch"], "", n),
        Row("C10.nodes_grown", "nodes of the document more", found.late.nodes - found.early.nodes, "", n),
        Row("C10.listeners_grown", "listeners more", found.late.listeners - found.early.listeners, "", n),
        Row("C10.connections", "peer connections open at the end", found.late.connections, "",
            found.late.connections_made),
        Row("C10.players", "MediaSources alive at the end", found.late.sources, "", found.late.sources_made),
    ]  # fmt: skip
