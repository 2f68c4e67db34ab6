"""What displays show: pushed, taken back, refused, heard at once, and only what may be watched."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.web.conftest import World
from tests.web.fakes import OFFER
from tests.web.live import closed, operator, server
from tests.web.screens import heard, pair, push, socket_of
from tests.web.test_cameras import add
from tests.web.test_views import other_person
from vms.domain.display import Display, Kind, Showing
from vms.errors import CatalogueError
from web.relay import CLOSE_SIGNED_OUT
from web.server import WebServer

__all__ = ["operator", "server"]


def test_what_is_taken_back() -> None:
    """Step by step to what was there before; a message whose time is over was never there."""
    with_rest = _display().pushed(Showing(Kind.CAMERA, "a" * 16, since_ns=1))
    told = with_rest.pushed(Showing(Kind.MESSAGE, text="Rapat", until_ns=9, since_ns=2))
    assert (told.now(8).kind, told.now(9).kind) == (Kind.MESSAGE, Kind.CAMERA)
    assert told.taken_back(5).now(5).kind is Kind.CAMERA
    assert told.taken_back(20).now(20).kind is Kind.NOTHING
    assert told.pushed(Showing(Kind.NOTHING, since_ns=30)).earlier[0].kind is Kind.CAMERA
    assert (told.rev, told.taken_back(5).rev) == (3, 4)


def _display() -> Display:
    return Display("d" * 16, "Kiri", "w" * 16, "00")


async def test_it_watches_only_what_it_is_told_to_show(world: World, admin: httpx.AsyncClient) -> None:
    """The offer's other tiles stay empty; pictures over HTTP follow the same rule."""
    one, two = await add(admin, name="A"), await add(admin, name="B")
    async with world.client() as screen:
        display = await pair(admin, screen)
        await push(admin, display, kind="camera", subject=one["id"])
        tiles = [{"tile": 0, "camera": one["id"]}, {"tile": 1, "camera": two["id"]}]
        opened = await screen.post("/api/display/1/wall/sessions", json={"sdp": OFFER, "tiles": tiles})
        assert opened.status_code == 201, opened.text
        assert world.streamer.opened[-1]["tiles"] == [{"tile": 0, "camera": one["id"], "stream": "sub"}]
        assert world.streamer.opened[-1]["person"] == display["id"]
        assert (await screen.get(f"/api/display/1/cameras/{one['id']}/snapshot")).status_code == 200
        assert (await screen.get(f"/api/display/1/cameras/{two['id']}/snapshot")).status_code == 404
        session = opened.json()["id"]
        assert (await admin.delete(f"/api/wall/sessions/{session}")).status_code == 404
        assert (await screen.delete(f"/api/display/1/wall/sessions/{session}")).status_code == 204


async def test_pushed_and_taken_back(world: World, admin: httpx.AsyncClient) -> None:
    """Views, tours, cameras, tiles and messages; two operators see each other's; nobody undoes another's by mistake."""
    camera = await add(admin)
    view = (
        await admin.post("/api/views", json={"name": "Satu", "layout": {"grid": "1"}, "cameras": [camera["id"]]})
    ).json()
    tour = (await admin.post("/api/tours", json={"name": "R", "steps": [{"view": view["id"], "dwell_s": 5}]})).json()
    async with world.client() as screen:
        display = await pair(admin, screen)
    path = f"/api/displays/{display['id']}"
    shown = await push(admin, display, kind="view", subject=view["id"])
    assert (shown["scene"]["name"], shown["scene"]["cameras"]) == ("Satu", [camera["id"]])
    assert (shown["scene"]["by_name"], shown["earlier"]) == ("Admin", True)
    shown = await push(admin, display, kind="tour", subject=tour["id"])
    assert shown["scene"]["pages"][0]["cameras"] == [camera["id"]]
    tiles = {"kind": "tiles", "layout": {"grid": "4"}, "cameras": [camera["id"], None, None, None]}
    assert (await push(admin, display, **tiles))["scene"]["layout"] == {"grid": "4"}
    await push(admin, display, kind="message", text=" Rapat \n pukul 9 ", colour="alarm", for_s=60)
    async with other_person(world) as budi:
        seen = (await budi.get(path)).json()
        assert (seen["scene"]["text"], seen["scene"]["colour"]) == ("Rapat\npukul 9", "alarm")
        assert (await budi.put(f"{path}/showing", json={"kind": "view", "subject": view["id"]})).status_code == 422
        late = await budi.put(f"{path}/showing", json={"kind": "nothing", "rev": seen["rev"] - 1})
        assert (late.status_code, late.json()["reason"]) == (409, "display_changed")
        all_of = f"/api/walls/{display['wall']}/showing"
        assert (await budi.put(all_of, json={"kind": "nothing", "rev": 1})).status_code == 422
        assert (await budi.delete(f"{path}/showing", params={"rev": 1})).json()["reason"] == "display_changed"
        assert (await budi.delete(f"{path}/showing", params={"rev": seen["rev"]})).json()["scene"]["kind"] == "tiles"
    await push(admin, display, kind="message", text="Sebentar", for_s=5)
    await world.clock.advance(6)
    assert (await admin.get(path)).json()["scene"]["kind"] == "tiles"
    await admin.delete(f"/api/views/{view['id']}")
    for expected in ("tour", "view", "nothing", "nothing"):
        answer = (await admin.delete(f"{path}/showing")).json()
        assert answer["scene"]["kind"] == expected
        assert answer["scene"]["gone"] is (expected == "view")
    actions = {entry.action for entry in (await world.catalogue.audit.list())[0]}
    assert {"display.pair", "display.show", "display.take_back"} <= actions


