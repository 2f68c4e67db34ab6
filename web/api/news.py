"""The WebSocket by which a page hears that something has changed: `{"topics": ["alarms"]}`, empty as a sign of life.

The page then asks the API for what it shows; it sends nothing here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import orjson
from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from vms.clock import Clock
from web.deps import parts_of, principal_of
from web.news import Listener
from web.relay import CLOSE_SIGNED_OUT

router = APIRouter(prefix="/api", tags=["news"])

BEAT_S = 10.0
_MESSAGES_MAX = 100


@router.websocket("/news")
async def tell_news(socket: WebSocket) -> None:
    """Topics that changed, from now on; closed with 4401 when the sign-in is over."""
    parts, who = parts_of(socket), principal_of(socket)
    over = asyncio.Event()
    with parts.news.listener() as listener, parts.bonds.tied(who.session.token_sha256, over.set):
        await socket.accept()
        works = (_tell(socket, listener), _beat(socket, parts.clock), _read(socket), over.wait())
        tasks: list[asyncio.Future[object]] = [asyncio.ensure_future(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    if over.is_set() and socket.client_state is WebSocketState.CONNECTED:
        await _quietly(lambda: socket.close(CLOSE_SIGNED_OUT, "signed out"))
    for task in done:
        error = task.exception()
        if error is not None and not isinstance(error, WebSocketDisconnect):
            raise error


async def _tell(socket: WebSocket, listener: Listener) -> None:
    while True:
        await _send(socket, await listener.get())


async def _beat(socket: WebSocket, clock: Clock) -> None:
    while True:
        await _send(socket, [])
        await clock.sleep(BEAT_S)


async def _send(socket: WebSocket, topics: list[str]) -> None:
    try:
        await socket.send_text(orjson.dumps({"topics": topics}).decode())
    except RuntimeError as error:  # starlette: send after the socket was closed
        raise WebSocketDisconnect(1006) from error


async def _read(socket: WebSocket) -> None:
    """Until the browser leaves; who sends much is no page of ours."""
    for _ in range(_MESSAGES_MAX):
        if (await socket.receive())["type"] == "websocket.disconnect":
            return


async def _quietly(work: Callable[[], Awaitable[None]]) -> None:
    try:
        async with asyncio.timeout(2.0):
            await work()
    except (RuntimeError, TimeoutError, WebSocketDisconnect):
        return
