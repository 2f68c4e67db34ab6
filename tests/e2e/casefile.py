"""D10: an investigator's case by keyboard and mouse alone, from sign-in to a package that `vms verify` calls intact."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from playwright.async_api import Page, expect

from tests.e2e.browser import running_browser
from tests.e2e.system import PASSWORD, ROOT, System
from vms.datadir import installation_key

TITLE = "Pasar di Sampit, antara pukul dua dan empat"
WIB_S = 7 * 3600
MADE_S = 60_000


def _wib(seconds: float) -> str:
    """As the fields of an interval hold it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds + WIB_S))


async def investigate(system: System, folder: Path) -> str:
    """Works on a system that has recorded for half a minute; what `vms verify` says of the package that comes of it."""
    camera = system.cameras[0]["name"]
    start_s, end_s = time.time() - 20, time.time() - 8
    async with running_browser() as screen:
        page = screen.page
        await page.goto(system.url)
        await page.fill("input[autocomplete=username]", "admin")
        await page.fill("input[autocomplete=current-password]", PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/wall")
        await page.mouse.move(400, 300)
        await page.get_by_role("navigation").get_by_role("link", name="Kasus").click()
        await page.get_by_role("link", name="Kasus baru").first.click()
        await page.keyboard.type(TITLE)
        await page.keyboard.press("Enter")
        panel = page.locator("aside[data-case-panel]")
        await _hold(page, camera, start_s, end_s)
        await panel.get_by_role("link", name="Ekspor baru").click()
        await _export(page, camera, start_s, end_s)
        await page.get_by_role("link", name=TITLE).click()
        await expect(panel.locator("[data-export]")).to_have_attribute("data-state", "done", timeout=MADE_S)
        async with page.expect_download() as coming:
            await panel.get_by_role("link", name="Unduh").click()
        package = folder / "package.zip"
        await (await coming.value).save_as(package)
        assert screen.errors == []
    return await _verified(system, package)


async def _hold(page: Page, camera: str, start_s: float, end_s: float) -> None:
    panel = page.locator("aside[data-case-panel]")
    await panel.get_by_role("button", name="Amankan…").click()
    form = panel.locator("[data-hold-form]")
    await form.get_by_label(camera).check()
    await form.locator("[name=from]").fill(_wib(start_s))
    await form.locator("[name=to]").fill(_wib(end_s))
    await form.locator("[name=reason]").fill("Laporan polisi")
    await form.locator("[name=reason]").press("Enter")
    await expect(panel.locator(f"[data-hold='{camera}']")).to_be_visible()


async def _export(page: Page, camera: str, start_s: float, end_s: float) -> None:
    form = page.locator("aside form")
    await expect(form.locator("[data-case-select]")).to_contain_text(TITLE)
    await form.get_by_label(camera).check()
    await form.get_by_label("Dari", exact=True).fill(_wib(start_s))
    await form.get_by_label("Sampai", exact=True).fill(_wib(end_s))
    await form.locator("textarea").fill("Permintaan Polres Kotawaringin Timur")
    await form.get_by_role("button", name="Buat paket").click()
    await expect(page.locator("tr[data-export]")).to_be_visible()


async def _verified(system: System, package: Path) -> str:
    key = installation_key(system.data, make=False)
    assert key is not None
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vms", "verify", str(package), "--key", key.fingerprint,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()
