"""C9 in its short form: a browser becomes a screen, shows what is pushed, and comes back to it by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e import screens
from tests.e2e.system import running_system


@pytest.mark.browser
@pytest.mark.timeout(180)
async def test_a_screen_shows_what_is_pushed_and_comes_back(tmp_path: Path) -> None:
    """Paired by code; shows what is pushed; comes back to it when the server does; removed, it shows a code again."""
    async with (
        running_system(tmp_path, cameras=2) as system,
        screens.running_screen(tmp_path / "profile", system.url) as screen,
    ):
        page = screen.page
        assert page is not None
        display = (await screens.pair(system, screen))["id"]
        await page.wait_for_selector("[data-rest]")
        await system.until_live()
        found = await screens.push_views(system, screen, display, count=2, tiles=1)
        assert found.missed == 0
        assert max(found.ms) < 5000
        await _is_well(system, display, tiles=1)
        await screens.push(system, display, {"kind": "message", "text": "Rapat", "colour": "alarm"})
        await page.wait_for_selector('[data-message="alarm"]')
        await system.http.delete(f"/api/displays/{display}/showing")
        await page.wait_for_selector("[data-message]", state="detached")
        assert screen.errors == []
        view = (await screens.views_of(system, 1, 1))[0]
        await screens.push(system, display, {"kind": "view", "subject": view["id"]})
        await screen.shows(view["cameras"])
        await _killed_and_back(system, screen)
        await page.wait_for_selector('[data-line="up"]')
        await screen.shows(view["cameras"], 30)
        (await system.http.delete(f"/api/displays/{display}")).raise_for_status()
        assert len(await screen.code()) == 6


async def _is_well(system: screens.System, display: str, *, tiles: int) -> None:
    async with asyncio.timeout(10):
        while True:
            seen = (await system.http.get(f"/api/displays/{display}")).raise_for_status().json()
            if (seen["online"], seen["current"], seen["tiles"], seen["live"]) == (True, True, tiles, tiles):
                return
            await asyncio.sleep(0.2)


async def _killed_and_back(system: screens.System, screen: screens.Screen) -> None:
    port = int(system.url.rpartition(":")[2])
    await system.node.kill()
    assert screen.page is not None
    await screen.page.wait_for_selector('[data-line="down"]')
    text = system.node.config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}")
    await asyncio.to_thread(system.node.config.write_text, text)
    await system.node.start()
    await system.sign_in()
