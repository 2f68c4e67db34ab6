"""The right drawer of the wall: what is wrong now, what was, in both languages, by key and by pointer."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.ui.conftest import Place, looking
from tests.ui.fake_api import iso, now_ms
from vms.domain.ids import new_id

pytestmark = pytest.mark.asyncio(loop_scope="package")

MINUTE = 60_000


def event(kind: str, ago_min: float, lasted_min: float | None = None, **more: Any) -> dict[str, Any]:
    """As the API gives one."""
    start = now_ms() - int(ago_min * MINUTE)
    end = None if lasted_min is None else iso(start + int(lasted_min * MINUTE))
    return {
        "id": new_id(), "kind": kind, "severity": "warning", "start": iso(start), "end": end, "site": None,
        "camera": None, "stream": None, "node": None, "params": {}, **more,
    }  # fmt: skip


def fill(place: Place) -> None:
    """One of each kind, half of them over."""
    cameras, sites = list(place.api.cameras.values()), place.api.sites
    about = [{"site": camera["site"], "camera": {"id": camera["id"], "name": camera["name"]}} for camera in cameras]
    node = {"id": new_id(), "name": "sampit-1"}
    at = {key: sites[1][key] for key in ("id", "slug", "name")}
    place.api.events += [
        event("camera_down", 3, severity="alarm", params={"cause": "camera_unreachable", "times": 3}, **about[2]),
        event("camera_down", 44, severity="notice", stream="sub", params={"cause": "stream_stalled"}, **about[4]),
        event("site_cut_off", 12, severity="alarm", site={key: sites[3][key] for key in ("id", "slug", "name")}),
        event("spool_filling", 200, params={"percent": 85}, node=node, site=at),
        event("store_refusing", 1, severity="alarm", params={"store": "home", "cause": "away"}, node=node, site=at),
        event("clock_off", 600, params={"cause": "offset", "offset_ms": -2500}, node=node, site=at),
        event("disk_slow", 130, 4, params={"write_ms": 100}, node=node, site=at),
        event("disk_error", 150, 0.4, severity="alarm", params={"cause": "read_only"}, node=node, site=at),
        event("spool_full", 170, 6, severity="alarm", node=node, site=at),
        event("node_lost", 2000, 33, severity="alarm", node=node, site=at),
        event("bus_away", 2200, 1, node=node, site=at),
        event("catalogue_away", 2300, 1, severity="alarm", node=node),
        event("store_refusing", 2400, 1, params={"store": "home", "cause": "refuses"}, node=node, site=at),
        event("picture_covered", 2450, 1, severity="alarm", **about[1]),
        *(
            event("motion", i, 1, severity="notice", params={"area": "a" * 16, "name": "Pintu"}, **about[1])
            for i in range(9)
        ),
        event("of_a_newer_version", 2500, 1, node={"id": new_id(), "name": None}),
        *(event("camera_down", 3000 + i, 1, params={"cause": "auth_failed"}, **about[6]) for i in range(60)),
    ]


async def test_the_drawer_says_what_is_wrong(browser: Browser, place: Place) -> None:
    """Counted on the bell, opened by key, in words; a camera's event puts it on the chosen tile; older ones follow."""
    fill(place)
    camera = list(place.api.cameras.values())[2]
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/wall")
        await expect(page.locator(".bell .count")).to_have_text("5")
        await page.keyboard.press("e")
        drawer = page.locator("[data-drawer=events]")
        rows = drawer.locator("[data-event]")
        await expect(rows).to_have_count(6 + 50)
        await expect(rows.first).to_contain_text("Penyimpanan home tidak menjawab")
        await expect(rows.nth(1)).to_contain_text("Kamera putus")
        await expect(rows.nth(1)).to_contain_text(f"{camera['name']} · {camera['site']['name']}")
        await expect(rows.nth(1)).to_contain_text("3 kali")
        await expect(rows.nth(1).locator("time")).to_have_attribute("title", re.compile("UTC$"))
        await expect(drawer).to_contain_text("Jam server meleset 2,5 detik")
        for _ in range(2):
            await page.keyboard.press("ArrowDown")
        await expect(rows.nth(1)).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(re.compile(camera["id"]))
        await drawer.locator("[data-more]").click()
        await expect(rows).to_have_count(6 + 69)
        await drawer.locator("[data-events-shown]").select_option("motion")
        await expect(rows).to_have_count(9)
        await expect(rows.first).to_contain_text("Gerakan di Pintu")
        await drawer.locator("[data-events-shown]").select_option("picture")
        await expect(rows).to_have_count(1)
        await expect(rows.first).to_contain_text("Kamera tertutup")
        await drawer.locator("[data-events-shown]").select_option("usual")
        await expect(rows).to_have_count(6 + 50)
        await page.keyboard.press("Escape")
        await expect(drawer).to_have_count(0)
        assert screen.errors == []


async def test_nothing_is_wrong(browser: Browser, place: Place) -> None:
    """Said in words; and when something is, the drawer has it within seconds."""
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/wall")
        await expect(page.locator(".bell")).to_be_visible()
        await page.keyboard.press("e")
        drawer = page.locator("[data-drawer=events]")
        await expect(drawer).to_contain_text("Tidak ada gangguan")
        await expect(page.locator(".bell .count")).to_have_count(0)
        place.api.events.append(event("spool_full", 0, severity="alarm"))
        await expect(drawer.locator("[data-event=spool_full][data-severity=alarm]")).to_be_visible(timeout=10_000)
        place.api.events[0]["end"] = iso(now_ms())
        await expect(drawer).to_contain_text("Tidak ada gangguan", timeout=10_000)
        assert screen.errors == []
