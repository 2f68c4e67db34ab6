"""What an operator does has a key: arranging, keeping, undoing, replay, alarms, without a pointer."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.ui.conftest import Place, looking

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


async def _shown(page: Page, *cameras: str) -> None:
    for tile, camera in enumerate(cameras):
        await expect(page.locator(f'[data-tile="{tile}"]')).to_have_attribute("data-camera", camera)


async def test_a_wall_is_arranged_and_kept_by_keys(browser: Browser, place: Place) -> None:
    """Cameras change places, the wall becomes a view, a change is kept, a view is starred, deleted and brought back."""
    first, second, third, *_ = place.api.cameras
    async with looking(browser, place) as screen:
        page, press = screen.page, screen.page.keyboard.press
        await page.goto(f"{place.api.url}/wall?grid=4&tiles={first},{second},{third}")
        await _shown(page, first, second, third)
        await press("Shift+ArrowRight")
        await _shown(page, second, first, third)
        await expect(page.locator('[data-tile="1"].chosen')).to_have_count(1)
        await press("Shift+Delete")
        await _shown(page, "", "", "")
        await press("Control+z")
        await _shown(page, second, first, third)
        await press("Shift+V")
        await expect(page.locator("[data-view-form]")).to_be_visible()
        await page.keyboard.type("Pagi")
        await press("Enter")
        await expect(page.locator("[data-view-name]")).to_contain_text("Pagi")
        (view,) = place.api.views.stored.values()
        await page.locator('[data-tile="1"]').focus()
        await press("Shift+ArrowLeft")
        await expect(page.locator("[data-view-name]")).to_contain_text("Berubah")
        await press("Shift+V")
        await expect(page.locator("[data-view-name]")).not_to_contain_text("Berubah")
        assert view["cameras"][:3] == [first, second, third]
        row = page.locator(f'[data-view="{view["id"]}"]')
        await row.focus()
        await press("*")
        await expect(row).to_have_count(2)
        assert view["favourite"]
        await row.last.focus()
        await press("Delete")
        await expect(row).to_have_count(0)
        await page.locator('[data-tile="0"]').focus()
        await press("Control+z")
        await expect(row).to_have_count(2)
        await _shown(page, first, second, third)
        assert screen.errors == []


async def test_alarms_marks_and_replay_by_keys(browser: Browser, place: Place) -> None:
    """The top alarm's camera comes up, alarms get a tile, a mark is taken back, a replay goes faster and slower."""
    first, second, third, *_ = place.api.cameras
    async with looking(browser, place) as screen:
        page, press = screen.page, screen.page.keyboard.press
        await page.goto(f"{place.api.url}/wall?grid=4&tiles={first},{second}")
        await _shown(page, first, second)
        await press("Shift+L")
        await expect(page).to_have_url(re.compile("alarm=0"))
        await press("Shift+L")
        await expect(page).not_to_have_url(re.compile("alarm="))
        await place.api.alarms.raise_one(place.api.cameras[third], priority=2)
        await expect(page.locator("[data-band]")).to_be_visible()
        await press("o")
        await _shown(page, third, second)
        await press("b")
        await expect(page.locator("[data-mark-card]")).to_be_visible()
        await press("Control+z")
        await expect(page.locator("[data-mark-card]")).to_have_count(0)
        await press("p")
        past = page.locator('[data-tile="0"] [data-past]')
        await expect(past).to_be_visible(timeout=8000)
        await press(">")
        await expect(past).to_contain_text("2×")
        await press("<")
        await expect(past).not_to_contain_text("×")
        await press("<")
        await expect(past).to_contain_text("0,5×")
        assert not place.api.bookmarks
        assert screen.errors == []
