"""Cameras by file on the page: what is refused first, nothing before the button, undone from the message."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Route, expect

from tests.ui.conftest import Place, looking

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

FAULT = {
    "column": "main", "line": 3, "place": 3, "message": "The URL must begin with rtsp:// or rtsps://.",
    "reason": "url_scheme", "params": {},
}  # fmt: skip


def _line(number: int, fate: str, name: str, **more: Any) -> dict[str, Any]:
    line = {"line": number, "fate": fate, "site": "Sampit", "name": name, "slug": "", "camera": None, "fields": []}
    return line | {"faults": []} | more


def _result(**more: Any) -> dict[str, Any]:
    lines = [
        _line(2, "new", "<b>Pasar</b>"), _line(3, "refused", "Dermaga", faults=[FAULT]),
        _line(4, "changed", "Simpang", fields=["name", "streams"]),
    ]  # fmt: skip
    counts = {"applied": False, "new": 1, "changed": 1, "unchanged": 0, "refused": 1, "sites": [], "undo": None}
    return counts | {"lines": lines} | more


async def test_a_file_is_checked_carried_out_and_taken_back(browser: Browser, place: Place) -> None:
    """What is refused stands first with its column; names are text; all or nothing holds the button."""
    asked: list[str] = []

    async def answer(route: Route) -> None:
        url = urlsplit(route.request.url)
        asked.append(f"{url.path.removeprefix('/api/cameras')}?{url.query}")
        if url.path.endswith("/undo"):
            await route.fulfill(json={"undone": 2, "kept": 0})
            return
        assert route.request.headers["content-type"] == "text/csv"
        done = "dry_run" not in url.query
        await route.fulfill(json=_result(applied=done, undo="abc" if done else None))

    async with looking(browser, place) as screen:
        page = screen.page
        await page.route("**/api/cameras/import**", answer)
        await page.goto(f"{place.api.url}/cameras")
        await page.locator("[data-import-open]").click()
        await page.locator("[data-file]").set_input_files(
            {"name": "kamera.xlsx", "mimeType": "application/zip", "buffer": b"PK"}
        )
        await expect(page.locator("[data-problem]")).to_contain_text(".csv")
        await page.locator("[data-file]").set_input_files(
            {"name": "kamera.csv", "mimeType": "text/csv", "buffer": b"site,name,main\n"}
        )
        await expect(page.locator("tr[data-line]")).to_have_count(1)
        await expect(page.locator('tr[data-line="3"]')).to_contain_text("main, nilai ke-3")
        await page.locator("button[data-fate=all]").click()
        await expect(page.get_by_text("<b>Pasar</b>")).to_be_visible()
        whole = page.get_by_label("Semua atau tidak sama sekali")
        await whole.check()
        await expect(page.locator("[data-apply]")).to_be_disabled()
        await whole.uncheck()
        await page.locator("[data-apply]").click()
        await expect(page.locator("[data-done]")).to_be_visible()
        await page.locator("[data-undo]").click()
        await expect(page.get_by_text("2 kamera dikembalikan.")).to_be_visible()
        assert asked[:3] == ["/import?dry_run=true", "/import?", "/import/abc/undo?"]
        assert screen.errors == []
