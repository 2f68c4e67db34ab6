"""The wall: fast, true about every picture, run by keys, kept in its URL, and back by itself after a loss."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.glass import wall_with
from tests.ui.conftest import Place, looking
from vms.domain.media import StreamCondition

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

LIVE = "(n) => window.__vms?.tiles?.().filter(t => t.state === 'live').length >= n"
NO_WEBRTC = "delete window.RTCPeerConnection; delete window.RTCRtpTransceiver;"


async def _live(page: Page, count: int, seconds: float = 15) -> None:
    await page.wait_for_function(LIVE, arg=count, timeout=seconds * 1000, polling=50)


async def _tiles(page: Page) -> list[dict[str, Any]]:
    return list(await page.evaluate("() => window.__vms.tiles()"))


def _tile(page: Page, index: int) -> Any:
    return page.locator(f'[data-tile="{index}"]')


def _in_order(place: Place) -> list[dict[str, Any]]:
    """Cameras by their numbers."""
    return sorted(place.api.cameras.values(), key=lambda camera: int(camera["number"]))


async def test_ten_tiles_come_at_once_and_say_who_they_are(browser: Browser, place: Place) -> None:
    """All ten present pictures within two seconds of opening the URL, by site and name, with a state in words."""
    async with looking(browser, place) as screen:
        page = screen.page
        took = await wall_with(page, f"{place.api.url}/wall", 10)
        await _live(page, 10)
        assert took < 2.0
        assert [tile["camera"] for tile in await _tiles(page)][:10] == [camera["id"] for camera in _in_order(place)]
        await expect(page.locator("main")).to_have_attribute("data-grid", "16")
        await expect(_tile(page, 0)).to_contain_text("Bundaran Besar")
        await expect(_tile(page, 0)).to_contain_text("Palangka Raya")
        await expect(_tile(page, 0)).to_contain_text("Langsung")
        await expect(page.locator("header")).to_have_attribute("data-chrome", "faded", timeout=6000)
        assert place.api.requests.count("POST /api/wall/sessions") == 1
        assert screen.errors == []


async def test_a_frozen_picture_never_looks_live(browser: Browser, place: Place) -> None:
    """A camera that falls silent is marked within 2.5 s with its age; one that goes away says why; others stay live."""
    silent, gone = (place.stream(camera) for camera in _in_order(place)[:2])
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/wall")
        await _live(page, 10)
        silent.first_ns += 3600 * 10**9  # its next Packet is an hour away
        place.ingest.end(gone)
        place.ingest.say(gone, StreamCondition.UNREACHABLE, "No answer.", "camera_unreachable")
        await expect(_tile(page, 0)).not_to_have_attribute("data-state", "live", timeout=2800)
        await expect(_tile(page, 0)).to_contain_text(re.compile(r"Gambar [2-9] dtk yang lalu"))
        await expect(_tile(page, 1)).to_have_attribute("data-state", "offline", timeout=5000)
        await expect(_tile(page, 1)).to_contain_text("Kamera tidak terjangkau")
        assert sum(tile["state"] == "live" for tile in await _tiles(page)) == 8
        assert screen.errors == []


async def test_keys_do_what_an_operator_does(browser: Browser, place: Place) -> None:
    """Number and Enter, grid, arrows, fill with main, Esc, Back, drawer; a reload shows the same."""
    cameras = _in_order(place)
    async with looking(browser, place) as screen:
        page, press = screen.page, screen.page.keyboard.press
        await page.goto(f"{place.api.url}/wall?grid=4")
        await _live(page, 4)
        await press("ArrowRight")
        for key in ("1", "0", "Enter"):
            await press(key)
        await page.wait_for_function(
            "(id) => window.__vms.tiles().some(t => t.camera === id && t.state === 'live' && t.switchedRtp !== null)",
            arg=cameras[9]["id"],
        )
        ids = ",".join(camera["id"] for camera in [cameras[0], cameras[9], *cameras[2:10]])
        assert f"tiles={ids}" in page.url
        await press("Enter")
        await expect(page).to_have_url(re.compile("full=1"))
        await page.wait_for_function("() => document.querySelector('[data-tile=\"1\"]').clientWidth === innerWidth")
        assert place.stream(cameras[9], "main").watchers
        await press("Escape")
        await expect(page).not_to_have_url(re.compile("full"))
        for key in ("g", "9"):
            await press(key)
        await _live(page, 9)
        await page.go_back()
        await expect(page.locator("main")).to_have_attribute("data-grid", "4")
        before = [tile["camera"] for tile in await _tiles(page)]
        await page.reload()
        await _live(page, 4)
        assert [tile["camera"] for tile in await _tiles(page)] == before
        await press("?")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await press("c")
        await expect(page.get_by_role("searchbox")).to_be_focused()
        await page.keyboard.type("mentaya")
        await press("Enter")
        await expect(_tile(page, 1)).to_contain_text("Dermaga Mentaya")
        assert screen.errors == []


async def test_a_mouse_fills_chooses_and_drags(browser: Browser, place: Place) -> None:
    """Click fills and comes back; with the drawer open it chooses; a camera can be dragged onto a tile."""
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/wall?grid=4")
        await _live(page, 4)
        await _tile(page, 2).click()
        await expect(page).to_have_url(re.compile("full=2"))
        await _tile(page, 2).click()
        await expect(page).not_to_have_url(re.compile("full"))
        await page.keyboard.press("c")
        await _tile(page, 3).click(position={"x": 60, "y": 120})
        await expect(page.get_by_role("heading", name="Kamera untuk petak 4")).to_be_visible()
        target = _in_order(place)[8]
        await page.locator(f'[data-put="{target["id"]}"]').drag_to(_tile(page, 0))
        await expect(_tile(page, 0)).to_have_attribute("data-camera", target["id"])
        assert screen.errors == []


async def test_it_comes_back_by_itself(browser: Browser, place: Place) -> None:
    """The server dies: every tile is marked and a banner stands; it returns: all live again without a reload."""
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/wall")
        await _live(page, 10)
        await page.evaluate("() => { window.here = true }")
        await place.api.stop()
        await page.wait_for_function(
            "() => window.__vms.tiles().every(t => t.camera === null || t.state === 'reconnecting')", timeout=5000
        )
        await expect(page.locator('[data-banner="offline"]')).to_be_visible()
        await asyncio.sleep(1.5)
        await place.api.start()
        began = time.monotonic()
        await _live(page, 10)
        assert time.monotonic() - began < 6
        await expect(page.locator('[data-banner="offline"]')).to_have_count(0)
        assert await page.evaluate("() => window.here")


async def test_pictures_over_http_where_webrtc_cannot_be(browser: Browser, place: Place) -> None:
    """Marked as such on every tile and on the wall, with pictures that go on."""
    async with looking(browser, place) as screen:
        page = screen.page
        await page.add_init_script(NO_WEBRTC)
        await page.goto(f"{place.api.url}/wall")
        await page.wait_for_function(
            "() => window.__vms?.tiles?.().filter(t => t.frames >= 2).length === 10", timeout=15_000
        )
        await expect(page.locator('[data-mode="pictures"]')).to_be_visible()
        assert {tile["state"] for tile in await _tiles(page) if tile["camera"]} == {"pictures"}
        await expect(_tile(page, 0)).to_contain_text("Gambar berkala")
        assert screen.errors == []


async def test_an_empty_installation_leads_to_the_first_camera(browser: Browser, empty_place: Place) -> None:
    """No cameras: a clear first step on every page, no error."""
    async with looking(browser, empty_place) as screen:
        page = screen.page
        for path in ("wall", "cameras", "recordings"):
            await page.goto(f"{empty_place.api.url}/{path}")
            link = page.get_by_role("link", name=re.compile("Tambah kamera")).last
            await expect(link).to_be_visible()
        await link.click()
        await expect(page.get_by_role("heading", name="Tambah kamera")).to_be_visible()
        assert screen.errors == []
