"""Displays: how a browser becomes one, what its key opens, and what it does not."""

from __future__ import annotations

import httpx
import pytest

from tests.web.conftest import World
from tests.web.fakes import OFFER
from tests.web.screens import pair
from tests.web.test_cameras import add
from vms.clock import NS_PER_S
from vms.domain.display import CODE_TTL_NS, Display, Pairing, Wall, clean_code, new_code
from vms.domain.ids import new_id
from web.api.display import WAITING_EACH
from web.audit import bounded


def test_codes_are_read_aloud() -> None:
    """In any case and spacing; what cannot be one is none."""
    code = new_code()
    assert clean_code(f" {code[:3].lower()}-{code[3:]} ") == code
    assert [clean_code(text) for text in ("", "ABC", code + "A", "O" * 6, "1" * 6, "'; --", "A" * 999)] == [None] * 7


async def test_a_browser_is_paired_by_its_code(world: World, admin: httpx.AsyncClient) -> None:
    """It asks, shows a code, somebody types it; each screen of a machine has a key of its own under its own address."""
    async with world.client() as screen:
        assert (await screen.get("/api/display/1")).status_code == 204
        asked = await screen.post("/api/display/1/pairing")
        cookie = asked.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Path=/api/display/1" in cookie
        waiting = (await screen.get("/api/display/1")).json()["pairing"]
        assert waiting == asked.json()
        assert (await screen.get("/api/display/2")).status_code == 204
        body = {"code": waiting["code"].lower(), "name": "Kiri", "new_wall": "Ruang utama"}
        display = (await admin.post("/api/displays", json=body)).json()
        assert (await screen.get("/api/display/1")).json() == {
            "id": display["id"], "name": "Kiri", "wall": "Ruang utama", "pairing": None,
        }  # fmt: skip
        assert (await screen.post("/api/display/1/pairing")).json()["reason"] == "display_already"
        again = await admin.post("/api/displays", json=body)
        assert (again.status_code, again.json()["reason"]) == (422, "code_wrong")
        second = (await screen.post("/api/display/2/pairing")).json()["code"]
        right = {"code": second, "name": "Kanan", "wall": display["wall"]}
        assert (await admin.post("/api/displays", json=right)).status_code == 201
        assert (await screen.get("/api/display/1")).json()["name"] == "Kiri"
        assert (await screen.get("/api/display/2")).json()["name"] == "Kanan"
    walls = (await admin.get("/api/walls")).json()["items"]
    assert [(wall["name"], wall["displays"]) for wall in walls] == [("Ruang utama", 2)]
    assert [item["name"] for item in (await admin.get("/api/displays")).json()["items"]] == ["Kanan", "Kiri"]


async def test_codes_end_and_are_few(world: World, admin: httpx.AsyncClient) -> None:
    """After ten minutes a code is worth nothing; one address has a bounded number of them; guessing is slowed down."""
    async with world.client() as screen:
        code = (await screen.post("/api/display/1/pairing")).json()["code"]
        await world.clock.advance(CODE_TTL_NS / NS_PER_S)
        assert (await screen.get("/api/display/1")).status_code == 204
        body = {"code": code, "name": "Kiri", "new_wall": "x"}
        assert (await admin.post("/api/displays", json=body)).status_code == 422
        assert (await admin.get("/api/walls")).json()["items"] == []
        for _ in range(5):
            last = await admin.post("/api/displays", json=body | {"code": "AAAAAA"})
        assert last.status_code == 429
        first = (await screen.post("/api/display/1/pairing")).json()
        assert (await screen.post("/api/display/1/pairing")).json() == first
        await world.clock.advance(CODE_TTL_NS / NS_PER_S - 30)
        assert (await screen.post("/api/display/1/pairing")).json()["code"] != first["code"]
        await world.clock.advance(CODE_TTL_NS / NS_PER_S)
    asked = []
    for _ in range(WAITING_EACH + 1):
        async with world.client() as screen:
            asked.append((await screen.post("/api/display/1/pairing")).status_code)
    assert asked[-2:] == [201, 429]
    async with world.client(("203.0.113.77", 5)) as elsewhere:
        assert (await elsewhere.post("/api/display/1/pairing")).status_code == 201
        cross = {"Origin": "https://elsewhere.test", "Sec-Fetch-Site": "cross-site"}
        assert (await elsewhere.post("/api/display/1/pairing", headers=cross)).status_code == 403


