"""Alarms on the wall: seen and heard at once, taken on by one for all, raised by hand; the log and the rules."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.ui.conftest import Place, looking
from tests.ui.fake_api import iso, now_ms

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

# What drives the browser counts as a gesture: the page is told of none until a key.
COUNT_TONES = """(() => {
  Object.defineProperty(navigator, "userActivation", { value: { hasBeenActive: false } });
  window.tones = 0;
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (at) { window.tones++; return start.call(this, at); };
})()"""


async def tile(page: Page, number: int) -> str | None:
    """The camera that a tile shows."""
    return await page.locator(f"[data-tile='{number}']").get_attribute("data-camera")


async def test_an_alarm_comes_and_goes(browser: Browser, place: Place) -> None:
    """With its picture at the side, or on the alarm tile and back; with tones; gone when another took it on."""
    cameras = list(place.api.cameras.values())
    fifth = cameras[4]
    async with looking(browser, place) as screen:
        page = screen.page
        await page.add_init_script(COUNT_TONES)
        await page.goto(f"{place.api.url}/wall?grid=4&tiles={cameras[0]['id']},{cameras[1]['id']}")
        await expect(page.locator("[data-tile='0']")).to_be_visible()
        alarm = await place.api.alarms.raise_one(fifth, priority=1)
        band = page.locator("[data-band]")
        await expect(band).to_have_attribute("data-band", "side", timeout=1000)
        await expect(band).to_contain_text("Kamera putus")
        await expect(band).to_contain_text(fifth["name"])
        await expect(band).to_contain_text("klik di mana saja")
        await page.keyboard.press("ArrowRight")  # any key lets the browser sound
        await page.wait_for_function("() => window.tones >= 6")
        await page.keyboard.press("l")
        drawer = page.locator("[data-drawer=alarms]")
        await drawer.get_by_text("Petak 2 jadi petak alarm").click()
        await expect(page).to_have_url(re.compile("alarm=1"))
        assert await tile(page, 1) == fifth["id"]
        await page.keyboard.press("l")
        await expect(band).to_have_attribute("data-band", "line")
        place.api.alarms.take(alarm, "Rina")
        await place.api.tell("alarms")
        await expect(band).to_have_count(0, timeout=1000)
        await expect(page.locator("[data-tile='1']")).to_have_attribute("data-camera", cameras[1]["id"])
        assert screen.errors == []


async def test_it_is_taken_on_and_raised_by_key(browser: Browser, place: Place) -> None:
    """The most pressing first; one's own with what is seen; and the log has all of them, filtered as one types."""
    cameras = list(place.api.cameras.values())
    await place.api.alarms.raise_one(cameras[3], priority=2, raised=iso(now_ms() - 60_000))
    first = await place.api.alarms.raise_one(cameras[2], priority=1)
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/wall?grid=4&tiles={cameras[0]['id']}")
        band = page.locator("[data-band]")
        await expect(band).to_contain_text(cameras[2]["name"])
        await page.keyboard.press("a")
        await expect(band).to_contain_text(cameras[3]["name"])
        assert first["acknowledgement"]["by"]["name"] == "Operator Satu"
        await page.keyboard.press("Shift+A")
        await page.keyboard.type("Asap di dermaga")
        await page.keyboard.press("Enter")
        await expect(band).to_contain_text("Asap di dermaga")
        assert place.api.alarms.items[-1]["camera"]["id"] == cameras[0]["id"]
        await page.goto(f"{place.api.url}/alarms")
        rows = page.locator("tr[data-alarm]")
        await expect(rows).to_have_count(3)
        await page.locator("input[type=search]").fill("asap")
        await expect(rows).to_have_count(1)
        await rows.locator("a").click()
        panel = page.locator("aside")
        await expect(panel).to_contain_text("Dibunyikan oleh Operator Satu")
        await panel.locator("input").fill("pemadam datang")
        await panel.locator("[data-take]").click()
        await expect(panel).to_contain_text("pemadam datang")
        await expect(panel.get_by_role("link", name="Putar rekaman")).to_have_attribute("href", re.compile(r"\?t="))
        for camera in cameras[5:8]:
            await place.api.alarms.raise_one(camera)
        await page.goto(f"{place.api.url}/alarms?state=raised")
        await page.get_by_role("button", name="Tangani 4 ini").click()
        await expect(rows).to_have_count(0)
        assert {alarm["state"] for alarm in place.api.alarms.items} == {"acknowledged", "closed"}
        assert screen.errors == []


async def test_a_rule_is_made(browser: Browser, place: Place) -> None:
    """With what it would have raised said as it is filled in; switched off in the list; deleted, and back again."""
    place.api.alarms.preview = {"hours": 24, "raised": 3, "times": [iso(now_ms() - 60_000)], "more": False}
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/alarms/rules")
        await page.get_by_role("link", name="Aturan baru").click()
        await page.get_by_label("Nama aturan").fill("Gerak malam")
        await page.get_by_label("Gerakan", exact=True).check()
        await expect(page.locator("[data-preview='3']")).to_contain_text("3 alarm")
        await page.locator("#rule-where").fill("barito")
        await page.keyboard.press("Enter")
        await page.get_by_label("Sepanjang hari").uncheck()
        await page.get_by_role("button", name="Simpan").click()
        row = page.locator("[data-rule]")
        await expect(row).to_contain_text("Setiap hari · 22:00–05:00")
        (rule,) = place.api.alarms.rules
        assert (rule["kinds"], len(rule["cameras"]), rule["schedule"]["to_min"]) == (["motion"], 1, 300)
        await row.get_by_role("checkbox").uncheck()
        await expect(row).to_contain_text("Mati")
        await row.locator("a").click()
        await page.get_by_role("button", name="Hapus").click()
        await expect(row).to_have_count(0)
        await page.get_by_role("button", name="Urungkan").click()
        await expect(row).to_contain_text("Gerak malam")
        assert screen.errors == []