async def test_a_view_taken_back_from_who_pushed_it_is_shown_no_more(world: World, admin: httpx.AsyncClient) -> None:
    """Else everybody would see what its owner keeps private now."""
    camera = await add(admin)
    body = {"name": "Satu", "layout": {"grid": "1"}, "cameras": [camera["id"]], "shared": True}
    view = (await admin.post("/api/views", json=body)).json()
    async with world.client() as screen, other_person(world) as budi:
        display = await pair(admin, screen)
        assert (await push(budi, display, kind="view", subject=view["id"]))["scene"]["cameras"] == [camera["id"]]
        await admin.patch(f"/api/views/{view['id']}", json={"rev": 1, "shared": False, "name": "Rahasia"})
        scene = (await budi.get(f"/api/displays/{display['id']}")).json()["scene"]
        assert (scene["gone"], scene["name"], scene["cameras"]) == (True, "", [])
        assert (await screen.get(f"/api/display/1/cameras/{camera['id']}/snapshot")).status_code == 404


async def test_a_wall_at_once(world: World, admin: httpx.AsyncClient) -> None:
    """Pushed to all of it, taken back on all; a wall with screens stays; displays change their wall and name."""
    async with world.client() as screen:
        left = await pair(admin, screen)
        code = (await screen.post("/api/display/2/pairing")).json()["code"]
        body = {"code": code, "name": "Kanan", "wall": left["wall"]}
        right = (await admin.post("/api/displays", json=body)).json()
    wall = f"/api/walls/{left['wall']}"
    shown = (await admin.put(f"{wall}/showing", json={"kind": "message", "text": "Uji"})).json()["items"]
    assert [item["scene"]["text"] for item in shown] == ["Uji", "Uji"]
    back = (await admin.delete(f"{wall}/showing")).json()["items"]
    assert [item["scene"]["kind"] for item in back] == ["nothing", "nothing"]
    assert (await admin.delete(wall)).json()["reason"] == "wall_in_use"
    other = (await admin.post("/api/walls", json={"name": "Posko"})).json()
    moved = await admin.patch(f"/api/displays/{right['id']}", json={"rev": 3, "name": "Posko 1", "wall": other["id"]})
    assert (moved.json()["name"], moved.json()["wall"]) == ("Posko 1", other["id"])
    late = await admin.patch(f"/api/displays/{right['id']}", json={"rev": 3, "name": "x"})
    assert late.status_code == 409
    assert (await admin.patch(wall, json={"name": "Aula", "rev": 1})).json()["name"] == "Aula"
    assert (await admin.delete(f"/api/displays/{left['id']}")).status_code == 204
    assert (await admin.delete(wall)).status_code == 204


BAD = [
    {}, {"kind": "film"}, {"kind": "view"}, {"kind": "view", "subject": "x"}, {"kind": "view", "subject": "a" * 16},
    {"kind": "camera", "subject": "a" * 16}, {"kind": "nothing", "subject": "a" * 16}, {"kind": "message"},
    {"kind": "message", "text": ""}, {"kind": "message", "text": "x" * 401}, {"kind": "message", "text": "a\u202eb"},
    {"kind": "message", "text": "a", "for_s": 1}, {"kind": "message", "text": "a", "colour": "red"},
    {"kind": "message", "text": "\n".join("abcdefghi")}, {"kind": "tiles"}, {"kind": "tiles", "layout": {"grid": "4"}},
    {"kind": "tiles", "layout": {"grid": "1"}, "cameras": ["x"]}, {"kind": "nothing", "text": "a"},
    {"kind": "nothing", "for_s": 10}, {"kind": "nothing", "cameras": [None]},
]  # fmt: skip


async def test_what_cannot_be_shown_is_refused(world: World, admin: httpx.AsyncClient) -> None:
    """A clear problem, and the screen keeps what it shows."""
    async with world.client() as screen:
        display = await pair(admin, screen)
    for body in BAD:
        answer = await admin.put(f"/api/displays/{display['id']}/showing", json=body)
        assert answer.status_code == 422, body
        assert answer.json().get("field") or answer.json().get("errors"), body
    assert (await admin.get(f"/api/displays/{display['id']}")).json()["rev"] == 1


async def _away(*_given: object) -> None:
    raise CatalogueError("away")


