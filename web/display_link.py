"""A display's control socket: tells the page what to show whenever that changes, hears how the page is.

One task per direction. What is shown is kept in the catalogue; the bus only says that it is worth looking, and every
ten seconds it is looked at anyway.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import orjson
from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from vms import logs
from vms.clock import NS_PER_S
from vms.domain.camera import Camera
from vms.domain.display import Display
from vms.errors import VmsError
from web.display_board import DisplayState, until_any
from web.news import Listener
from web.parts import Parts
from web.relay import CLOSE_NOT_TEXT, CLOSE_SIGNED_OUT, CLOSE_TOO_BIG, CLOSE_TOO_MANY
from web.security.limits import JSON_MAX_DEPTH, json_depth_exceeds
from web.uncut import uncut
from web.views import camera_out

log = logs.get(__name__)

TOPICS = {"displays", "views", "tours", "cameras", "people"}
LOOK_AGAIN_S = 10.0
SILENT_S = 8.0
_MESSAGE_MAX_BYTES = 2_000
_EACH_NS, _AT_ONCE = NS_PER_S // 4, 10
_TOUCH_NS = 60 * NS_PER_S
# What a screen needs of a camera, and no more: no address, no user name.
_SHOWN = {"id", "number", "slug", "name", "site", "enabled", "state", "masks", "areas"}


class DisplayLink:
    """One socket of one display."""

    def __init__(self, socket: WebSocket, display: Display, bond: str, parts: Parts, build: str) -> None:
        self._socket = socket
        self._id = display.id
        self._bond = bond
        self._parts = parts
        self._build = build
        self._over = asyncio.Event()
        self._told: bytes = b""
        self._touched_ns = 0
        self._until_ns: int | None = None
        self._state = DisplayState()

    async def run(self) -> None:
        """Until the page leaves, falls silent, or the display is removed."""
        with self._parts.news.listener() as listener, self._parts.bonds.tied(self._bond, self._over.set):
            await self._socket.accept()
            works = (self._show(listener), self._identify(), self._read(), self._until_over())
            try:
                done = await until_any([asyncio.create_task(work) for work in works])
            finally:
                await self._gone()
        if self._over.is_set():
            await self._close(CLOSE_SIGNED_OUT, "no display any more")
        for task in done:
            error = task.exception()
            if error is not None and not isinstance(error, WebSocketDisconnect | TimeoutError):
                raise error

    async def _until_over(self) -> None:
        await self._over.wait()

    async def _close(self, code: int, why: str) -> None:
        if self._socket.client_state is WebSocketState.CONNECTED:
            with suppress(RuntimeError, TimeoutError, WebSocketDisconnect):
                await asyncio.wait_for(self._socket.close(code, why), 2.0)

    async def _show(self, listener: Listener) -> None:
        """What to show, at once and whenever something of it may have changed."""
        while True:
            try:
                await uncut(self._look())
            except VmsError as error:
                log.warning("display not told what to show", display=self._id, why=logs.redact(error.message))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s()):
                    while not TOPICS & set(await listener.get()):
                        pass

    def _wait_s(self) -> float:
        """Until it is looked at again: a message ends to the second."""
        left_s = LOOK_AGAIN_S if self._until_ns is None else (self._until_ns - self._parts.clock.now_ns()) / NS_PER_S
        return min(LOOK_AGAIN_S, max(0.05, left_s + 0.05))

    async def _look(self) -> None:
        parts = self._parts
        display = await parts.catalogue.displays.get(self._id)
        if display is None:
            self._over.set()
            return
        self._until_ns = display.now(parts.clock.now_ns()).until_ns
        scene, cameras = await parts.sights.scene_of(display)
        sites = {site.id: site for site in await parts.catalogue.sites.list()} if cameras else {}
        walls = {wall.id: wall.name for wall in await parts.catalogue.walls.list()}
        shown = [_camera(parts, cameras[camera], sites.get(cameras[camera].site)) for camera in sorted(cameras)]
        message = {
            "type": "show",
            "display": {"id": display.id, "name": display.name, "wall": walls.get(display.wall, "")},
            "scene": scene.model_dump(mode="json"),
            "cameras": shown,
            "build": self._build,
        }
        # States of cameras come with the tiles: they are no news by themselves.
        said = orjson.dumps(message | {"cameras": [camera | {"state": None} for camera in shown]})
        if said != self._told:
            self._told = said
            await self._send(message)

    async def _identify(self) -> None:
        events = self._parts.bus.subscribe("display.identify", limit=64)
        try:
            async for _subject, value in events:
                if self._id in value.get("displays", ()):
                    await self._send({"type": "identify"})
        finally:
            events.close()

    async def _read(self) -> None:
        due_ns = 0
        while True:
            received = await asyncio.wait_for(self._socket.receive(), SILENT_S)
            if received["type"] == "websocket.disconnect":
                return None
            text = received.get("text")
            if text is None:
                return await self._close(CLOSE_NOT_TEXT, "only text is read")
            data = text.encode("utf-8", "replace")
            if len(data) > _MESSAGE_MAX_BYTES or json_depth_exceeds(data, JSON_MAX_DEPTH):
                return await self._close(CLOSE_TOO_BIG, "the message is too large")
            now_ns = self._parts.clock.mono_ns()
            # What waited on a slow line comes at once: only many more than a page says are too many.
            due_ns = max(due_ns, now_ns) + _EACH_NS
            if due_ns - now_ns > _AT_ONCE * _EACH_NS:
                return await self._close(CLOSE_TOO_MANY, "too many messages")
            await self._take(data)

    async def _take(self, data: bytes) -> None:
        try:
            message = orjson.loads(data)
        except orjson.JSONDecodeError:
            message = None
        if not isinstance(message, dict) or message.get("type") != "state":
            await self._send({"type": "error", "message": "This type of message is not known."})
            return
        numbers = {name: _count(message.get(name)) for name in ("tiles", "live", "width", "height")}
        build = message.get("build")
        now_ns = self._parts.clock.now_ns()
        self._state = DisplayState(
            on=True, seen_ns=now_ns, build=build[:64] if isinstance(build, str) else "", **numbers
        )
        self._parts.display_board.tell(self._id, self._state)
        if now_ns - self._touched_ns > _TOUCH_NS:
            self._touched_ns = now_ns
            await self._touch(now_ns)
        sent = message.get("t")
        echo = sent if isinstance(sent, int | float) else None
        await self._send({"type": "pong", "t": echo, "server_ns": str(self._parts.clock.now_ns())})

    async def _gone(self) -> None:
        now_ns = self._parts.clock.now_ns()
        size = {"width": self._state.width, "height": self._state.height}
        self._parts.display_board.tell(
            self._id, DisplayState(on=False, seen_ns=now_ns, build=self._state.build, **size)
        )
        await self._touch(now_ns)

    async def _touch(self, now_ns: int) -> None:
        """The screen goes on where the catalogue does not answer."""
        try:
            await uncut(self._parts.catalogue.displays.touch(self._id, now_ns))
        except VmsError as error:
            log.info("display not noted as seen", display=self._id, why=logs.redact(error.message))

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            await self._socket.send_text(orjson.dumps(message).decode())
        except RuntimeError as error:  # starlette: send after the socket was closed
            raise WebSocketDisconnect(1006) from error


def _camera(parts: Parts, camera: Camera, site: Any) -> dict[str, Any]:
    whole = camera_out(camera, site, parts.board).model_dump(mode="json")
    shown = {name: value for name, value in whole.items() if name in _SHOWN}
    return shown | {"streams": [{"name": stream["name"]} for stream in whole["streams"]]}


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100_000 else 0
