"""Help, health, unknown addresses and the language: every page in both languages without an error."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.ui.conftest import Place, looking

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


async def test_every_page_in_both_languages(browser: Browser, place: Place) -> None:
    """Each has its heading in the language chosen, and the choice outlives a reload."""
    headings = {
        "help": ("Bantuan", "Help"), "health": ("Kesehatan sistem", "System health"),
        "account": ("Ganti kata sandi", "Change password"), "nowhere": ("Halaman tidak ada", "No such page"),
    }  # fmt: skip
    async with looking(browser, place) as screen:
        page = screen.page
        for language in (0, 1):
            for path, names in headings.items():
                await page.goto(f"{place.api.url}/{path}")
                await expect(page.get_by_role("heading", name=names[language], exact=True)).to_be_visible()
                await expect(page.locator("html")).to_have_attribute("lang", ("id", "en")[language])
            await page.get_by_role("button", name="Operator Satu").click()
            await page.get_by_role("button", name="English").click()
        assert screen.errors == []


async def test_health_names_the_service_that_is_not_well(browser: Browser, place: Place) -> None:
    """503 of /readyz is an answer: the service and why."""
    place.api.no_wall = True
    async with looking(browser, place) as screen:
        await screen.page.goto(f"{place.api.url}/health")
        await expect(screen.page.get_by_text("Ada layanan yang terganggu")).to_be_visible()
        await expect(screen.page.locator('[data-service="streamer"]')).to_contain_text("The service is not running.")
        await expect(screen.page.locator('[data-service="ingest"]')).to_contain_text("Baik")


async def test_links_go_without_a_reload_and_back_works(browser: Browser, place: Place) -> None:
    """From the wall to the list, a camera and its recordings, and back the same way."""
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/wall")
        await page.evaluate("() => { window.here = true }")
        await page.mouse.move(400, 300)
        await page.get_by_role("navigation").get_by_role("link", name="Kamera").click()
        await page.get_by_role("link", name="Pasar Kahayan").click()
        await page.locator("aside").get_by_role("link", name="Rekaman").click()
        await expect(page.get_by_role("slider")).to_be_visible()
        for heading in ("Pasar Kahayan", "Kamera"):
            await page.go_back()
            await expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        await page.go_back()
        await page.wait_for_function("() => window.__vms.tiles?.().filter(t => t.state === 'live').length === 10")
        assert await page.evaluate("() => window.here")
        assert screen.errors == []


async def test_only_what_works_is_offered(browser: Browser, place: Place) -> None:
    """An admin of one site is shown no people and changes no rules; who sees nothing live does not land on the wall."""
    api = place.api
    api.everywhere = []
    async with looking(browser, place) as screen:
        page, links = screen.page, screen.page.get_by_role("navigation", name="Halaman").get_by_role("link")
        await page.goto(f"{api.url}/alarms/rules")
        await expect(links.filter(has_text="Kamera")).to_be_visible()
        await expect(links.filter(has_text="Orang")).to_have_count(0)
        await expect(page.get_by_text("Tidak ada aturan")).to_be_visible()
        await expect(page.get_by_role("link", name="Aturan baru")).to_have_count(0)
        api.rights = ["replay"]
        await page.goto(f"{api.url}/")
        await page.wait_for_url("**/recordings*")
        api.rights = ["audit"]
        await page.goto(f"{api.url}/wall")
        await page.wait_for_url("**/help")
        await expect(links).to_have_count(0)
        assert screen.errors == []
