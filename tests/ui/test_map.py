"""The map: marks that say how cameras fare, a camera at the side, a place given and taken back, a drag onto a tile."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.ui.conftest import Place, looking

pytestmark = pytest.mark.asyncio(loop_scope="package")

SHOTS = os.environ.get("VMS_SHOTS", "")
TOWNS = {
    "Palangka Raya": (113.92, -2.21),
    "Sampit": (112.95, -2.53),
    "Pangkalan Bun": (111.62, -2.68),
    "Muara Teweh": (114.89, -0.95),
    "Kuala Kapuas": (114.39, -3.01),
}


def settle(place: Place) -> list[dict[str, Any]]:
    """Every site where its town is, and every camera a street further than the one before; gives the cameras."""
    for site in place.api.sites:
        site["longitude"], site["latitude"] = TOWNS[site["name"]]
    cameras = list(place.api.cameras.values())
    for i, camera in enumerate(cameras):
        longitude, latitude = TOWNS[camera["site"]["name"]]
        camera["longitude"], camera["latitude"] = (
            round(longitude + 0.004 * (i % 2), 6),
            round(latitude - 0.003 * (i % 2), 6),
        )
    return cameras


async def shot(page: Page, name: str) -> None:
    """A screenshot for people, where VMS_SHOTS names a folder."""
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/map-{name}.png")


async def test_the_map_shows_opens_and_moves_cameras(browser: Browser, place: Place) -> None:
    """Gathered by the worst, opened with keys, found by name, kept in the address; moved by a drag, and taken back."""
    cameras = settle(place)
    lost, nearby = cameras[2], cameras[3]
    lost["state"] = {"condition": "unreachable", "since": lost["state"]["since"], "why": "no route"}
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/cameras")
        await page.get_by_role("heading", name="Kamera", exact=True).wait_for()
        await page.keyboard.press("m")
        await page.wait_for_url("**/map*")
        sampit = page.locator('[data-cluster="2"][data-worst="down"]')
        await expect(sampit).to_have_attribute("aria-label", "2 kamera: 1 Terputus, 1 Langsung")
        await expect(page.locator("[data-cluster]")).to_have_count(5)
        await expect(page.get_by_role("button", name="Ke Muara Teweh")).to_be_visible()
        await shot(page, "province")
        await sampit.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator(f'[data-pin="{lost["id"]}"]')).to_be_visible()
        await page.keyboard.press("/")
        await page.keyboard.type("mentaya")
        await page.keyboard.press("Enter")
        await expect(page.locator(f'aside[data-panel="{nearby["id"]}"]')).to_be_visible()
        assert re.search(rf"/map\?at=-2\.5\d+,112\.9\d+,1\d&camera={nearby['id']}", page.url)
        await shot(page, "camera")
        await page.reload()
        await expect(page.locator(f'aside[data-panel="{nearby["id"]}"]')).to_be_visible()
        await page.get_by_role("button", name="Ubah letak").click()
        before = (nearby["longitude"], nearby["latitude"])
        pin = page.locator(f'[data-pin="{nearby["id"]}"]')
        await drag(page, f'[data-pin="{nearby["id"]}"] .plate', 80, 40)
        undo = page.get_by_role("button", name="Urungkan")
        await expect(undo).to_be_visible()
        assert nearby["longitude"] > before[0]
        assert nearby["latitude"] < before[1]
        await shot(page, "edit")
        await undo.click()
        await expect(page.get_by_text("kembali ke tempat semula")).to_be_visible()
        assert (nearby["longitude"], nearby["latitude"]) == before
        await pin.focus()
        await page.keyboard.press("Shift+ArrowLeft")
        await expect(undo).to_be_visible()
        assert nearby["longitude"] < before[0]
        assert screen.errors == []


async def drag(page: Page, selector: str, dx: float, dy: float) -> None:
    """By the mouse, from the middle of what is there."""
    box = await page.locator(selector).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + dx, y + dy, steps=5)
    await page.mouse.up()


async def test_a_camera_is_dragged_from_the_map_to_a_tile(browser: Browser, place: Place) -> None:
    """From the drawer on the wall; a click puts it onto the chosen tile, M closes the drawer again."""
    cameras = settle(place)
    cameras[4]["longitude"], cameras[4]["latitude"] = 112.2, -1.4
    cameras[6]["longitude"], cameras[6]["latitude"] = 113.1, -1.0
    first, second = cameras[4]["id"], cameras[6]["id"]
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/wall?grid=4&tiles=,")
        await page.locator('[data-tile="2"]').wait_for()
        await page.keyboard.press("m")
        pin = page.locator(f'[data-map-drawer] [data-pin="{first}"] .plate')
        await expect(pin).to_be_visible()
        await pin.drag_to(page.locator('[data-tile="2"]'))
        await expect(page).to_have_url(re.compile(f"tiles=,,{first}"))
        await page.locator(f'[data-map-drawer] [data-pin="{second}"]').focus()
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(re.compile(f"{second}"))
        await page.locator(f'[data-tile="2"][data-camera="{first}"]').wait_for()
        await shot(page, "wall")
        await page.keyboard.press("m")
        await expect(page.locator("[data-map-drawer]")).to_have_count(0)
        assert screen.errors == []


async def test_without_positions_the_map_says_how_to_give_them(browser: Browser, place: Place) -> None:
    """A camera is chosen from the list and put where the next click is."""
    camera = next(iter(place.api.cameras.values()))
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/map")
        await shot(page, "empty")
        await page.get_by_role("button", name="Mulai memberi letak").click()
        await page.locator(f'[data-nowhere="10"] [data-listed="{camera["id"]}"]').click()
        await page.locator("[data-map] .field").click(position={"x": 500, "y": 350})
        await expect(page.locator('[data-nowhere="9"]')).to_be_visible()
        await expect(page.locator(f'[data-pin="{camera["id"]}"]')).to_be_visible()
        assert camera["longitude"] is not None
        assert screen.errors == []