async def test_a_key_opens_nothing_else(world: World, admin: httpx.AsyncClient) -> None:
    """Neither the API of people, nor another screen, nor a camera that is not shown; and a sign-in is no display."""
    camera = await add(admin)
    async with world.client() as screen:
        await pair(admin, screen)
        token = next(cookie.value for cookie in screen.cookies.jar)
        paths = ("/api/cameras", "/api/views", "/api/displays", "/api/walls", "/api/events", "/api/openapi.json")
        for path in paths:
            for name in ("vms_display", "vms_session"):
                answer = await screen.get(path, headers={"Cookie": f"{name}={token}"})
                assert answer.status_code == 401, path
        other = await screen.post("/api/display/2/wall/sessions", json={"sdp": OFFER})
        assert other.status_code == 401
        assert (await screen.get(f"/api/display/1/cameras/{camera['id']}/snapshot")).status_code == 404
        assert (await screen.get("/api/display/1/anything")).status_code == 404
    assert (await admin.post("/api/display/1/wall/sessions", json={"sdp": OFFER})).status_code == 401
    assert (await admin.get("/api/display/99")).status_code == 422


async def test_waiting_screens_of_one_ipv6_network_are_one_place(world: World, admin: httpx.AsyncClient) -> None:
    """Whoever has a /64 has all its addresses: they block each other alone, and no screen elsewhere."""
    asked = []
    for n in range(WAITING_EACH + 1):
        async with world.client((f"2001:db8:0:1::{n + 1:x}", 5)) as screen:
            asked.append((await screen.post("/api/display/1/pairing")).status_code)
    assert asked == [201] * WAITING_EACH + [429]
    async with world.client(("2001:db8:0:2::1", 5)) as elsewhere:
        assert (await elsewhere.post("/api/display/1/pairing")).status_code == 201


async def test_a_code_that_is_spent_meanwhile_leaves_no_wall(
    world: World, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two operators type one code at once, each with a new wall: one display, one wall."""
    async with world.client() as screen:
        code = (await screen.post("/api/display/1/pairing")).json()["code"]
        waiting = await world.catalogue.pairings.by_code(clean_code(code) or "", world.clock.now_ns())

        async def still_there(_code: str, _now_ns: int) -> object:
            return waiting

        monkeypatch.setattr(world.catalogue.pairings, "by_code", still_there)
        body = {"code": code, "name": "Kiri", "new_wall": "Ruang utama"}
        answers = [await admin.post("/api/displays", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 404]
    assert len(await world.catalogue.walls.list()) == 1
    assert [entry.action for entry in (await world.catalogue.audit.list())[0]].count("wall.add") == 1


async def test_an_audit_line_has_a_bound(world: World, admin: httpx.AsyncClient) -> None:
    """Texts and lists that are too long are cut and say so; a push to many screens names some, and how many."""
    assert bounded("x" * 5_000) == "x" * 999 + "…"
    assert bounded(list(range(500))) == [*range(64), "… 436"]
    assert bounded({"a": 1}) == {"a": 1}
    wall = Wall(new_id(), "W")
    await world.catalogue.walls.add(wall)
    for n in range(30):
        sha256 = f"{n:064x}"
        await world.catalogue.pairings.add(Pairing(f"{n:08d}", sha256, "192.0.2.1", world.clock.now_ns()))
        await world.catalogue.displays.pair(Display(new_id(), f"L{n:02d}", wall.id, sha256, paired_ns=1))
    body = {"kind": "message", "text": "Uji", "for_s": 5}
    assert (await admin.put(f"/api/walls/{wall.id}/showing", json=body)).status_code == 200
    line = (await world.catalogue.audit.list())[0][0]
    assert (line.action, line.detail["count"], len(line.detail["displays"])) == ("display.show", 30, 20)
