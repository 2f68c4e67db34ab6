"""`vms demo` as a person meets it: one line on the terminal, then sign-in, wall, replay and an eleventh camera."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser import Screen, running_browser
from tests.e2e.system import ROOT

LINE = re.compile(
    r"ready at (?P<url>http://\S+) \| user: (?P<user>\S+) \| password: (?P<password>\S+) "
    r"\| cameras not yet registered: "
    r"(?P<spare>rtsp://\S+) \(user (?P<camera_user>\S+), password (?P<camera_password>[^)]+)\), (?P<second>rtsp://\S+) "
)
TEN_LIVE = "() => window.__vms?.tiles?.().filter((tile) => tile.state === 'live' && tile.frames > 0).length === 10"


@dataclass(frozen=True)
class Demo:
    """What the demo printed."""

    said: dict[str, str]
    lines: list[str]


@contextlib.asynccontextmanager
async def _demo(folder: Path) -> AsyncIterator[Demo]:
    with (folder / "demo.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "vms", "demo", "--data", str(folder / "data"), "--http", "127.0.0.1:0",
            cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 400)).decode()
        found = LINE.search(line)
        assert found, line or (folder / "demo.log").read_text()[-2000:]
        yield Demo(found.groupdict(), [line])
    finally:
        process.send_signal(signal.SIGINT)
        rest = (await asyncio.wait_for(process.communicate(), 30))[0]
    assert process.returncode == 0
    assert rest == b""


async def _sign_in(page: Page, said: dict[str, str]) -> None:
    await page.goto(said["url"])
    await page.fill("input[autocomplete=username]", said["user"])
    await page.fill("input[type=password]", said["password"])
    await page.keyboard.press("Enter")


async def _wall(page: Page) -> None:
    """Ten cameras live, each with site and name; one fills the wall by a click, and Escape brings the others back."""
    await page.wait_for_function(TEN_LIVE, timeout=60_000)
    for tile in range(10):
        strip = page.locator(f'[data-tile="{tile}"] .strip')
        assert await strip.locator(".name").inner_text()
        assert await strip.locator(".site").inner_text()
    await page.locator('[data-tile="3"]').click()
    await expect(page.locator('[data-tile="3"]')).to_have_class(re.compile(r"\bfull\b"))
    await page.keyboard.press("Escape")
    await expect(page.locator('[data-tile="3"]')).not_to_have_class(re.compile(r"\bfull\b"))


async def _steer(page: Page) -> None:
    """A camera that can be moved is, by a key that is held, and is free again after Escape."""
    tile = page.locator("[data-tile]", has=page.locator(".steered")).first
    await tile.focus()
    await page.keyboard.press("z")
    await expect(page.locator("[data-preset]").first).to_be_visible()
    await page.keyboard.down("ArrowRight")
    await expect(tile.locator("[data-ptz-chip=mine]")).to_be_visible()
    await page.keyboard.up("ArrowRight")
    await page.keyboard.press("Escape")
    await expect(tile.locator("[data-ptz-chip]")).to_have_count(0)


async def _replay(page: Page, since: float) -> None:
    """The recordings of the chosen camera show what happened before."""
    await page.keyboard.press("r")
    await page.wait_for_url("**/recordings*")
    await page.wait_for_function("() => window.__vms?.replay?.ready", timeout=20_000)
    asked_ms = (max(since + 3, time.time() - 60)) * 1000
    await page.evaluate("(ms) => window.__vms.replay.seek(ms)", asked_ms)
    shown = (
        "(ms) => { const at = window.__vms.replay.shownAt(); return at !== null && at >= ms - 100 && at < ms + 8000 }"
    )
    await page.wait_for_function(shown, arg=asked_ms, timeout=20_000)


async def _eleventh(page: Page, said: dict[str, str]) -> None:
    """A camera is registered from its URL after it was tried, and comes alive."""
    await page.goto(f"{said['url']}/cameras/new")
    await page.select_option("#site", index=2)
    await page.fill("#name", "Kamera kesebelas")
    await page.fill("#main", said["spare"])
    await page.fill("#camera-user", said["camera_user"])
    await page.fill("#camera-password", said["camera_password"])
    await expect(page.locator("[data-save]")).to_be_disabled()
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-save]")).to_be_enabled(timeout=30_000)
    await page.locator("[data-save]").click()
    row = page.locator("tr[data-camera]", has_text="Kamera kesebelas")
    await expect(row).to_have_attribute("data-condition", "live", timeout=30_000)
    await expect(page.locator("tr[data-camera]")).to_have_count(11)


async def _found(page: Page, said: dict[str, str]) -> None:
    """The twelfth is found on the network by its address, read with its login, registered, and on the wall (bar E7)."""
    cameras = await page.evaluate("fetch('/api/cameras?limit=50').then((answer) => answer.json())")
    port = next(found[1] for one in cameras["items"] if (found := re.search(r":(\d+)/", one["onvif"])))
    await page.goto(f"{said['url']}/cameras/discover")
    await page.get_by_role("checkbox").first.uncheck()
    await page.fill("#discover-ranges", "127.0.0.1-2")
    await page.fill("#discover-ports", port)
    await page.locator("[data-start]").click()
    await expect(page.locator('[data-search="done"]')).to_be_visible(timeout=30_000)
    await expect(page.locator("tr[data-found] input[type=checkbox]")).to_have_count(1)
    await page.locator("tr[data-found] input[type=checkbox]").check()
    await page.fill("#discover-user", said["camera_user"])
    await page.fill("#discover-password", "wrong")
    await page.locator("[data-read]").click()
    await expect(page.locator("tr[data-found] [data-mark=offline]")).to_be_visible(timeout=30_000)
    await page.fill("#discover-password", said["camera_password"])
    await page.locator("[data-read]").click()
    await expect(page.locator("tr[data-found][data-ok]")).to_be_visible(timeout=30_000)
    await page.locator("tr[data-found] .input").fill("Kamera kedua belas")
    await page.locator("[data-add]").click()
    await page.goto(f"{said['url']}/cameras")
    row = page.locator("tr[data-camera]", has_text="Kamera kedua belas")
    await expect(row).to_have_attribute("data-condition", "live", timeout=30_000)
    camera = await row.get_attribute("data-camera")
    await page.goto(f"{said['url']}/wall?grid=1&tiles={camera}")
    await page.wait_for_function(
        "() => window.__vms?.tiles?.().some((tile) => tile.state === 'live' && tile.frames > 0)", timeout=30_000
    )


async def _walk(screen: Screen, said: dict[str, str], since: float) -> None:
    await _sign_in(screen.page, said)
    await _wall(screen.page)
    await _steer(screen.page)
    await _replay(screen.page, since)
    await _eleventh(screen.page, said)
    await _found(screen.page, said)
    assert screen.errors == []


@pytest.mark.browser
@pytest.mark.timeout(600)
async def test_demo_as_a_person_meets_it(tmp_path: Path) -> None:
    """From the printed line to ten live cameras, a replay, and an eleventh camera; no console error, a clean end."""
    async with _demo(tmp_path) as demo:
        since = time.time()
        async with running_browser(width=1366, height=768) as screen:
            await _walk(screen, demo.said, since)
