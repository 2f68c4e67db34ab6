"""The wall's session and socket: ownership, relay, reconnect, limits, and the end with the sign-in."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from typing import Any, cast

import httpx
import pytest
from fastapi import WebSocket
from websockets.exceptions import InvalidStatus

from tests.web.conftest import World, sign_in
from tests.web.fakes import OFFER
from tests.web.live import SDP, another_node, closed, control, heard, open_wall, operator, server, somebody_else, until
from tests.web.test_cameras import add
from tests.web.test_server import serving
from vms.domain.ids import new_id
from vms.domain.person import Person
from vms.domain.rights import EVERYTHING
from web.app import WebOptions
from web.protocol import ConnectionLimits
from web.relay import Relay
from web.server import WebServer

__all__ = ["operator", "server"]


async def test_messages_go_both_ways(world: World, server: WebServer, operator: httpx.AsyncClient) -> None:
    """Not even the first event is missed; shows and pings reach the streamer, our own heartbeat stays unseen."""
    camera = await add(operator)
    tiles = [{"tile": 0, "camera": camera["id"], "stream": "main"}, {"tile": 1, "camera": None}]
    wall = await open_wall(operator, tiles=tiles)
    opened = world.streamer.opened[0]
    assert (opened["session"], opened["person"]) == (wall, world.admin.id)
    assert opened["tiles"] == [{"tile": 0, "camera": camera["id"], "stream": "main"}]
    async with control(server, operator, wall) as socket:
        assert (await heard(socket))["state"] == "connecting"
        await socket.send(json.dumps({"type": "ping", "t": 12.5}))
        assert (await heard(socket)) == {"type": "pong", "t": 12.5, "server_ns": "1"}
        show = {"type": "show", "tile": 3, "camera": camera["id"], "stream": "sub", "n": 17}
        await socket.send(json.dumps(show))
        world.streamer.tell(wall, {"type": "switched", "tile": 3, "n": 17, "rtp": 2**32 - 1})
        assert (await heard(socket))["rtp"] == 2**32 - 1
        await until(lambda: world.streamer.messages == [show])


async def test_a_socket_outlives_the_time_for_a_head(world: World) -> None:
    """The time in which a request must come does not end what was upgraded: no answer falls among its frames."""
    limits = ConnectionLimits(head_s=0.2)
    async with serving(world, limits=limits) as server, httpx.AsyncClient(base_url=server.url) as client:
        await sign_in(client)
        async with control(server, client, await open_wall(client)) as socket:
            for _ in range(8):
                await asyncio.sleep(limits.head_s / 4)
                await socket.send(json.dumps({"type": "ping", "t": 1}))
                while (await heard(socket))["type"] != "pong":
                    pass


async def test_an_unknown_camera_is_forbidden_and_the_tile_empty(
    world: World, server: WebServer, operator: httpx.AsyncClient
) -> None:
    """The streamer is told to show nothing; the page hears why."""
    wall = await open_wall(operator)
    async with control(server, operator, wall) as socket:
        await heard(socket)
        for camera in (new_id(), "../x", "*", ">"):
            await socket.send(json.dumps({"type": "show", "tile": 0, "camera": camera, "stream": "sub", "n": 1}))
            said = await heard(socket)
            assert (said["type"], said["state"], said["camera"]) == ("tile", "forbidden", camera)
    assert {m["camera"] for m in world.streamer.messages} == {None}


async def test_many_tiles_are_one_message(world: World, server: WebServer, operator: httpx.AsyncClient) -> None:
    """Known cameras go on to the streamer together; of the others the page hears, tile by tile."""
    camera = await add(operator)
    wall = await open_wall(operator)
    tiles = [
        {"tile": 0, "camera": camera["id"], "stream": "main", "n": 1},
        {"tile": 1, "camera": None, "stream": "sub", "n": 2},
        {"tile": 2, "camera": new_id(), "stream": "sub", "n": 3},
    ]
    async with control(server, operator, wall) as socket:
        await heard(socket)
        await socket.send(json.dumps({"type": "show", "tiles": tiles}))
        said = await heard(socket)
        assert (said["tile"], said["state"], said["n"]) == (2, "forbidden", 3)
    shown = [tiles[0], tiles[1], tiles[2] | {"camera": None}]
    assert world.streamer.messages == [{"type": "show", "tiles": shown}]


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "5", "null", '"x"', "{}", '{"type":"shout"}', '{"type":"ping"}', '{"type":"ping","t":"x"}',
        '{"type":"show"}', '{"type":"show","tile":"0","camera":null,"stream":"sub"}',
        '{"type":"show","tile":true,"camera":null,"stream":"sub"}', '{"type":"show","tile":0,"stream":["sub"]}',
        '{"type":"show","tile":0,"camera":null,"stream":"third"}', "[" * 60_000,
        '{"type":"show","tiles":[]}', '{"type":"show","tiles":{"tile":0}}',
        '{"type":"show","tiles":[{"tile":0,"camera":null,"n":1},{"tile":"1","camera":null,"n":2}]}',
        '{"type":"show","tile":0,"camera":null,"stream":"sub","n":"1"}', '{"__proto__":{"type":"ping","t":1}}',
    ],
)  # fmt: skip
async def test_a_message_that_is_none_is_said_so(server: WebServer, operator: httpx.AsyncClient, text: str) -> None:
    """An error message back; the socket lives on."""
    wall = await open_wall(operator)
    async with control(server, operator, wall) as socket:
        await heard(socket)
        await socket.send(text)
        assert (await heard(socket))["type"] == "error"
        await socket.send('{"type":"ping","t":1}')
        assert (await heard(socket))["type"] == "pong"


@pytest.mark.parametrize(("message", "code"), [("x" * 70_000, 1009), (b"{}", 1003), (None, 4429)])
async def test_too_large_too_many_or_binary_closes(
    server: WebServer, operator: httpx.AsyncClient, message: Any, code: int
) -> None:
    """The socket is closed with a code that says why; nobody else notices."""
    wall, other = await open_wall(operator), await open_wall(operator)
    async with control(server, operator, wall) as socket, control(server, operator, other) as calm:
        if message is None:
            for _ in range(600):
                await socket.send('{"type":"ping","t":1}')
        else:
            await socket.send(message)
        assert await closed(socket) == code
        await calm.send('{"type":"ping","t":2}')
        assert (await heard(calm))["type"] in {"tile", "pong"}


async def test_who_may_not_join_is_refused_at_the_door(
    world: World, server: WebServer, operator: httpx.AsyncClient
) -> None:
    """401 without a session, 403 from another page, 404 for a wall of somebody else or none."""
    wall = await open_wall(operator)
    await world.catalogue.people.put(
        Person(new_id(), "siti", "Siti", world.admin.password_hash, grants=EVERYTHING.grants)
    )
    async with httpx.AsyncClient(base_url=server.url) as siti, httpx.AsyncClient() as nobody:
        await sign_in(siti, "siti")
        for client, session, headers, status in (
            (nobody, wall, {}, 401),
            (operator, wall, {"Origin": "https://evil.example"}, 403),
            (operator, wall, {"Sec-Fetch-Site": "cross-site"}, 403),
            (siti, wall, {}, 404),
            (operator, new_id(), {}, 404),
        ):
            with pytest.raises(InvalidStatus) as caught:
                async with control(server, client, session, **headers):
                    pass
            assert caught.value.response.status_code == status
        assert (await siti.delete(f"/api/wall/sessions/{wall}")).status_code == 404
    assert (await operator.delete(f"/api/wall/sessions/{wall}")).status_code == 204
    assert world.streamer.closed == [wall]


async def test_a_wall_waits_fifteen_seconds_for_its_socket(
    world: World, server: WebServer, operator: httpx.AsyncClient
) -> None:
    """It survives a reconnect, keeps what was said meanwhile, and ends when nobody comes back."""
    wall = await open_wall(operator)
    async with control(server, operator, wall) as socket:
        await heard(socket)
    await until(lambda: world.parts.walls._walls[wall].leaving is not None)
    await world.clock.advance(14)
    world.streamer.tell(wall, {"type": "tile", "tile": 5})
    async with control(server, operator, wall) as socket:
        assert (await heard(socket))["tile"] == 5
        await world.clock.advance(20)
        assert world.streamer.closed == []
    await until(lambda: world.parts.walls._walls[wall].leaving is not None)
    await world.clock.advance(16)
    assert world.streamer.closed == [wall]


async def test_a_second_window_takes_over(server: WebServer, operator: httpx.AsyncClient) -> None:
    """The first socket is told so and closed; the second goes on."""
    wall = await open_wall(operator)
    async with control(server, operator, wall) as first:
        await heard(first)
        async with control(server, operator, wall) as second:
            assert await closed(first) == 4409
            await second.send('{"type":"ping","t":1}')
            assert (await heard(second))["type"] == "pong"


async def test_the_socket_may_come_to_another_web_node(
    world: World, server: WebServer, operator: httpx.AsyncClient, options: WebOptions
) -> None:
    """Behind a proxy: the other node takes the wall over and keeps it, the first lets go; back again; nobody else's."""
    wall = await open_wall(operator)
    async with another_node(world, options) as (there, other), somebody_else(world, server) as siti:
        with pytest.raises(InvalidStatus) as caught:
            async with control(other, siti, wall):
                pass
        assert caught.value.response.status_code == 404
        async with control(other, operator, wall) as socket:
            await socket.send('{"type":"ping","t":1}')
            assert (await heard(socket))["type"] == "pong"
            await until(lambda: wall not in world.parts.walls._walls)
            assert there.parts.walls._walls[wall].shown == {0: "c" * 16}
            await world.clock.advance(20)
            assert world.streamer.closed == []
            async with control(server, operator, wall) as back:
                assert await closed(socket) == 4409
                await back.send('{"type":"ping","t":1}')
                assert (await heard(back))["type"] == "pong"
        await until(lambda: world.parts.walls._walls[wall].leaving is not None)
        async with httpx.AsyncClient(base_url=other.url, cookies=operator.cookies, headers=operator.headers) as via:
            assert (await via.delete(f"/api/wall/sessions/{new_id()}")).status_code == 404
            assert (await via.delete("/api/wall/sessions/a.*")).status_code == 404
            assert (await via.delete(f"/api/wall/sessions/{wall}")).status_code == 204
        assert world.streamer.closed == [wall]


