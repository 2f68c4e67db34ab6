"""The list of cameras and its form: tried before saved, undone instead of asked, passwords never shown."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.ui.conftest import Place, looking

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

GOOD: dict[str, Any] = {
    "ok": True, "code": "", "message": "", "hint": "", "picture": None, "reason": "", "params": {},
    "warnings": [
        {"reason": "long_gop", "text": "Its key frames are 4 s apart.", "params": {"seconds": "4"}},
        {"reason": "of_the_future", "text": "Words of a newer server.", "params": {}},
    ],
    "facts": {"codec": "h264", "profile": "High", "width": 1920, "height": 1080, "fps": 25, "bitrate_bps": 3_000_000,
              "gop_s": 4, "audio": None, "b_frames": False, "level": "4.0", "tracks": []},
}  # fmt: skip
BAD: dict[str, Any] = {
    "ok": False, "code": "auth_failed", "message": "The camera refuses the password.", "hint": "Check it.",
    "reason": "auth_refused", "params": {},
    "facts": {}, "warnings": [], "picture": None,
}  # fmt: skip


async def _fill(page: Page) -> None:
    await page.get_by_label("Lokasi", exact=True).select_option(label="Sampit")
    await page.get_by_label("Nama", exact=True).fill("Simpang <b>Empat</b>")
    await page.get_by_label("Alamat aliran utama").fill("rtsp://ops:r%40hasia@10.9.8.7/live")


async def test_a_camera_is_tried_before_it_is_saved(browser: Browser, place: Place) -> None:
    """A bad try keeps Save closed, a good one opens it; the password leaves the address; names are shown as text."""
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/cameras/new")
        await _fill(page)
        save = page.locator("[data-save]")
        await expect(save).to_be_disabled()
        place.api.probe = BAD
        await page.get_by_role("button", name="Coba alamat").click()
        await expect(page.get_by_text("Kamera menolak nama pengguna atau kata sandi.")).to_be_visible()
        await expect(save).to_be_disabled()
        await expect(page.locator("[data-save-anyway]")).to_be_visible()
        place.api.probe = GOOD
        await page.get_by_role("button", name="Coba lagi").click()
        await expect(page.get_by_text("1920 × 1080")).to_be_visible()
        await expect(page.get_by_text("Gambar kunci berjarak 4 detik")).to_be_visible()
        await expect(page.get_by_text("Words of a newer server.")).to_be_visible()
        tried = place.api.bodies[-1]
        assert tried.pop("site")  # whose node tries it
        assert tried == {
            "url": "rtsp://10.9.8.7/live", "username": "ops", "password": "r@hasia", "transport": "tcp",
        }  # fmt: skip
        await save.click()
        await expect(page.get_by_role("heading", name="Simpang <b>Empat</b>")).to_be_visible()
        assert place.api.bodies[-1]["streams"] == [
            {"name": "main", "url": "rtsp://10.9.8.7/live", "record": "continuous"}
        ]
        assert screen.errors == []


async def test_an_edit_keeps_the_password_it_does_not_know(browser: Browser, place: Place) -> None:
    """Name changed alone: no new try, rev sent, no password; somebody else's change is said."""
    camera = next(iter(place.api.cameras.values()))
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/cameras/{camera['id']}?edit=1")
        await expect(page.get_by_label("Kata sandi kamera")).to_have_value("")
        await expect(page.get_by_label("Kata sandi kamera")).to_have_attribute("placeholder", "kata sandi tersimpan")
        await page.get_by_label("Nama", exact=True).fill("Bundaran Kecil")
        await page.locator("[data-save]").click()
        await expect(page.get_by_role("heading", name="Bundaran Kecil")).to_be_visible()
        assert place.api.bodies[-1]["rev"] == 1
        assert "password" not in place.api.bodies[-1]
        await page.get_by_role("link", name="Ubah").click()
        camera["rev"] += 1
        await page.get_by_label("Nama", exact=True).fill("Bundaran Lain")
        await page.locator("[data-save]").click()
        await expect(page.get_by_role("alert")).to_contain_text("diubah orang lain")


