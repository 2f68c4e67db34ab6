"""Bar E10: axe finds no serious or critical fault on any page, in either language."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from tests.ui.conftest import Place, looking
from tests.ui.furnished import Furnished, furnished

UI = Path(__file__).parents[2] / "web" / "ui"
SHOTS = os.environ.get("VMS_SHOTS", "")
PAGES = (
    "/cameras", "/cameras/new", "/cameras/import", "/cameras/discover", "/cameras/{camera}", "/cameras/{camera}?edit=1",
    "/cameras?site={site}", "/cameras/{camera}/areas", "/cameras/{camera}/recordings", "/recordings", "/replay",
    "/coverage", "/map", "/alarms", "/alarms/{alarm}", "/alarms/rules", "/alarms/rules/new", "/alarms/rules/{rule}",
    "/displays", "/tours", "/tours/new", "/tours/{tour}", "/search", "/exports", "/exports/new", "/cases", "/cases/new",
    "/cases/{case}", "/people", "/people/new", "/people/{person}", "/help", "/health", "/account", "/nowhere",
)  # fmt: skip
GO = """(url) => { history.pushState(null, "", url); dispatchEvent(new PopStateEvent("popstate")); }"""
SETTLED = """() => document.querySelector("h1, h2, [data-rest], form") && !document.querySelector(".skeleton")"""
LOOK = """
async () => {
  await Promise.all(document.getAnimations().map((one) => one.finished.catch(() => null)));
  const found = await axe.run(document, { resultTypes: ["violations"], elementRef: false });
  return found.violations.map(({ id, impact, nodes }) => ({
    id, impact, where: nodes.map((node) => `${node.target.join(" ")} ${node.any.map((one) => one.message).join("; ")}`),
  }));
}
"""


def axe() -> str:
    """The source of axe-core, from where npm put it."""
    return (UI / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


async def faults(page: Page, name: str) -> list[str]:
    """What axe finds serious or critical on what the page shows now."""
    found: list[dict[str, Any]] = await page.evaluate(LOOK)
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/{re.sub(r'[^a-z0-9]+', '-', name)}.png")
    bad = [one for one in found if one["impact"] in {"serious", "critical"}]
    return [f"{name}: {one['id']} ({one['impact']}): {where}" for one in bad for where in one["where"]]


async def ready(context: BrowserContext, url: str) -> Page:
    """A page with axe in it."""
    page = await context.new_page()
    await page.goto(url)
    await page.wait_for_function(SETTLED)
    await page.evaluate(axe())
    return page


async def over_all_pages(browser: Browser, there: Furnished, language: str) -> list[str]:
    """Faults of every page in a language, signed in; of signing in; and of the first password."""
    found: list[str] = []
    context = await browser.new_context(
        viewport={"width": 1366, "height": 768}, locale=language, reduced_motion="reduce"
    )
    try:
        page = await ready(context, f"{there.url}/signin")
        found += await faults(page, f"{language} /signin")
        page = await ready(context, f"{there.url}/display?screen=3")
        found += await faults(page, f"{language} /display")
        await context.add_cookies([{"name": "vms_session", "value": there.newcomer, "url": there.url}])
        found += await faults(await ready(context, f"{there.url}/help"), f"{language} first password")
        await context.add_cookies([{"name": "vms_session", "value": there.cookie, "url": there.url}])
        page = await ready(context, f"{there.url}/help")
        for path in PAGES:
            await page.evaluate(GO, path.format(**there.ids))
            await page.wait_for_function(SETTLED)
            found += await faults(page, f"{language} {path}")
    finally:
        await context.close()
    return found


def test_every_page_of_the_table_is_looked_at() -> None:
    """Whoever adds a page to App.svelte adds it to PAGES."""
    table = (UI / "src" / "App.svelte").read_text(encoding="utf-8")
    there = set(re.findall(r'parts\[0\] === "([a-z]+)"', table))
    assert there == {path.split("/")[1].partition("?")[0] for path in PAGES} - {"nowhere"}


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="package")
async def test_no_page_has_a_serious_fault(browser: Browser, tmp_path: Path) -> None:
    """Names, roles, contrast and order, by axe, on every page with something of everything on it."""
    async with furnished(tmp_path) as there:
        found = await asyncio.gather(*(over_all_pages(browser, there, language) for language in ("id-ID", "en-US")))
    assert not [fault for one in found for fault in one], "\n".join(fault for one in found for fault in one)


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="package")
async def test_the_wall_has_none_either(browser: Browser, place: Place) -> None:
    """With live tiles, its bar and drawers open, and the sheet of keys."""
    found: list[str] = []
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/wall")
        await page.wait_for_function("() => window.__vms.tiles?.().filter(t => t.state === 'live').length === 10")
        await page.evaluate(axe())
        await page.mouse.move(400, 300)
        found += await faults(page, "wall")
        for key in ("c", "e", "?"):
            await page.keyboard.press(key)
            found += await faults(page, f"wall {key}")
            await page.keyboard.press("Escape")
        assert screen.errors == []
    assert not found, "\n".join(found)
