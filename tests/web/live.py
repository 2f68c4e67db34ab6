"""What tests of the wall and of WHEP share: the service on a real socket, people signed in, walls and their sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.web.conftest import World, sign_in
from tests.web.fakes import ANSWER, OFFER
from tests.web.test_server import serving
from vms.domain.ids import new_id
from vms.domain.person import Person
from vms.sync.presence import Presence
from web.app import WebContext, WebOptions, create_app, parts_of_app
from web.server import WebServer

SDP = {"Content-Type": "application/sdp"}


@pytest.fixture
async def server(world: World) -> AsyncIterator[WebServer]:
    """The service on a real socket."""
    async with serving(world) as server:
        yield server


@pytest.fixture
async def operator(server: WebServer) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody signed in over the real socket."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        await sign_in(client)
        yield client


async def open_wall(client: httpx.AsyncClient, **changes: Any) -> str:
    """A wall session's id."""
    answer = await client.post("/api/wall/sessions", json={"sdp": OFFER, "tiles": []} | changes)
    assert answer.status_code == 201, answer.text
    assert answer.json()["sdp"] == ANSWER
    return str(answer.json()["id"])


@asynccontextmanager
async def control(server: WebServer, client: httpx.AsyncClient, wall: str, **headers: str) -> AsyncIterator[Any]:
    """The wall's socket, as the page opens it."""
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    url = f"ws://127.0.0.1:{server.port}/api/wall/sessions/{wall}/control"
    extra = {"Cookie": cookie, "Origin": server.url} | headers
    async with connect(url, additional_headers=extra, compression=None) as socket:
        yield socket


async def heard(socket: ClientConnection) -> dict[str, Any]:
    """The next message."""
    message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 5))
    return message


async def closed(socket: ClientConnection) -> int:
    """The code with which the server closes."""
    with contextlib.suppress(ConnectionClosed):
        async for _message in socket:
            pass
    await asyncio.wait_for(socket.wait_closed(), 10)
    return socket.close_code or 0


@asynccontextmanager
async def another_node(world: World, options: WebOptions) -> AsyncIterator[tuple[World, WebServer]]:
    """A second web node of the same installation."""
    presence = Presence(world.bus, world.clock)
    app = create_app(WebContext(world.catalogue, world.bus, world.playback, world.clock, presence, options))
    there = replace(world, app=app)
    async with parts_of_app(app).running(), serving(there) as server:
        yield there, server


@asynccontextmanager
async def somebody_else(world: World, server: WebServer) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in, without any Grant."""
    await world.catalogue.people.put(Person(new_id(), "siti", "Siti", world.admin.password_hash))
    async with httpx.AsyncClient(base_url=server.url) as client:
        await sign_in(client, "siti")
        yield client


async def until(condition: Any) -> None:
    """Wait for something that comes within moments."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")
