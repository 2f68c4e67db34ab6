"""Signing in: clear words for what goes wrong, and back to where one wanted to go."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from tests.ui.conftest import Place, looking

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


async def test_a_wrong_password_is_said_and_the_right_one_leads_on(browser: Browser, place: Place) -> None:
    """The page asked for comes after sign-in; the language can be changed before it; Enter is enough."""
    async with looking(browser, place, signed_in=False) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/cameras?q=pasar")
        await expect(page).to_have_url(re.compile(r"/signin\?next=%2Fcameras"))
        await expect(page.get_by_label("Nama pengguna")).to_be_focused()
        assert screen.errors == []
        await page.keyboard.type("admin")
        await page.get_by_label("Kata sandi", exact=True).fill("salah")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text("Nama pengguna atau kata sandi salah.")
        await page.get_by_role("button", name="English").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        await page.get_by_label("Password", exact=True).fill(place.api.password)
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(f"{place.api.url}/cameras?q=pasar")
        await expect(page.get_by_role("heading", name="Cameras")).to_be_visible()
        await page.get_by_role("button", name="Operator Satu").click()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page).to_have_url(f"{place.api.url}/signin")


async def test_too_many_tries_count_down(browser: Browser, place: Place) -> None:
    """The wait is said and the button rests meanwhile; the time comes from the server."""
    place.api.throttled_s = 2
    async with looking(browser, place, signed_in=False) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/signin")
        await page.get_by_label("Nama pengguna").fill("admin")
        await page.get_by_label("Kata sandi", exact=True).fill(place.api.password)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("Terlalu banyak percobaan. Coba lagi dalam")
        button = page.get_by_role("button", name="Masuk")
        await expect(button).to_be_disabled()
        place.api.throttled_s = 0
        await expect(button).to_be_enabled()
        await button.click()
        await expect(page).to_have_url(f"{place.api.url}/wall")


async def test_a_password_that_must_change_comes_first(browser: Browser, place: Place) -> None:
    """Whatever the URL, nothing else is shown until it is changed."""
    place.api.must_change = True
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/cameras")
        await expect(page.get_by_role("heading", name="Ganti kata sandi")).to_be_visible()
        await page.get_by_label("Kata sandi sekarang").fill(place.api.password)
        await page.get_by_label("Kata sandi baru", exact=True).fill("kata-sandi-lain")
        await page.get_by_label("Kata sandi baru, sekali lagi").fill("kata-sandi-lai")
        await expect(page.get_by_text("Keduanya tidak sama.")).to_be_visible()
        await page.get_by_label("Kata sandi baru, sekali lagi").fill("kata-sandi-lain")
        await page.get_by_role("button", name="Ganti kata sandi").click()
        await expect(page.get_by_role("heading", name="Kamera")).to_be_visible()
        assert place.api.password == "kata-sandi-lain"
        assert screen.errors == []


async def test_next_never_leads_to_another_host(browser: Browser, place: Place) -> None:
    """`next` is a path of the page, whatever stands in it."""
    async with looking(browser, place) as screen:
        for bad in ("//evil.example/x", "/%5Cevil.example", "https://evil.example"):
            await screen.page.goto(f"{place.api.url}/signin?next={bad}")
            await expect(screen.page).to_have_url(f"{place.api.url}/wall")