async def test_a_screen_hears_at_once(
    world: World, server: WebServer, operator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it shows, that a view changed, to say its name; it says how it is in any case; removed, its key is none."""
    camera = await add(operator, name="Pasar")
    body = {"name": "Satu", "layout": {"grid": "1"}, "cameras": [None]}
    view = (await operator.post("/api/views", json=body)).json()
    async with httpx.AsyncClient(base_url=server.url) as screen:
        display = await pair(operator, screen)
        path = f"/api/displays/{display['id']}"
        async with socket_of(server, screen, "/control") as socket:
            first = await heard(socket, "show")
            assert (first["scene"]["kind"], first["display"]["name"]) == ("nothing", "Kiri")
            await push(operator, display, kind="view", subject=view["id"])
            assert (await heard(socket, "show"))["scene"]["name"] == "Satu"
            change = {"rev": 1, "layout": {"grid": "1"}, "cameras": [camera["id"]]}
            await operator.patch(f"/api/views/{view['id']}", json=change)
            shown = await heard(socket, "show")
            assert [(each["name"], each["streams"]) for each in shown["cameras"]] == [
                ("Pasar", [{"name": "main"}, {"name": "sub"}])
            ]
            assert not {"username", "transport", "url"} & set(shown["cameras"][0])
            await operator.post(f"{path}/identify")
            assert await heard(socket, "identify") == {"type": "identify"}
            state = {"type": "state", "t": 1, "tiles": 1, "live": 1, "build": "b", "width": 1920, "height": 1080}
            with monkeypatch.context() as away:
                away.setattr(world.catalogue.displays, "touch", _away)
                for _ in range(3):  # as they come when a line was slow
                    await socket.send(json.dumps(state))
                for _ in range(3):
                    assert (await heard(socket, "pong"))["t"] == 1
            seen = (await operator.get(path)).json()
            assert (seen["online"], seen["tiles"], seen["live"], seen["width"]) == (True, 1, 1, 1920)
            assert (await operator.delete(path)).status_code == 204
            assert await closed(socket) == CLOSE_SIGNED_OUT
        assert (await screen.get("/api/display/1")).status_code == 204
        with pytest.raises(InvalidStatus, match="401"):
            async with socket_of(server, screen, "/control"):
                pass


async def test_tiles_follow_what_may_be_shown(
    world: World, server: WebServer, operator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another camera is forbidden; what is shown no more goes off the tile; all stays while the catalogue is away."""
    one, two = await add(operator, name="A"), await add(operator, name="B")
    async with httpx.AsyncClient(base_url=server.url) as screen:
        display = await pair(operator, screen)
        await push(operator, display, kind="camera", subject=one["id"])
        wall = (await screen.post("/api/display/1/wall/sessions", json={"sdp": OFFER})).json()["id"]
        async with socket_of(server, screen, f"/wall/sessions/{wall}/control") as socket:
            show = {"type": "show", "tile": 0, "camera": two["id"], "stream": "sub", "n": 1}
            await socket.send(json.dumps(show))
            await heard(socket, "tile", state="forbidden")
            await socket.send(json.dumps(show | {"camera": one["id"], "n": 2}))
            await socket.send(json.dumps({"type": "warm", "cameras": [{"camera": two["id"], "stream": "sub"}]}))
            await socket.send(json.dumps({"type": "listen", "tile": 0}))
            await socket.send(json.dumps({"type": "listen", "tile": "0"}))
            await heard(socket, "error")
            await socket.send(json.dumps(show | {"tile": 64, "n": 3}))
            await heard(socket, "error")
            with monkeypatch.context() as away:
                away.setattr(world.catalogue.displays, "get", _away)
                await world.clock.advance(4)
                await socket.send(json.dumps({"type": "ping", "t": 5}))
                await heard(socket, "pong")
            await push(operator, display, kind="nothing")
            await world.clock.advance(4)
            assert (await heard(socket, "tile", state="forbidden"))["camera"] == one["id"]
    shows = [(each["type"], each.get("camera")) for each in world.streamer.messages if each["type"] != "ping"]
    assert shows == [("show", None), ("show", one["id"]), ("warm", None), ("listen", None), ("show", None)]


async def test_displays_share_one_reading(
    world: World, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three displays that ask for pictures at once read cameras and people once, and again after two seconds."""
    camera = await add(admin)
    reads: list[str] = []
    for noun in ("cameras", "people"):
        store = getattr(world.catalogue, noun)
        real = store.list

        async def counted(noun: str = noun, real: Any = real) -> Any:
            reads.append(noun)
            return await real()

        monkeypatch.setattr(store, "list", counted)
    async with world.client() as one, world.client() as two, world.client() as three:
        screens = [one, two, three]
        for n, screen in enumerate(screens):
            await push(admin, await pair(admin, screen, f"L{n}"), kind="camera", subject=camera["id"])
        await world.clock.advance(3)
        reads.clear()
        path = f"/api/display/1/cameras/{camera['id']}/snapshot"
        for _ in range(4):
            answers = await asyncio.gather(*(screen.get(path) for screen in screens))
            assert [answer.status_code for answer in answers] == [200] * 3
        assert sorted(reads) == ["cameras", "people"]
        await world.clock.advance(3)
        assert (await one.get(path)).status_code == 200
        assert sorted(reads) == ["cameras", "cameras", "people", "people"]
