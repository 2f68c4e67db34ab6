"""The page of areas and masks: drawn with pointer and keys, undone, saved, taken back."""

from __future__ import annotations

import os
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.ui.conftest import Place, looking

pytestmark = pytest.mark.asyncio(loop_scope="package")

SHOTS = os.environ.get("VMS_SHOTS", "")


def sent(place: Place) -> dict[str, Any]:
    """What was sent last."""
    return place.api.bodies[-1]


async def test_areas_are_drawn_by_pointer_and_keys(browser: Browser, place: Place) -> None:
    """An area is added, dragged, named; a mask is moved by keys; undo takes back; what is saved is what is seen."""
    camera = next(iter(place.api.cameras.values()))
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/cameras/{camera['id']}/areas")
        save = page.get_by_role("button", name="Simpan", exact=True)
        await expect(save).to_be_disabled()
        await page.get_by_role("button", name="Area baru").click()
        board = await page.locator("[data-board]").bounding_box()
        assert board is not None
        await page.mouse.move(board["x"] + board["width"] * 0.3, board["y"] + board["height"] * 0.3)
        await page.mouse.down()
        await page.mouse.move(board["x"] + board["width"] * 0.1, board["y"] + board["height"] * 0.2, steps=4)
        await page.mouse.up()
        await page.get_by_label("Nama area").fill("Pintu")
        await page.get_by_role("button", name="Tutup privasi baru").click()
        mask = page.locator("[data-shape=mask]")
        await mask.focus()
        await page.keyboard.press("Shift+ArrowRight")
        await page.keyboard.press("Delete")
        await expect(mask).to_have_count(0)
        await page.keyboard.press("Control+z")
        await expect(mask).to_have_count(1)
        if SHOTS:
            await page.screenshot(path=f"{SHOTS}/areas-{screen.page.viewport_size['width']}.png")  # type: ignore[index]
        await save.click()
        await expect(save).to_be_disabled()
        body = sent(place)
        (area,) = body["areas"]
        assert area["name"] == "Pintu"
        assert area["polygon"][0] == [pytest.approx(0.1, abs=0.01), pytest.approx(0.2, abs=0.01)]
        assert body["masks"][0][0] == [0.39, 0.34]
        await page.get_by_role("button", name="Urungkan").last.click()
        await expect(page.locator("[data-shape]")).to_have_count(0)
        assert (sent(place)["areas"], sent(place)["masks"]) == ([], [])
        assert screen.errors == []
