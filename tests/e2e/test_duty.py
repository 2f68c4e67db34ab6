"""C10 in its short form: an operator's work of half an hour in half a minute, by the same script."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.e2e import duty, glass
from tests.e2e.browser import running_browser
from tests.e2e.system import running_system

CAMERAS = 4


@pytest.mark.browser
@pytest.mark.timeout(240)
async def test_a_tour_of_duty_leaves_nothing_behind(tmp_path: Path) -> None:
    """Switches, layouts, zooms, replays, tours, pushes and other pages: no console error, and nothing piles up."""
    async with (
        running_system(tmp_path, cameras=CAMERAS) as system,
        running_browser(url=system.url, cookie=system.cookie()) as screen,
    ):
        await system.until_live()
        await duty.prepare(system, display=True)
        await screen.page.add_init_script(duty.COUNT)
        await glass.wall_with(screen.page, f"{system.url}/wall?grid=4", CAMERAS)
        operator = duty.Duty(screen, system, 0.03, random.Random(10), CAMERAS)
        found = await duty.shift(operator, early_s=0, seconds=18)
        assert screen.errors == []
        assert found.done["switch"] >= 10
        assert found.grown_bytes < 8 * duty.MB, (found.early.line(), found.late.line())
        assert found.late.nodes - found.early.nodes < 4000, (found.early.line(), found.late.line())
        assert (found.late.connections, found.late.sources <= 2) == (1, True), found.late.line()
