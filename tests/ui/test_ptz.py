"""Moving a camera from its tile: what hands do is what its device does, and everybody sees whose hands they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.ui.conftest import Place, looking
from tests.ui.fake_api import SECOND
from tests.ui.test_wall import LIVE
from vms.simulator.onvif import Head

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

PAD = """
  const rest = () => ({ id: "Papan Uji", index: 0, connected: true, mapping: "standard", axes: [0, 0, 0, 0],
    buttons: Array.from({ length: 17 }, () => ({ pressed: false, value: 0 })) });
  const seen = (pad) => new Promise((done) => {  // A page looks once a picture.
    window.pad = pad;
    requestAnimationFrame(() => requestAnimationFrame(done));
  });
  window.pad = null;
  navigator.getGamepads = () => [window.pad];
  window.plug = () => {
    window.pad = rest();
    window.dispatchEvent(new Event("gamepadconnected"));
    return seen(window.pad);
  };
  window.press = (at, down) => {
    const pad = rest();
    pad.buttons[at] = { pressed: down, value: +down };
    return seen(pad);
  };
  window.lean = (x, y) => { const pad = rest(); pad.axes = [x, y, 0, 0]; return seen(pad); };
"""


async def until(true: Callable[[], bool], limit_s: float = 5.0) -> None:
    """Wait for what a device does."""
    async with asyncio.timeout(limit_s):
        while not true():
            await asyncio.sleep(0.01)


def stands(head: Head) -> bool:
    """It moves no more."""
    return head.speed == (0.0, 0.0, 0.0)


async def _open(page: Page, place: Place, *cameras: dict[str, Any]) -> None:
    tiles = ",".join(camera["id"] for camera in cameras)
    await page.goto(f"{place.api.url}/wall?grid={1 if len(cameras) == 1 else 4}&tiles={tiles}")
    await page.wait_for_function(LIVE, arg=len(cameras), timeout=15_000, polling=50)


async def test_hands_move_a_camera_and_others_see_whose(browser: Browser, place: Place) -> None:
    """A drag moves, its end stops; keys and wheel too; a second person sees who has it, and takes over before both."""
    camera = next(iter(place.api.cameras.values()))
    head = await place.api.ptz.steer(camera)
    async with looking(browser, place) as screen, looking(browser, place, session=SECOND) as other:
        page, press = screen.page, screen.page.keyboard
        await asyncio.gather(_open(page, place, camera), _open(other.page, place, camera))
        tile = page.locator(f'[data-camera="{camera["id"]}"]')
        await tile.focus()
        await press.press("z")
        await expect(tile.locator('[data-ptz="on"]')).to_be_visible()
        await expect(page.locator("[data-preset]")).to_have_count(3)
        box = await tile.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        await page.mouse.move(x, y)
        await page.mouse.down()
        await page.mouse.move(x + 250, y - 80, steps=5)
        await until(lambda: head.speed[0] > 0.3 and head.speed[1] > 0.05)
        await page.mouse.up()
        await until(lambda: stands(head))
        assert head.place[0] > 0
        assert "full" not in page.url
        theirs = other.page.locator(f'[data-camera="{camera["id"]}"] [data-ptz-chip]')
        await expect(theirs).to_contain_text("Dipegang Operator Satu")
        await expect(tile.locator('[data-ptz-chip="mine"]')).to_be_visible()

        await press.down("ArrowLeft")
        await until(lambda: head.speed[0] == -0.4)
        await press.up("ArrowLeft")
        await until(lambda: stands(head))
        await page.mouse.wheel(0, -100)
        await until(lambda: head.speed[2] > 0)
        await until(lambda: stands(head))
        await press.down("+")
        await until(lambda: head.speed[2] == 0.4)
        await page.evaluate("() => window.dispatchEvent(new Event('blur'))")
        await until(lambda: stands(head))
        await press.up("+")
        await press.press("2")
        await until(lambda: "GotoPreset" in head.log)

        await other.page.locator(f'[data-camera="{camera["id"]}"]').focus()
        await other.page.keyboard.press("z")
        await other.page.locator("[data-ptz-take]").click()
        await expect(other.page.locator('[data-ptz-chip="mine"]')).to_be_visible()
        await expect(page.get_by_text("Rina mengambil alih")).to_be_visible()
        told = head.log.count("ContinuousMove")
        await press.down("ArrowLeft")
        await expect(tile.locator('[data-ptz-chip="held"]')).to_contain_text("Rina")
        await press.up("ArrowLeft")
        assert head.log.count("ContinuousMove") == told
        await other.page.keyboard.press("Escape")
        await expect(page.locator("[data-ptz-chip='free']")).to_be_visible()
        assert (screen.errors, other.errors) == (
            ["Failed to load resource: the server responded with a status of 409 (Conflict)"],
            [],
        )


async def test_presets_patrol_and_a_joystick(browser: Browser, place: Place) -> None:
    """Kept, named, deleted with a way back; a patrol of them; a stick moves the chosen tile's camera, a button goes."""
    camera = next(iter(place.api.cameras.values()))
    head = await place.api.ptz.steer(camera)
    async with looking(browser, place) as screen:
        page = screen.page
        await page.add_init_script(PAD)
        await _open(page, place, *list(place.api.cameras.values())[:2])
        await page.locator(f'[data-camera="{camera["id"]}"]').focus()
        await page.evaluate("() => window.plug()")
        await page.evaluate("() => window.lean(1, 0)")
        await until(lambda: head.speed[0] == 1)
        await page.evaluate("() => window.lean(0.1, 0.05)")
        await until(lambda: stands(head))
        await page.evaluate("() => window.press(2, true)")
        await until(lambda: head.place == [0.5, -0.1, 0.5])
        panel = page.locator("[data-ptz-panel]")
        await panel.locator("[data-ptz-new]").fill("Halte")
        await page.keyboard.press("Enter")
        fourth = panel.locator("[data-preset]").nth(3)
        await expect(fourth).to_contain_text("Halte")
        await fourth.hover()
        await fourth.get_by_role("button", name="Ubah Halte").click()
        await fourth.locator("input").fill("Halte 2")
        await page.keyboard.press("Enter")
        await expect(fourth).to_contain_text("Halte 2")
        await panel.get_by_role("button", name="Ubah", exact=True).click()
        await panel.get_by_label("Tambah posisi…").select_option(label="Halte 2")
        await panel.get_by_role("button", name="Mulai").click()
        await expect(panel.locator('[data-patrol="on"]')).to_be_visible()
        assert place.api.ptz.patrol["steps"] == [{"preset": "preset4", "dwell_s": 15}]
        await page.locator(f'[data-camera="{camera["id"]}"]').focus()
        for state in ("off", "on"):
            await page.keyboard.press("p")
            await expect(panel.locator(f'[data-patrol="{state}"]')).to_be_visible()
        await page.keyboard.press("Tab")
        await expect(panel.locator("button").first).to_be_focused()
        await fourth.hover()
        await fourth.get_by_role("button", name="Ubah Halte 2").click()
        await fourth.get_by_role("button", name="Hapus Halte 2").click()
        await expect(panel.locator("[data-preset]")).to_have_count(3)
        await page.get_by_role("button", name="Urungkan").click()
        await expect(panel.locator("[data-preset]")).to_have_count(4)
        assert "preset4" in head.presets

        await page.keyboard.press("j")
        sheet = page.locator("[data-pad]")
        await expect(sheet).to_contain_text("Papan Uji")
        await page.evaluate("() => window.press(0, true)")
        await expect(sheet.locator('[data-button="0"].down')).to_be_visible()
        await sheet.locator('[data-button="0"] select').select_option("next")
        await page.evaluate("() => window.press(0, false)")
        await page.keyboard.press("Escape")
        await page.evaluate("() => window.press(0, true)")
        await expect(page.locator('[data-tile="1"].chosen')).to_be_visible()
        await expect(page.locator("[data-ptz='on']")).to_have_count(0)
        assert screen.errors == []
