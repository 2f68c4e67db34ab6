"""Search in a browser: motion in a part that is drawn, its results one key from their moment; words; the address."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from tests.ui.conftest import Place, looking
from tests.ui.fake_api import iso, now_ms
from vms.domain.ids import new_id

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
SHOTS = os.environ.get("VMS_SHOTS", "")
MINUTE = 60_000


def fill(place: Place) -> list[dict[str, Any]]:
    """Two cameras with motion, one of them with footage nobody looked at; a bookmark and an event."""
    cameras, now = list(place.api.cameras.values())[:2], now_ms() // MINUTE * MINUTE
    for number, camera in enumerate(cameras):
        starts = [now - (600 - 40 * k - number) * MINUTE for k in range(5)]
        hits = [
            {"from": iso(at), "to": iso(at + 9_000), "peak_at": iso(at + 4_000), "score": 0.04, "recorded": k != 2}
            for k, at in enumerate(starts)
        ]
        missing = [{"from": iso(now - 90 * MINUTE), "to": iso(now - 30 * MINUTE)}] if number else []
        line = {"from": iso(now - 1440 * MINUTE), "to": iso(now), "away": False, "cut": False, "searched": number + 1}
        place.api.search.lines.append({"camera": camera["id"], "hits": hits, "missing": missing, "of": 2, **line})
    about = {"camera": {"id": cameras[0]["id"], "name": cameras[0]["name"]}, "site": cameras[0]["site"]}
    nothing = {"kind": "", "severity": None, "note": "", "person": None, "params": {}, "end": None}
    place.api.search.moments = [
        {**nothing, **about, "source": "bookmark", "id": new_id(), "at": iso(now - 50 * MINUTE), "note": "Tas merah",
         "person": {"id": "p", "name": "Rina"}},
        {**nothing, **about, "source": "event", "id": new_id(), "at": iso(now - 70 * MINUTE), "kind": "picture_covered",
         "severity": "alarm", "end": iso(now - 69 * MINUTE)},
    ]  # fmt: skip
    return cameras


async def shot(page: Page, name: str) -> None:
    """Screenshots for people, where VMS_SHOTS names a folder."""
    if SHOTS:
        for width, height in ((1366, 768), (3840, 2160)):
            await page.set_viewport_size({"width": width, "height": height})
            await page.wait_for_timeout(300)
            await page.screenshot(path=f"{SHOTS}/search-{name}-{width}.png")
        await page.set_viewport_size({"width": 1366, "height": 768})


async def test_motion_in_a_part_that_is_drawn(browser: Browser, place: Place) -> None:
    """By keyboard from the form to the moment; the address holds all of it; what nobody looked at can be filled in."""
    cameras = fill(place)
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/search")
        await shot(page, "begin")
        await page.get_by_role("button", name="Gerakan", exact=True).click()
        where = page.locator("#search-where")
        for camera in cameras:
            await where.fill(camera["name"])
            await where.press("Enter")
        await page.get_by_role("button", name="Gambar di atas gambar kamera").click()
        await expect(page.locator("dialog [data-board] canvas")).to_be_visible()
        await shot(page, "draw")
        await page.get_by_role("button", name="Pakai").click()
        await page.get_by_role("button", name="Cari", exact=True).click()
        await expect(page.locator("[data-card]")).to_have_count(10)
        asked = place.api.search.asked[-1]
        assert (len(asked["polygons"]), asked["threshold"]) == (1, 0.02)
        assert asked["cameras"] == [one["id"] for one in cameras]
        await expect(page.locator("[data-missing]")).to_contain_text("1 j rekaman dari 1 kamera")
        await shot(page, "motion")
        await page.get_by_role("button", name="Periksa rekaman ini").click()
        await expect(page.get_by_text("25 %")).to_be_visible()
        assert place.api.search.asked[-1]["cameras"] == [cameras[1]["id"]]
        await page.reload()
        await expect(page.locator("[data-card]")).to_have_count(10)
        await page.locator("[data-card]").first.focus()
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("x")
        await page.keyboard.press("ArrowLeft")
        await page.keyboard.press("x")
        export = await page.get_by_role("link", name="Ekspor", exact=True).last.get_attribute("href")
        chosen = parse_qs(urlsplit(export or "").query)
        assert set(chosen["camera"][0].split(",")) == {one["id"] for one in cameras}
        await shot(page, "chosen")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/replay?cameras=**")
        assert not screen.errors


async def test_words_find_moments_in_either_language(browser: Browser, place: Place) -> None:
    """Events and bookmarks as pictures, narrowed by a word; nothing found says what to do."""
    fill(place)
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/search?go=1")
        await expect(page.locator("[data-card]")).to_have_count(2)
        await expect(page.locator("[data-found=bookmark]")).to_contain_text("Tas merah")
        await page.keyboard.press("/")
        await page.keyboard.type("merah")
        await page.keyboard.press("Enter")
        await expect(page.locator("[data-card]")).to_have_count(1)
        assert "q=merah" in page.url
        await page.evaluate("localStorage.setItem('vms.language', 'en')")
        await page.goto(f"{place.api.url}/search?go=1")
        await expect(page.locator("[data-found=event]")).to_contain_text("Camera is covered")
        await shot(page, "told-en")
        await page.locator("#search-words").fill("nowhere")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
        await shot(page, "nothing-en")
        assert not screen.errors
