"""Tours on the wall: run by the server's clock, paused, stepped, left; and the page without any screen."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from tests.ui.conftest import Place, looking

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


async def _first(page: Page, camera: str) -> None:
    await page.wait_for_function("(id) => window.__vms.tiles?.()[0]?.camera === id", arg=camera, timeout=8000)


async def test_a_tour_runs_is_paused_and_stepped(browser: Browser, place: Place) -> None:
    """T chooses one and ends it; it goes on by itself; space holds it, comma and full stop step; all in one session."""
    ids = list(place.api.cameras)
    tour = place.api.screens.add_tour("Ronda malam", [[ids[0]], [ids[1]]], 2)
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/wall")
        await page.wait_for_function("() => window.__vms.link?.() === 'up'")
        await page.keyboard.press("t")
        await page.wait_for_selector("[data-tours]")
        await page.keyboard.press("1")
        await expect(page).to_have_url(f"{place.api.url}/wall?tour={tour['id']}")
        for at in (0, 1):
            await _first(page, ids[at])
        await page.keyboard.press(" ")
        await expect(page.locator("[data-tour-strip]")).to_have_attribute("data-tour-strip", "paused")
        at = ids.index(await page.evaluate("() => window.__vms.tiles()[0].camera"))
        await page.keyboard.press(".")
        await _first(page, ids[1 - at])
        await page.keyboard.press(",")
        await _first(page, ids[at])
        for key, state in ((" ", "running"), ("+", "paused"), ("Escape", "running")):  # zoomed: it waits
            await page.keyboard.press(key)
            await expect(page.locator("[data-tour-strip]")).to_have_attribute("data-tour-strip", state)
        await page.keyboard.press("t")
        await expect(page).to_have_url(f"{place.api.url}/wall")
        assert place.api.requests.count("POST /api/wall/sessions") == 1
        await page.goto(f"{place.api.url}/displays")
        await page.wait_for_selector("[data-code-input]")
        assert screen.errors == []
