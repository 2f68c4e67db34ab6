"""Carries messages between a browser's WebSocket and a wall session of the streamer, and watches their size and rate.

Knows of the wall protocol only what it needs: types, and that an unknown camera is not shown. One task per direction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from vms import logs
from vms.bus.base import Bus
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import StreamName
from vms.domain.ids import is_id
from vms.errors import BusError, NoResponderError, NotFoundError, VmsError
from web.security.limits import JSON_MAX_DEPTH, json_depth_exceeds
from web.uncut import uncut
from web.walls import Wall, Walls

log = logs.get(__name__)

MESSAGE_MAX_BYTES = 65_536
RATE_PER_S = 50
BURST = 200
HEARTBEAT_S = 3.0
# Codes 4000 to 4999 are ours (RFC 6455 §7.4.2); the page reads them.
CLOSE_SIGNED_OUT = 4401
CLOSE_OVER = 4410
CLOSE_REPLACED = 4409
CLOSE_TOO_MANY = 4429
CLOSE_NOT_TEXT = 1003
CLOSE_TOO_BIG = 1009
_STREAMS = [name.value for name in StreamName]
_WARM_MAX = 64
May = Callable[[str], Coroutine[Any, Any, bool]]
"""Whether this viewer may watch a camera, by its id, now."""


class _CloseError(Exception):
    """The socket is to be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Rate:
    """A bucket of tokens: `BURST` at once, `RATE_PER_S` in the long run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens = float(BURST)
        self._at_ns = clock.mono_ns()

    def admit(self) -> bool:
        now_ns = self._clock.mono_ns()
        self._tokens = min(BURST, self._tokens + (now_ns - self._at_ns) / NS_PER_S * RATE_PER_S)
        self._at_ns = now_ns
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Relay:
    """One socket of one wall."""

    def __init__(
        self,
        socket: WebSocket,
        wall: Wall,
        walls: Walls,
        bus: Bus,
        may: May,
        clock: Clock,
        *,
        look_again_s: float | None = None,
    ) -> None:
        self._socket = socket
        self._wall = wall
        self._walls = walls
        self._bus = bus
        self._may = may
        self._look_again_s = look_again_s
        self._clock = clock
        self._rate = _Rate(clock)

    async def run(self) -> None:
        """Until the browser leaves, another socket takes over or the session is over."""
        replaced = self._walls.join(self._wall)
        await self._socket.accept()
        tasks = [
            asyncio.create_task(work, name=f"wall {name}")
            for name, work in (
                ("read", self._read()),
                ("write", self._write()),
                ("heartbeat", self._heartbeat()),
                ("over", self._until_over()),
                ("replaced", self._until_replaced(replaced)),
                ("rights", self._look_again()),
            )
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            if not replaced.is_set():
                self._walls.leave(self._wall)
        await self._close(next((r for r in results if isinstance(r, _CloseError)), None))
        for task in done:
            error = task.exception()
            if error is not None and not isinstance(error, _CloseError | WebSocketDisconnect):
                raise error

    async def _close(self, cause: _CloseError | None) -> None:
        if cause is None or self._socket.client_state is not WebSocketState.CONNECTED:
            return
        try:
            await asyncio.wait_for(self._socket.close(cause.code, cause.reason[:100]), 2.0)
        except (RuntimeError, TimeoutError, WebSocketDisconnect):
            log.debug("socket was gone", session=self._wall.id)

    async def _until_over(self) -> None:
        why = await asyncio.shield(self._wall.over)
        raise _CloseError(CLOSE_SIGNED_OUT if why == "signed out" else CLOSE_OVER, why)

    @staticmethod
    async def _until_replaced(replaced: asyncio.Event) -> None:
        await replaced.wait()
        raise _CloseError(CLOSE_REPLACED, "another window took over")

    async def _write(self) -> None:
        async for _subject, value in self._wall.events:
            message = value["message"]
            await self._tell(message)
            if message.get("type") == "closed":
                self._walls.ended(self._wall, str(message.get("why", "")))
                return
        await asyncio.shield(self._wall.over)

    async def _heartbeat(self) -> None:
        """A hidden page's timers may rest for a minute; the session lives as long as the socket does."""
        while True:
            await self._forward({"type": "ping", "t": None})
            await self._clock.sleep(HEARTBEAT_S)

    async def _read(self) -> None:
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(received.get("code", 1005))
            text = received.get("text")
            if text is None:
                raise _CloseError(CLOSE_NOT_TEXT, "only text is read")
            if not self._rate.admit():
                raise _CloseError(CLOSE_TOO_MANY, "too many messages")
            try:
                await self._take(text)
            except VmsError as error:
                await self._tell({"type": "error", "message": logs.redact(error.message)})

    async def _take(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        if len(data) > MESSAGE_MAX_BYTES:
            raise _CloseError(CLOSE_TOO_BIG, "the message is too large")
        try:
            message = None if json_depth_exceeds(data, JSON_MAX_DEPTH) else orjson.loads(data)
        except orjson.JSONDecodeError:
            message = None
        if not isinstance(message, dict):
            await self._tell({"type": "error", "message": "The message is not a JSON object."})
        elif message.get("type") == "show":
            await self._show(message)
        elif message.get("type") == "warm":
            await self._warm(message)
        elif message.get("type") == "ping" and isinstance(message.get("t"), int | float):
            await self._forward({"type": "ping", "t": message["t"]})
        else:
            await self._tell({"type": "error", "message": "This type of message is not known."})

    async def _show(self, message: dict[str, Any]) -> None:
        tile, camera, n = message.get("tile"), message.get("camera"), message.get("n")
        stream = message.get("stream", StreamName.SUB)
        if type(tile) is not int or type(n) not in {int, type(None)} or stream not in _STREAMS:
            await self._tell({"type": "error", "message": "show needs tile, camera, stream and n."})
            return
        known = camera is None or await self._knows(camera)
        if known and camera is not None:
            self._wall.shown[tile] = camera
        else:
            self._wall.shown.pop(tile, None)
        shown = {"type": "show", "tile": tile, "camera": camera if known else None, "stream": stream, "n": n}
        await self._forward(shown)
        if not known:
            await self._forbid(shown, str(camera)[:64])

    async def _knows(self, camera: object) -> bool:
        return isinstance(camera, str) and is_id(camera) and await uncut(self._may(camera))

    async def _forbid(self, shown: dict[str, Any], camera: str) -> None:
        said = {"camera": camera, "state": "forbidden", "age_ms": None, "since": None, "cause": None}
        await self._tell(shown | said | {"type": "tile", "why": "There is no such camera."})

    async def _warm(self, message: dict[str, Any]) -> None:
        """Cameras that will be shown in a moment: those that may be."""
        wanted = message.get("cameras")
        if (
            not isinstance(wanted, list)
            or len(wanted) > _WARM_MAX
            or not all(isinstance(each, dict) for each in wanted)
        ):
            await self._tell({"type": "error", "message": "warm needs cameras, at most 64."})
            return
        good = [
            {"camera": each["camera"], "stream": each["stream"]}
            for each in wanted
            if each.get("stream") in _STREAMS and await self._knows(each.get("camera"))
        ]
        await self._forward({"type": "warm", "cameras": good})

    async def _look_again(self) -> None:
        """Where rights can end while the session goes on (a display is given something else): take the tiles away."""
        if self._look_again_s is None:
            await asyncio.shield(self._wall.over)
            return
        while True:
            await self._clock.sleep(self._look_again_s)
            for tile, camera in list(self._wall.shown.items()):
                if not await self._knows(camera) and self._wall.shown.get(tile) == camera:
                    del self._wall.shown[tile]
                    nothing = {"type": "show", "tile": tile, "camera": None, "stream": StreamName.SUB, "n": None}
                    await self._forward(nothing)
                    await self._forbid(nothing, camera)

    async def _forward(self, message: dict[str, Any]) -> None:
        try:
            await self._bus.request(f"streamer.wall.message.{self._wall.id}", message)
        except (NotFoundError, NoResponderError):
            # A session's subjects are served by the streamer that has it, as long as it does.
            self._walls.ended(self._wall, "the session is over")
        except BusError as error:
            await self._tell({"type": "error", "message": logs.redact(error.message)})

    async def _tell(self, message: dict[str, Any]) -> None:
        if message.get("type") == "pong" and message.get("t") is None:
            return  # the answer to our own heartbeat
        try:
            await self._socket.send_text(orjson.dumps(message).decode())
        except RuntimeError as error:  # starlette: send after the socket was closed
            raise WebSocketDisconnect(1006) from error
