"""Cases in a browser: none, the first, what it holds, who sees it, what is noted; closed and opened again."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.ui.conftest import Place, looking

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


async def test_a_case_from_its_opening_to_its_end(browser: Browser, place: Place) -> None:
    """By what a person sees and types: opened, held, lifted and put back, noted, shared, found, closed, undone."""
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/cases")
        await expect(page.get_by_role("heading", name="Belum ada kasus")).to_be_visible()
        await page.get_by_role("link", name="Kasus baru").first.click()
        await page.keyboard.type("Perampokan Pasar Besar")
        await page.keyboard.press("Enter")
        panel = page.locator("aside[data-case-panel='2026-0001']")
        await expect(panel.get_by_role("heading", name="Perampokan Pasar Besar")).to_be_visible()

        await panel.get_by_role("button", name="Amankan…").click()
        form = panel.locator("[data-hold-form]")
        await form.get_by_role("button", name="Amankan rekaman").click()
        await expect(form).to_contain_text("pilih 1 sampai 64")
        await form.get_by_label("Pasar Besar Sampit").check()
        await form.locator("[name=from]").fill("2026-11-23 14:00:00")
        await form.locator("[name=to]").fill("2026-11-23 16:00:00")
        await form.locator("[name=reason]").fill("Permintaan Polres")
        await form.locator("[name=reason]").press("Enter")
        hold = panel.locator("[data-hold='Pasar Besar Sampit']")
        await expect(hold).to_contain_text("23 Nov 2026 14:00:00 WIB, 2 j")
        await expect(panel.locator("[data-cost]")).to_contain_text("5,4 GB dalam 60 segmen")
        await hold.get_by_role("button", name="Lepaskan").click()
        await expect(hold).to_contain_text("Dilepas; masih aman sampai")
        await page.get_by_role("button", name="Urungkan").click()
        await expect(hold.get_by_role("button", name="Lepaskan")).to_be_visible()

        await panel.get_by_role("textbox", name="Catatan").fill("Saksi menelepon pukul 15.10")
        await panel.get_by_role("textbox", name="Catatan").press("Control+Enter")
        await expect(panel.locator("[data-note]")).to_contain_text("Saksi menelepon")
        await panel.get_by_label("Tambahkan seseorang").select_option("Rina")
        await expect(panel.locator("[data-person=Rina]")).to_be_visible()

        place.api.cases.add("Pelabuhan")
        await place.api.tell("cases")
        await expect(page.locator("tr[data-case='2026-0002']")).to_be_visible()
        await page.get_by_role("searchbox").first.fill("perampokan 0001")
        await expect(page.locator("tr[data-case='2026-0002']")).not_to_be_visible()
        await panel.get_by_role("button", name="Tutup kasus").click()
        await expect(panel.get_by_role("button", name="Buka lagi")).to_be_visible()
        await page.get_by_role("button", name="Urungkan").last.click()
        await expect(panel.get_by_role("button", name="Tutup kasus")).to_be_visible()
        assert screen.errors == []