async def test_the_list_filters_and_shows_states_in_words(browser: Browser, place: Place) -> None:
    """Typing narrows by name and site and stays in the URL; counts and reasons are words; disable and enable."""
    camera = next(camera for camera in place.api.cameras.values() if camera["site"]["name"] == "Sampit")
    camera["state"] = {"condition": "unreachable", "since": "2026-11-24T01:02:03.000Z", "why": "No answer within 5 s."}
    camera["state"] |= {"reason": "no_answer", "params": {"place": "10.20.1.15:554"}}
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/cameras")
        await expect(page.locator("tr[data-camera]")).to_have_count(10)
        await expect(page.locator('[data-count="unreachable"]')).to_have_text(re.compile("1 Tidak terjangkau"))
        await page.get_by_role("searchbox").fill("sampit pasar")
        await expect(page.locator("tr[data-camera]")).to_have_count(1)
        await expect(page).to_have_url(re.compile(r"q=sampit%20pasar"))
        await page.get_by_role("link", name="Pasar Besar Sampit").click()
        await expect(page.get_by_text("10.20.1.15:554 tidak menjawab.")).to_be_visible()
        await expect(page.locator("aside .state time")).to_have_attribute("title", "2026-11-24 01:02:03 UTC")
        await page.get_by_role("button", name="Nonaktifkan").click()
        await expect(page.get_by_role("button", name="Aktifkan")).to_be_visible()
        await expect(page.locator('tr[data-condition="disabled"]')).to_have_count(1)
        assert screen.errors == []


async def test_removing_can_be_undone(browser: Browser, place: Place) -> None:
    """The camera goes from the list at once; undone, nothing was asked of the server; else it is deleted after 6 s."""
    first, second = list(place.api.cameras.values())[:2]
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/cameras/{first['id']}")
        await page.get_by_role("button", name="Hapus").click()
        await expect(page.locator(f'tr[data-camera="{first["id"]}"]')).to_have_count(0)
        await page.get_by_role("button", name="Urungkan").click()
        await expect(page.locator(f'tr[data-camera="{first["id"]}"]')).to_be_visible()
        await page.get_by_role("link", name=second["name"]).click()
        await page.get_by_role("button", name="Hapus").click()
        await asyncio.sleep(6.3)
        assert [request for request in place.api.requests if request.startswith("DELETE")] == [
            f"DELETE /api/cameras/{second['id']}"
        ]
        assert screen.errors == []


def _refusing(body: dict[str, Any]) -> Callable[[Route], Awaitable[None]]:
    async def handle(route: Route) -> None:
        await (route.fulfill(status=422, json=body) if route.request.method == "PATCH" else route.fallback())

    return handle


async def test_what_the_server_refuses_is_said_at_its_field(browser: Browser, place: Place) -> None:
    """In the reader's language, whatever the server's words are; the second stream is the form's second address."""
    camera = next(iter(place.api.cameras.values()))
    said = [
        ("password", "password_again", {}, "isi lagi kata sandi kamera"),
        ("streams.1.url", "url_port", {}, "Porta di alamat bukan angka"),
        ("retention_days", "value_greatest", {"limit": "3650"}, "Paling besar 3650."),
    ]
    async with looking(browser, place) as screen:
        page = screen.page
        for field, reason, params, words in said:
            body = {"status": 422, "code": "input", "detail": "English.", "field": field, "reason": reason}
            await page.route(f"**/api/cameras/{camera['id']}", _refusing(body | {"params": params}))
            await page.goto(f"{place.api.url}/cameras/{camera['id']}?edit=1")
            await page.get_by_label("Nama", exact=True).fill("Bundaran Kecil")
            await page.locator("[data-save]").click()
            await expect(page.locator(".field .error, .field [role=alert]").filter(has_text=words)).to_be_visible()
            await expect(page.get_by_text("English.")).to_have_count(0)


async def test_a_site_says_where_its_footage_is_and_what_is_copied(browser: Browser, place: Place) -> None:
    """A policy is chosen by what it costs, undone at once; more than the line bears is said, in the form too."""
    site = place.api.sites[0]
    site.update(home_store="sampit", line_mbps=2.0)
    async with looking(browser, place) as screen:
        page = screen.page
        await page.goto(f"{place.api.url}/cameras")
        await page.get_by_role("link", name=site["name"], exact=True).click()
        panel = page.locator("[data-site]")
        await expect(panel.locator("#site-store option:checked")).to_have_text("di lokasi (Store sampit)")
        await expect(panel.get_by_text("Tidak memakai jalur, kecuali saat ada yang melihat.").first).to_be_visible()
        await expect(panel.locator("[data-over]")).to_have_count(0)
        await panel.get_by_role("radio", name="Semuanya").check()
        await expect(panel.locator("[data-over]")).to_be_visible()
        assert place.api.bodies[-1] == {"copies": "all", "rev": 1}
        await page.get_by_role("button", name="Urungkan").click()
        await expect(panel.get_by_role("radio", name="Hanya bila diminta")).to_be_checked()
        await expect(panel.locator("[data-over]")).to_have_count(0)
        site.update(home_store="home")
        await page.goto(f"{place.api.url}/cameras/new")
        await page.get_by_label("Lokasi", exact=True).select_option(label=site["name"])
        await expect(page.locator("[data-over]")).to_be_visible()
        assert screen.errors == []
