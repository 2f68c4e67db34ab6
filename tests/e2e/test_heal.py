"""C8 in its short form: cameras reboot, and a browser that was stopped comes back to a server that was restarted."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.e2e import glass, heal
from tests.e2e.browser import running_browser
from tests.e2e.system import System, running_system
from tests.servers.nats import free_port

TILES, SUB_FPS, LOOP_S = 4, 15, 20
# The bar is 5 s on a quiet machine.
LIMIT_S = 12.0
# A session is forgotten after 12 s of silence.
STOPPED_S = 13.0


@pytest.mark.browser
@pytest.mark.timeout(240)
async def test_the_wall_heals_by_itself(tmp_path: Path) -> None:
    """All tiles are live again soon after each cause is over, and none is called live with an old picture."""
    mark = f"--vms-test={tmp_path.name}"
    async with (
        running_system(tmp_path, cameras=TILES, http=f"127.0.0.1:{free_port()}") as system,
        running_browser(url=system.url, cookie=system.cookie(), flags=[mark]) as screen,
    ):
        await system.until_live()
        await glass.wall_with(screen.page, f"{system.url}/wall?grid=4", TILES)
        await heal.record(screen.page, TILES)
        seen, shown = heal.Seen(), await glass.tile_cameras(screen.page)
        over_s = await _rebooted(system)
        assert await heal.until_healed(screen.page, seen, over_s) < LIMIT_S
        with heal.stopped(heal.browser_processes(mark)):
            await system.node.kill()
            began = time.monotonic()
            await system.node.start()
            await asyncio.sleep(STOPPED_S - (time.monotonic() - began))
            over_s = time.time()
        assert await heal.until_healed(screen.page, seen, over_s) < LIMIT_S
    slugs = {camera["id"]: camera["slug"] for camera in system.cameras}
    assert system.simulator.send_log is not None
    sent = {tile: heal.Sent.read(system.simulator.send_log, slugs[camera], "sub") for tile, camera in shown.items()}
    assert heal.old_as_live(seen, sent, SUB_FPS * LOOP_S, over_s, old_s=4.0) == []


async def _rebooted(system: System) -> float:
    """Cameras drop their connections and take none for a while; when they took them again."""
    await system.simulator.control({"fault": "refuse", "how": "close"})
    await system.simulator.control({"fault": "drop"})
    await asyncio.sleep(5)
    await system.simulator.control({"fault": "none"})
    return time.time()
