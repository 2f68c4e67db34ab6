"""What tests of displays share: a screen that is paired, what is pushed to it, and the socket it hears by."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from web.server import WebServer


async def pair(
    admin: httpx.AsyncClient, screen: httpx.AsyncClient, name: str = "Kiri", number: int = 1
) -> dict[str, Any]:
    """The client's screen becomes a display."""
    code = (await screen.post(f"/api/display/{number}/pairing")).json()["code"]
    made = await admin.post("/api/displays", json={"code": code, "name": name, "new_wall": "Ruang utama"})
    assert made.status_code == 201, made.text
    display: dict[str, Any] = made.json()
    return display


async def push(admin: httpx.AsyncClient, display: dict[str, Any], **body: Any) -> dict[str, Any]:
    """Show something; the display as it is then."""
    answer = await admin.put(f"/api/displays/{display['id']}/showing", json=body)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


@asynccontextmanager
async def socket_of(server: WebServer, screen: httpx.AsyncClient, path: str) -> AsyncIterator[ClientConnection]:
    """A socket under the screen's address, as its page opens it."""
    cookie = "; ".join(f"{cookie.name}={cookie.value}" for cookie in screen.cookies.jar)
    headers = {"Cookie": cookie, "Origin": server.url}
    url = f"ws://127.0.0.1:{server.port}/api/display/1{path}"
    async with connect(url, additional_headers=headers, compression=None) as socket:
        yield socket


async def heard(socket: ClientConnection, kind: str, **values: Any) -> dict[str, Any]:
    """The next message of a kind with these values."""
    async with asyncio.timeout(5):
        while True:
            message: dict[str, Any] = json.loads(await socket.recv())
            if message["type"] == kind and values.items() <= message.items():
                return message
