"""At one tile: zoom, replay, pictures to keep, marks; while the other tiles stay as they are."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.ui.conftest import Place, looking
from tests.ui.fake_api import iso, ms_of, now_ms
from tests.ui.test_wall import LIVE

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

MASK = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.4]]


async def _open(page: Page, place: Place, count: int = 4) -> None:
    await page.goto(f"{place.api.url}/wall?grid={count}")
    await page.wait_for_function(LIVE, arg=count, timeout=15_000, polling=50)


async def _state(page: Page, tile: int) -> Any:
    return await page.evaluate(f"() => window.__vms.tiles()[{tile}].state")


async def test_zoom_replay_and_a_picture(browser: Browser, place: Place) -> None:
    """Zoom takes main and a drag fills nothing; replay says so, ends in live at once; a picture says who and when."""
    for one in place.api.cameras.values():
        one["masks"] = [MASK]
    async with looking(browser, place) as screen:
        page, press = screen.page, screen.page.keyboard.press
        await _open(page, place)
        tile = page.locator('[data-tile="0"]')
        camera = place.api.cameras[await tile.get_attribute("data-camera") or ""]
        await expect(tile.locator("[data-masks]")).to_have_count(1)
        await page.mouse.move(300, 200)
        await page.mouse.wheel(0, -600)
        await expect(tile.locator("[data-zoom]")).to_be_visible()
        await page.wait_for_function("() => document.querySelector('[data-tile=\"0\"] video').videoWidth > 0")
        await page.mouse.down()
        await page.mouse.move(200, 150, steps=4)
        await page.mouse.up()
        assert place.stream(camera, "main").watchers
        assert "full" not in page.url
        await press("Escape")
        await expect(tile.locator("[data-zoom]")).to_have_count(0)

        await press("p")
        await expect(tile.locator('[data-past="ready"]')).to_be_visible(timeout=8000)
        at = int(await tile.locator("[data-past]").get_attribute("data-at") or 0)
        assert -15_000 < at - time.time() * 1000 < -5000
        await expect(tile).to_contain_text("Putar ulang")
        assert [await _state(page, other) for other in (1, 2, 3)] == ["live"] * 3
        async with page.expect_download() as waiting:
            await press("s")
        name = (await waiting.value).suggested_filename
        who = f"{camera['site']['slug']}_{camera['slug']}"
        assert re.fullmatch(who + r"_\d{4}-\d\d-\d\d_\d\d\.\d\d\.\d\d_WIB\.jpg", name)
        await press("p")
        await expect(tile.locator("[data-past]")).to_have_count(0)
        assert await _state(page, 0) == "live"
        await expect(tile).to_contain_text("Langsung")

        await tile.hover()
        await tile.get_by_role("button", name="Putar ulang 10 detik terakhir").click()
        await expect(tile.locator('[data-past="ready"]')).to_be_visible(timeout=8000)
        await tile.get_by_role("button", name="30 dtk").click()
        await press(" ")  # the tile's, not the button's that was clicked
        await expect(tile.get_by_role("button", name="Putar", exact=True)).to_be_visible()
        assert screen.errors == []


async def test_a_moment_is_marked_and_found_again(browser: Browser, place: Place) -> None:
    """B marks at once, B again writes a note; the recordings show it on the timeline and in a list, and go there."""
    async with looking(browser, place) as screen:
        page, press = screen.page, screen.page.keyboard.press
        await _open(page, place)
        await press("b")
        await expect(page.locator("[data-mark-card]")).to_contain_text("Ditandai")
        await press("b")
        await page.keyboard.type("Motor merah 12")
        await press("Enter")
        await expect(page.locator("[data-mark-card]")).to_have_count(0)
        [one] = place.api.bookmarks.values()
        assert abs(ms_of(one["at"]) - now_ms()) < 5000
        assert "full" not in page.url
        at = now_ms() - 120_000
        one["at"] = iso(at)
        await page.goto(f"{place.api.url}/cameras/{one['camera']['id']}/recordings")
        await page.wait_for_function("() => window.__vms?.replay?.state === 'ready'")
        assert one["note"] == "Motor merah 12"
        await press("Shift+B")
        await expect(page.locator("[data-bookmarks]")).to_contain_text("Motor merah 12")
        await page.locator("[data-bookmark]").click()
        await page.wait_for_function(f"() => Math.abs(window.__vms.replay.shownAt() - {at}) < 1500")
        await page.get_by_role("button", name="Hapus penanda").click()
        await expect(page.locator("[data-bookmark]")).to_have_count(0)
        await page.get_by_role("button", name="Urungkan").click()
        await expect(page.locator("[data-bookmark]")).to_have_count(1)
        assert one["id"] in place.api.bookmarks
        assert screen.errors == []


async def test_main_or_sub(browser: Browser, place: Place) -> None:
    """Behind a full line an enlarged tile shows sub and why; Q takes main, with its costs, then sub, then auto."""
    async with looking(browser, place) as screen:
        page, press = screen.page, screen.page.keyboard.press
        await _open(page, place)
        tile = page.locator('[data-tile="0"]')
        camera = place.api.cameras[await tile.get_attribute("data-camera") or ""]
        main = place.stream(camera, "main")
        place.ingest.full.add(main.ref)
        mark = tile.locator("[data-line]")
        await expect(mark).to_have_count(0)
        await press("Enter")
        await expect(mark).to_contain_text("Kecil · jalur penuh")
        await expect(mark).to_have_attribute("title", re.compile(rf"{camera['site']['name']}.*5,2 Mb/s dari 6,0 Mb/s"))
        assert not main.watchers
        await press("i")
        await expect(tile.locator("[data-figures]")).to_contain_text("5,2 Mb/s / 6,0 Mb/s")
        await press("q")
        await expect(mark).to_contain_text("Utama · 3,1 Mb/s")
        await page.wait_for_function("() => window.__vms.tiles()[0].state === 'live'")
        assert main.watchers
        await press("q")
        await expect(mark).to_contain_text("Kecil · dipilih")
        await press("q")
        await expect(mark).to_contain_text("Kecil · jalur penuh")
        assert await _state(page, 0) == "live"
