"""Layouts and saved views on the wall: drawn, filled from a site, opened, changed, saved, changed by two at once."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.ui.conftest import Place, looking

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

LIVE = "(n) => window.__vms?.tiles?.().filter(t => t.state === 'live').length === n"


async def _live(page: Page, count: int) -> None:
    await page.wait_for_function(LIVE, arg=count, timeout=15_000, polling=50)


async def test_layouts_of_all_sizes(browser: Browser, place: Place) -> None:
    """A site fills the smallest that holds it, undone in one step; 64 tiles play; a free one is drawn by mouse."""
    ids = [camera["id"] for camera in place.api.cameras.values()]
    async with looking(browser, place) as screen:
        page, press = screen.page, screen.page.keyboard.press
        await page.goto(f"{place.api.url}/wall?grid=9")
        await _live(page, 9)
        await press("c")
        site = place.api.sites[1]
        await page.locator(f'[data-fill="{site["id"]}"]').click()
        await _live(page, 2)
        await expect(page.locator("main")).to_have_attribute("data-grid", "4")
        await page.get_by_role("button", name="Urungkan").click()
        await _live(page, 9)
        await press("Escape")
        many = ",".join((ids * 7)[:64])
        await page.evaluate(
            f"history.pushState(null, '', '/wall?grid=64&tiles={many}'); dispatchEvent(new Event('popstate'))"
        )
        await _live(page, 64)
        assert place.api.requests.count("POST /api/wall/sessions") == 2
        for key in ("g", "4"):
            await press(key)
        await _live(page, 4)
        await press("Shift+G")
        box = await page.get_by_role("application").bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + 20, box["y"] + 20)
        await page.mouse.down()
        await page.mouse.move(box["x"] + 30, box["y"] + box["height"] - 20, steps=4)
        await page.mouse.up()
        await expect(page.locator("[data-drawn]")).to_have_count(3)
        await press("Enter")
        await expect(page).to_have_url(re.compile(r"layout=2x2_0\.0\.1\.2_1\.0\.1\.1_1\.1\.1\.1"))
        await _live(page, 3)
        assert [tile["camera"] for tile in await page.evaluate("() => window.__vms.tiles()")] == [
            ids[0],
            ids[1],
            ids[3],
        ]
        for key, tile in (("ArrowRight", 1), ("ArrowDown", 2), ("ArrowLeft", 0)):
            await press(key)
            await expect(page.locator(f'[data-tile="{tile}"].chosen')).to_have_count(1)
        assert screen.errors == []


async def test_a_view_is_opened_changed_and_kept(browser: Browser, place: Place) -> None:
    """By its URL; a change says so and survives a reload; who saves over another's change is told and loses nothing."""
    ids = [camera["id"] for camera in place.api.cameras.values()]
    views = place.api.views
    view = views.add("Sungai", ids[:4], {"grid": "4"}, folder="Malam")
    async with looking(browser, place) as screen:
        page, press = screen.page, screen.page.keyboard.press
        await page.goto(f"{place.api.url}/wall?view={view['id']}")
        await _live(page, 4)
        await press("Delete")
        await _live(page, 3)
        name = page.locator("[data-view-name]")
        await expect(name).to_contain_text("Berubah")
        await page.reload()
        await _live(page, 3)
        await press("v")
        drawer = page.locator("[data-drawer]")
        await drawer.get_by_role("button", name="Kembalikan").click()
        await _live(page, 4)
        await expect(name).not_to_contain_text("Berubah")
        await page.go_back()
        await _live(page, 3)
        other: dict[str, Any] = views.stored[view["id"]]
        other |= {"cameras": [ids[5], *ids[1:4]], "rev": 2}
        await drawer.get_by_role("button", name="Simpan", exact=True).click()
        await expect(page.get_by_text("sudah diubah orang lain")).to_be_visible()
        assert other["cameras"][0] == ids[5]
        await drawer.locator("[data-save-as]").click()
        await drawer.get_by_label("Nama", exact=True).fill("Sungai pagi")
        await press("Enter")
        await expect(name).to_contain_text("Sungai pagi")
        made = next(one for one in views.stored.values() if one["name"] == "Sungai pagi")
        assert (made["cameras"], made["folder"], made["layout"]) == ([None, *ids[1:4]], "Malam", {"grid": "4"})
        await drawer.get_by_role("button", name="Favorit: Sungai pagi").click()
        await expect(drawer.get_by_role("heading", name="Favorit")).to_be_visible()
        await drawer.get_by_role("searchbox").fill("malam pagi")
        await expect(drawer.locator("[data-view]")).to_have_count(1)
        # Refusals of the API are the browser's own words in the console.
        assert [error for error in screen.errors if "409" not in error] == []
