"""Replay of several cameras: one clock, every speed, gaps that hold up nobody, all of it in the address."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.glass import BARCODE
from tests.ui.conftest import Place, looking
from tests.ui.fake_api import iso, now_ms
from tests.ui.footage import FPS, LOOP

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

FRAME_MS = 1000 // FPS
GOP_MS = 2000
READY = "() => window.__vms?.replay?.ready && window.__vms.replay.tiles().every((tile) => tile.shownAt !== null)"
SHOWN = """
() => {
  const replay = window.__vms.replay;
  return { at: replay.at(), tiles: replay.tiles().map((tile, index) => ({
    ...tile, k: window.readBarcode(document.querySelector(`[data-tile="${index}"] canvas`)) })) };
}
"""


def _frame(ms: float) -> int:
    return int((ms + 0.5) % (LOOP * FRAME_MS)) // FRAME_MS


async def _open(page: Page, place: Place, count: int, query: str) -> list[str]:
    ids = list(place.api.cameras)[:count]
    await page.goto(f"{place.api.url}/replay?cameras={','.join(ids)}&{query}")
    await page.wait_for_function(READY, timeout=15_000)
    await page.evaluate(BARCODE)
    return ids


async def _at_rest(page: Page, at: float) -> dict[str, Any]:
    """Once all tiles show the picture of that instant."""
    arg = [at, FRAME_MS]
    await page.wait_for_function(
        "([at, frame]) => window.__vms.replay.tiles().every((tile) => tile.shownAt !== null && tile.shownAt <= at + 1 "
        "&& at - tile.shownAt < frame)",
        arg=arg,
        timeout=10_000,
    )
    seen: dict[str, Any] = await page.evaluate(SHOWN)
    return seen


async def test_four_cameras_show_the_same_instant_and_step(browser: Browser, place: Place) -> None:
    """Each the picture of the clock's instant: at rest, after steps, seeks and speeds; a reload leads to the same."""
    at = (now_ms() - 600_000) // 1000 * 1000 + 510
    async with looking(browser, place) as screen:
        page, press = screen.page, screen.page.keyboard.press
        await _open(page, place, 4, f"at={iso(at)}&paused=1")
        seen = await _at_rest(page, at)
        assert {tile["k"] for tile in seen["tiles"]} == {_frame(at)}
        shown = seen["tiles"][0]["shownAt"]
        for key, step in ((".", FRAME_MS), (".", FRAME_MS), (",", -FRAME_MS), (",", -FRAME_MS), (",", -FRAME_MS)):
            await press(key)
            shown += step
            seen = await _at_rest(page, shown + 1)
            assert {tile["k"] for tile in seen["tiles"]} == {_frame(shown)}, key
        await press("Shift+ArrowLeft")
        seen = await _at_rest(page, seen["at"] - 60_000)
        await press("l")
        await press("l")
        await expect(page.locator("[data-rate]")).to_have_attribute("data-rate", "2")
        await page.wait_for_function(
            "(at) => window.__vms.replay.tiles().every((t) => t.shownAt > at)", arg=seen["at"] + 500
        )
        seen = await page.evaluate(SHOWN)
        times = [tile["shownAt"] for tile in seen["tiles"]]
        assert max(times) - min(times) < 1000  # how far apart is measured (D1), not tested: this machine may be busy
        assert all(tile["k"] == _frame(tile["shownAt"]) for tile in seen["tiles"])
        await press("k")
        rest = await page.evaluate("() => window.__vms.replay.at()")
        await page.wait_for_function(
            "(at) => location.search.includes('paused=1') && "
            "Math.abs(Date.parse(new URLSearchParams(location.search).get('at')) - at) < 2",
            arg=rest,
        )
        await page.reload()
        await page.wait_for_function(READY)
        assert abs(await page.evaluate("() => window.__vms.replay.at()") - rest) < 2
        await expect(page.locator("[data-rate]")).to_have_attribute("data-rate", "2")
        assert screen.errors == []


async def test_fast_and_backwards_on_key_frames(browser: Browser, place: Place) -> None:
    """Each tile the last key frame before the clock; paused, the exact picture again."""
    at = (now_ms() - 1800_000) // GOP_MS * GOP_MS
    async with looking(browser, place) as screen:
        page = screen.page
        await _open(page, place, 2, f"at={iso(at)}&rate=16")
        for key in ("", "j"):
            if key:
                await page.keyboard.press(key)
                await page.keyboard.press(key)
            before = await page.evaluate("() => window.__vms.replay.at()")
            await page.wait_for_function(
                "([before, key]) => window.__vms.replay.tiles().every((t) => t.shownAt !== null "
                "&& (key ? t.shownAt < before - 1500 : t.shownAt > before + 8000))",
                arg=[before, key],
            )
            seen = await page.evaluate(SHOWN)
            for tile in seen["tiles"]:
                assert round(tile["shownAt"]) % GOP_MS == 0
                assert abs(seen["at"] - tile["shownAt"]) < 16_000  # how late is measured (D1), not tested
                assert tile["k"] == _frame(tile["shownAt"])
        await page.keyboard.press("k")
        rest = await page.evaluate("() => window.__vms.replay.at()")
        seen = await _at_rest(page, rest)
        assert {tile["k"] for tile in seen["tiles"]} == {_frame(seen["tiles"][0]["shownAt"])}
        assert screen.errors == []


async def test_a_gap_says_its_cause_and_ends(browser: Browser, place: Place) -> None:
    """In the words of its cause, and footage after it without a hand; cameras come from the tree, or from the wall."""
    gap = (now_ms() - 900_000) // GOP_MS * GOP_MS
    place.api.gaps.append((gap, gap + 8000, "camera_unreachable"))
    try:
        async with looking(browser, place) as screen:
            page = screen.page
            await page.goto(
                f"{place.api.url}/replay?cameras={next(iter(place.api.cameras))}&at={iso(gap + 2000)}&paused=1"
            )
            await expect(page.locator("[data-gap='camera_unreachable']")).to_be_visible()
            await page.keyboard.press(" ")
            await page.wait_for_function(
                "(at) => window.__vms.replay.tiles()[0].shownAt > at", arg=gap + 8000, timeout=10_000
            )
            await page.keyboard.press("c")
            await page.locator("[data-take]").nth(1).click()
            await expect(page.locator("[data-replay-of='2'] [data-tile]")).to_have_count(2)
            await page.goto(f"{place.api.url}/wall?grid=4")
            await page.wait_for_function("() => window.__vms?.tiles?.().length === 4")
            await page.keyboard.press("Shift+R")
            await expect(page).to_have_url(re.compile(r"/replay\?cameras=[^,&]+(,[^,&]+){3}&grid=4&at="))
            await expect(page.locator("[data-replay-of='4'] [data-tile]")).to_have_count(4)
            assert screen.errors == []
    finally:
        place.api.gaps.pop()
