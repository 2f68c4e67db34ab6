"""What a person sees at the page of a regency's own node while its line is cut: moving pictures, and replay."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.cluster.line import Line
from tests.cluster.netns import unavailable
from tests.cluster.system import PASSWORD, Cluster, running_cluster
from tests.cluster.test_system import ONE, until_recorded
from tests.e2e import browser

pytestmark = [pytest.mark.fault, pytest.mark.servers, pytest.mark.timeout(400)]

TWO_LIVE = "() => window.__vms?.tiles?.().filter((tile) => tile.state === 'live' && tile.frames > 0).length === 2"
SHOWN = "(ms) => { const at = window.__vms.replay.shownAt(); return at !== null && at >= ms - 100 && at < ms + 8000 }"


# Needs root and network namespaces; where the whole suite runs a skip is a failure (VMS_NO_SKIP).
@pytest.mark.skipif(bool(unavailable()), reason=unavailable())
async def test_live_and_replay_at_a_cut_off_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed in after the cut, with the password of the center; frames go on coming; what was recorded since shows."""
    async with running_cluster(tmp_path / "c", ONE, line=Line(10_000_000, 50), recorder={"segment_s": 10}) as cluster:
        started_ns = time.time_ns()
        first, _ = await cluster.register("sampit", 2)
        await cluster.until_live(30)
        await until_recorded(cluster.center.http, first.id, started_ns)
        await cluster.regencies["sampit"].cut()
        monkeypatch.setattr(browser, "CHROMIUM", str(_within(cluster, tmp_path)))
        url = f"http://127.0.0.1:{cluster.state.port('sampit-1')}"
        async with browser.running_browser(width=1366, height=768) as screen:
            await _sign_in(screen.page, url)
            await screen.page.wait_for_function(TWO_LIVE, timeout=60_000)
            cut_ms = time.time() * 1000
            before = await frames_of_tiles(screen.page)
            await asyncio.sleep(12)
            after = await frames_of_tiles(screen.page)
            print(f"frames of each tile in 12 s: {[b - a for a, b in zip(before, after, strict=True)]}")
            assert min(b - a for a, b in zip(before, after, strict=True)) > 60
            await _shoot(screen.page, "live")
            await screen.page.locator('[data-tile="0"]').click()
            await screen.page.keyboard.press("r")
            await screen.page.wait_for_url("**/recordings*")
            await screen.page.wait_for_function("() => window.__vms?.replay?.ready", timeout=20_000)
            await screen.page.evaluate("(ms) => window.__vms.replay.seek(ms)", cut_ms)
            await screen.page.wait_for_function(SHOWN, arg=cut_ms, timeout=20_000)
            await _shoot(screen.page, "replay")
            assert screen.errors == []


def _within(cluster: Cluster, folder: Path) -> Path:
    """Chromium in the regency's network, which nothing but that regency reaches."""
    program = folder / "chromium-within"
    space = cluster.regencies["sampit"].ns.path
    program.write_text(f'#!/bin/sh\nexec nsenter --net={space} -- {browser.CHROMIUM} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return program


async def frames_of_tiles(page: Page) -> list[int]:
    """Frames shown by each tile so far."""
    found: list[int] = await page.evaluate(
        "() => window.__vms.tiles().filter((t) => t.frames > 0).map((t) => t.frames)"
    )
    return found


async def _sign_in(page: Page, url: str) -> None:
    await page.goto(url)
    await page.fill("input[autocomplete=username]", "admin")
    await page.fill("input[type=password]", PASSWORD)
    await page.keyboard.press("Enter")


async def _shoot(page: Page, name: str) -> None:
    """Where VMS_SHOTS names a folder."""
    if folder := os.environ.get("VMS_SHOTS"):
        await page.screenshot(path=f"{folder}/cut-off-{name}.png")
