"""Carries messages between a browser's WebSocket and a wall session of the streamer, and watches their size and rate.

Knows of the wall protocol only what it needs: types, and that an unknown camera is not shown. One task per direction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any

import orjson
from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from vms import logs
from vms.bus.base import Bus
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import LineClaim, StreamName
from vms.domain.ids import is_id
from vms.errors import BusError, NoResponderError, NotFoundError, VmsError
from web.schemas import TILES_MAX
from web.security.limits import JSON_MAX_DEPTH, json_depth_exceeds
from web.uncut import uncut
from web.walls import MOVED, Wall, Walls

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
_CLAIMS = [*LineClaim]
May = Callable[[Collection[str]], Coroutine[Any, Any, set[str]]]
"""Which of these cameras, by id, this viewer may watch now."""


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
        hear: May | None = None,
    ) -> None:
        self._socket = socket
        self._wall = wall
        self._walls = walls
        self._bus = bus
        self._may = may
        self._look_again_s = look_again_s
        self._hear = hear
        self._clock = clock
        self._rate = _Rate(clock)

    async def run(self) -> None:
        """Until the browser leaves, another socket takes over or the session is over."""
        replaced = self._walls.join(self._wall)
        self._wall.may = None if self._look_again_s is None else self._may
        try:
            await self._socket.accept()
        except BaseException:  # it was gone before it was there: the wall waits for another, and not for ever
            if not replaced.is_set():
                self._walls.leave(self._wall)
            raise
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
        code = {"signed out": CLOSE_SIGNED_OUT, MOVED: CLOSE_REPLACED}.get(why, CLOSE_OVER)
        raise _CloseError(code, why)

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
            await self._show(message.get("tiles", [message]))
        elif message.get("type") == "warm":
            await self._warm(message.get("cameras"))
        elif message.get("type") == "listen" and (message.get("tile") is None or isinstance(message["tile"], int)):
            await self._listen(message.get("tile"))
        elif message.get("type") == "ping" and isinstance(message.get("t"), int | float):
            await self._forward({"type": "ping", "t": message["t"]})
        else:
            await self._tell({"type": "error", "message": "This type of message is not known."})

    async def _show(self, tiles: object) -> None:
        """One tile or many at once: one look at what is there, one message to the streamer."""
        if not isinstance(tiles, list) or not 0 < len(tiles) <= TILES_MAX or not all(map(_is_show, tiles)):
            words = f"show needs tile, camera, stream and n, or 1 to {TILES_MAX} of them as tiles."
            await self._tell({"type": "error", "message": words})
            return
        known = await self._known(tiles)
        entries = [_entry(tile, known) for tile in tiles]
        named = self._wall.shown | {entry["tile"]: entry["camera"] for entry in entries}
        after = {tile: camera for tile, camera in named.items() if camera is not None}
        await self._still_heard(after)  # before the other camera is there, not after
        self._wall.shown = after
        self._walls.viewed(self._wall.owner, after.values())
        await self._forward({"type": "show"} | (entries[0] if len(entries) == 1 else {"tiles": entries}))
        for tile in tiles:
            if tile.get("camera") is not None and tile["camera"] not in known:
                await self._tell(_forbidden(tile))

    async def _listen(self, tile: int | None) -> None:
        """Sound of one tile, where what is shown there may be heard."""
        if not await self._may_hear(tile, self._wall.shown):
            await self._hush()
            return
        self._wall.heard = tile
        await self._forward({"type": "listen", "tile": tile})

    async def _hush(self) -> None:
        self._wall.heard = None
        await self._forward({"type": "listen", "tile": None})
        await self._tell({"type": "error", "message": "You do not have the right to hear this camera."})

    async def _may_hear(self, tile: int | None, shown: Mapping[int, str]) -> bool:
        camera = None if tile is None else shown.get(tile)
        return self._hear is None or camera is None or camera in await uncut(self._hear([camera]))

    async def _still_heard(self, shown: Mapping[int, str]) -> None:
        """Sound follows its tile: not to a camera that may not be heard. What is listened to outlives a socket."""
        if self._wall.heard is not None and not await self._may_hear(self._wall.heard, shown):
            await self._hush()

    async def _known(self, entries: Sequence[Mapping[str, Any]]) -> set[str]:
        named = {each["camera"] for each in entries if isinstance(each.get("camera"), str) and is_id(each["camera"])}
        return await uncut(self._may(named)) if named else set()

    async def _warm(self, wanted: object) -> None:
        """Cameras that will be shown in a moment: those that may be."""
        if not isinstance(wanted, list) or len(wanted) > TILES_MAX or not all(map(_is_feed, wanted)):
            await self._tell({"type": "error", "message": f"warm needs cameras, at most {TILES_MAX}."})
            return
        known = await self._known(wanted)
        good = [
            {"camera": each["camera"], "stream": each["stream"]} | _claim(each)
            for each in wanted
            if each["camera"] in known
        ]
        await self._forward({"type": "warm", "cameras": good})

    async def _look_again(self) -> None:
        """Where rights can end while the session goes on (a display is given something else): take the tiles away. At
        once too: who comes and goes is looked at as who stays is."""
        if self._look_again_s is None:
            await asyncio.shield(self._wall.over)
            return
        while True:
            try:
                await self._take_away()
            except VmsError as error:  # nobody lost a right because the catalogue does not answer
                log.warning("tiles not looked at", session=self._wall.id, why=logs.redact(error.message))
            await self._clock.sleep(self._look_again_s)

    async def _take_away(self) -> None:
        shown: list[dict[str, Any]] = [{"tile": tile, "camera": camera} for tile, camera in self._wall.shown.items()]
        known = await self._known(shown)
        for each in shown:
            if each["camera"] not in known and self._wall.shown.get(each["tile"]) == each["camera"]:
                del self._wall.shown[each["tile"]]
                await self._forward({"type": "show"} | _entry(each, set()))
                await self._tell(_forbidden(each))
        await self._still_heard(self._wall.shown)

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


def _is_feed(value: object) -> bool:
    """Whether it names a camera and a stream."""
    named = isinstance(value, dict) and isinstance(value.get("camera"), str) and value.get("stream") in _STREAMS
    return named and _is_claim(value)


def _is_claim(value: object) -> bool:
    """Whether what it says of the line, if anything, is a claim."""
    return isinstance(value, dict) and (value.get("claim") is None or value["claim"] in _CLAIMS)


def _is_show(value: object) -> bool:
    """Whether it names a tile and a stream as `show` needs them; the camera is looked at apart."""
    return (
        isinstance(value, dict)
        and type(value.get("tile")) is int
        and 0 <= value["tile"] < TILES_MAX
        and type(value.get("n")) in {int, type(None)}
        and value.get("stream", StreamName.SUB) in _STREAMS
        and _is_claim(value)
    )


def _entry(value: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    camera = value.get("camera")
    return {
        "tile": value["tile"],
        "camera": camera if isinstance(camera, str) and camera in known else None,
        "stream": value.get("stream", StreamName.SUB),
        "n": value.get("n"),
    } | _claim(value)


def _claim(value: Mapping[str, Any]) -> dict[str, Any]:
    """How much main is wanted in place of sub, where that is said."""
    return {} if value.get("claim") is None else {"claim": value["claim"]}


def _forbidden(value: Mapping[str, Any]) -> dict[str, Any]:
    said = {"camera": str(value.get("camera"))[:64], "state": "forbidden", "age_ms": None, "since": None, "cause": None}
    return _entry(value, ()) | said | {"type": "tile", "why": "There is no such camera."}
