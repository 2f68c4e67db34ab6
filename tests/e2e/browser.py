"""Chromium for tests, headless, with a page that remembers every console error."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright._impl._api_structures import SetCookieParam
from playwright.async_api import BrowserContext, ConsoleMessage, Page, async_playwright

CHROMIUM = os.environ.get("VMS_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


@dataclass
class Screen:
    """One browser window."""

    page: Page
    context: BrowserContext
    errors: list[str] = field(default_factory=list)


def _watch(screen: Screen) -> None:
    def console(message: ConsoleMessage) -> None:
        if message.type == "error":
            screen.errors.append(f"{message.text} ({message.location.get('url', '')})")

    screen.page.on("console", console)
    screen.page.on("pageerror", lambda error: screen.errors.append(f"uncaught: {error}"))


def _cookie(host: str, value: str) -> SetCookieParam:
    return {
        "name": "vms_session", "value": value, "domain": host, "path": "/", "httpOnly": True, "sameSite": "Strict",
    }  # fmt: skip


@contextlib.asynccontextmanager
async def running_browser(
    *,
    width: int = 1920,
    height: int = 1080,
    url: str = "",
    cookie: str = "",
    locale: str = "id-ID",
    program: str = CHROMIUM,
    flags: Sequence[str] = (),
) -> AsyncIterator[Screen]:
    """A fresh profile; with `cookie`, already signed in at `url`. `flags`: more of them."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=[*FLAGS, *flags])
        try:
            context = await browser.new_context(
                viewport={"width": width, "height": height}, locale=locale, ignore_https_errors=True
            )
            if cookie:
                host = urlsplit(url).hostname or "127.0.0.1"
                await context.add_cookies([_cookie(host, cookie)])
            screen = Screen(await context.new_page(), context)
            _watch(screen)
            yield screen
        finally:
            await browser.close()