async def test_a_socket_that_is_gone_before_it_is_accepted_keeps_no_wall(
    world: World, operator: httpx.AsyncClient
) -> None:
    """The wall waits for another socket and ends; else a few such would fill up what one person may open."""
    wall_id = await open_wall(operator)
    walls = world.parts.walls

    class Gone:
        """A socket whose browser went away."""

        async def accept(self) -> None:
            """Too late."""
            raise RuntimeError("gone")

    async def may(cameras: Any) -> set[str]:
        return set(cameras)

    gone = cast("WebSocket", Gone())
    relay = Relay(gone, walls._walls[wall_id], walls, world.bus, may, world.clock)
    with pytest.raises(RuntimeError):
        await relay.run()
    await world.clock.advance(16)
    await until(lambda: not walls._walls)
    assert world.streamer.closed == [wall_id]


async def test_signed_out_while_a_wall_opens(
    world: World, server: WebServer, operator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session that comes of it is ended at once, not when its heartbeat is missed."""
    real = world.bus.request

    async def slow(subject: str, value: Any, **more: Any) -> Any:
        answer = await real(subject, value, **more)
        if subject == "streamer.wall.open":
            world.parts.bonds.cut(next(iter(world.parts.bonds._tied)))
            await asyncio.sleep(0)
        return answer

    monkeypatch.setattr(world.bus, "request", slow)
    answer = await operator.post("/api/wall/sessions", json={"sdp": OFFER, "tiles": []})
    assert answer.status_code == 404
    assert not world.streamer.sessions
    assert not world.parts.walls._walls


async def test_the_streamer_ends_a_wall(world: World, server: WebServer, operator: httpx.AsyncClient) -> None:
    """`closed` reaches the page, then the socket closes; the session is unknown from then on."""
    wall = await open_wall(operator)
    async with control(server, operator, wall) as socket:
        await heard(socket)
        world.streamer.sessions.discard(wall)
        world.streamer.tell(wall, {"type": "closed", "why": "no media came"})
        assert (await heard(socket))["type"] == "closed"
        assert await closed(socket) == 4410
    assert (await operator.delete(f"/api/wall/sessions/{wall}")).status_code == 404


@pytest.mark.parametrize("how", ["sign_out", "disabled"])
async def test_live_ends_with_the_right_to_it(
    world: World, server: WebServer, operator: httpx.AsyncClient, how: str
) -> None:
    """Signed out: at once. Account switched off elsewhere: within two seconds. WHEP too."""
    camera, wall = await add(operator), await open_wall(operator)
    whep = await operator.post(f"/api/cameras/{camera['id']}/whep", content=OFFER, headers=SDP)
    async with control(server, operator, wall) as socket:
        await heard(socket)
        if how == "sign_out":
            await operator.delete("/api/session")
        else:
            await world.catalogue.people.put(replace(world.admin, enabled=False, rev=2))
            await world.clock.advance(2)
        assert await closed(socket) == 4401
    await until(lambda: len(world.streamer.closed) == 2)
    assert set(world.streamer.closed) == {wall, whep.headers["location"].rpartition("/")[2]}


async def test_stopping_ends_walls_in_order(world: World) -> None:
    """The page is told by a code, the streamer frees the session, and it does not take the five seconds."""
    begun = time.monotonic()
    async with serving(world) as server, httpx.AsyncClient(base_url=server.url) as client:
        await sign_in(client)
        wall = await open_wall(client)
        async with control(server, client, wall) as socket:
            await heard(socket)
            server.stop()
            assert await closed(socket) in {4410, 1012}
    assert world.streamer.closed == [wall]
    assert time.monotonic() - begun < 8


async def test_walls_of_one_person_are_bounded(world: World, admin: httpx.AsyncClient) -> None:
    """429 beyond the limit; closing one makes room."""
    walls = [await open_wall(admin) for _ in range(world.parts.options.walls_max)]
    refused = await admin.post("/api/wall/sessions", json={"sdp": OFFER, "tiles": []})
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many")
    await admin.delete(f"/api/wall/sessions/{walls[0]}")
    await open_wall(admin)


@pytest.mark.parametrize(
    "changes",
    [
        {"sdp": ""}, {"sdp": "hello"}, {"sdp": OFFER + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 1000},
        {"sdp": OFFER.replace("a=fingerprint", "a=x")}, {"sdp": OFFER.replace("a=ice-ufrag", "a=x")},
        {"sdp": OFFER + "a" * 600_000}, {"sdp": 5}, {"tiles": [{"tile": 0}, {"tile": 0}]}, {"tiles": [{"tile": -1}]},
        {"tiles": [{"tile": 64}]}, {"tiles": [{"tile": 0, "camera": "../x"}]}, {"tiles": {"0": None}},
        {"tiles": [{"tile": 0, "camera": new_id()}]}, {"tiles": [{"tile": 0, "stream": "third"}]},
    ],
)  # fmt: skip
async def test_a_bad_offer_reaches_no_streamer(world: World, admin: httpx.AsyncClient, changes: dict[str, Any]) -> None:
    """4xx in problem form before a streamer hears of it."""
    answer = await admin.post("/api/wall/sessions", json={"sdp": OFFER, "tiles": []} | changes)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert world.streamer.opened == []
