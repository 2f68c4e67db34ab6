"""uvicorn's HTTP protocol with what it lacks against slow and greedy clients: time for the head, its size, connections
in all and per address, readers that stopped reading. Event loop only; one class per server, with its own counters."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from web.security.limits import HEADERS_MAX_BYTES, URL_MAX_BYTES
from web.security.origin import Network, within
from web.security.throttle import place_of

_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class ConnectionLimits:
    """`head_s`: time for a request's head, from the first moment nothing else is under way; `stall_s`: how long a
    client may leave an answer unread; `linger_s`: how long the rest of a refused body is still thrown away; `total`
    and `each`: connections in all and of one address, or IPv6 network of 64 bits (a trusted proxy is not counted)."""

    head_s: float = 10.0
    stall_s: float = 60.0
    linger_s: float = 5.0
    head_bytes: int = HEADERS_MAX_BYTES + URL_MAX_BYTES + 1024
    total: int = 1024
    each: int = 256
    trusted: Sequence[Network] = field(default=())


def _refusal(status: str, words: str) -> bytes:
    body = (
        f'{{"type":"urn:vms:problem:connection","title":"{words}","status":{status[:3]},"detail":"{words}",'
        f'"code":"connection"}}'
    )
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/problem+json\r\nContent-Length: {len(body)}\r\n"
        f"Connection: close\r\n\r\n{body}"
    ).encode("ascii")


class GuardedSocket(WebSocketsSansIOProtocol):
    """A WebSocket stays counted as a connection of its address until it is gone."""

    release: Callable[[], None] | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Give it back."""
        if self.release is not None:
            self.release()
        super().connection_lost(exc)


class GuardedProtocol(HttpToolsProtocol):
    """See the module. `limits` and `held` are given by `guarded`, which subclasses it for one server."""

    limits: ConnectionLimits
    held: Counter[str]

    _head_bytes = 0
    _head_tail = b""
    _head_done = False
    _counted: str | None = None
    _timers: dict[str, asyncio.TimerHandle]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Count the connection; refuse it where there are too many; give it time for its first head."""
        self._timers = {}
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if not within(address, self.limits.trusted):
            self._counted = place_of(address)
            self.held[self._counted] += 1
        held = 0 if self._counted is None else self.held[self._counted]
        if len(self.connections) > self.limits.total or held > self.limits.each:
            transport.write(_refusal("503 Service Unavailable", "Too many connections"))
            transport.close()
            return
        self._arm("head", self.limits.head_s, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give everything back."""
        self._uncount()
        for name in list(self._timers):
            self._disarm(name)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a head, not those of a body that comes with it; whatever arrives while no request is under
        way starts its time."""
        if not self._head_done:
            seen = self._head_tail + data
            end = seen.find(_HEAD_END)
            self._head_bytes += len(data) if end < 0 else end + len(_HEAD_END) - len(self._head_tail)
            self._head_tail = seen[1 - len(_HEAD_END) :] if end < 0 else b""
            if self._head_bytes > self.limits.head_bytes:
                self._refuse("431 Request Header Fields Too Large", "The head of the request is too large")
                return
        super().data_received(data)
        # What was upgraded is a WebSocket's business now: an answer of ours would be garbage in its frames.
        upgraded = self.transport.get_protocol() is not self
        if not upgraded and self._is_idle() and not self.transport.is_closing():
            self._arm("head", self.limits.head_s, self._too_slow)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._head_done = False
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._head_done = True
        self._head_bytes = 0
        self._head_tail = b""
        self._disarm("head")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Its body is whole; what follows belongs to the next head."""
        self._head_done = False
        self._disarm("linger")
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Answered. A client that is still sending its body is cut off soon, not at once: it should see the answer."""
        if self.cycle is not None and self.cycle.more_body:
            self._arm("linger", self.limits.linger_s, self.transport.close)
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        """The WebSocket protocol takes over. A handshake that it cannot read (POST, a body) it leaves unanswered and
        open for ever, without a session: that is refused here."""
        for name in list(self._timers):
            self._disarm(name)
        super().handle_websocket_upgrade()
        socket = self.transport.get_protocol()
        assert isinstance(socket, GuardedSocket)
        socket.release = self._uncount
        if not socket.handshake_initiated and not self.transport.is_closing():
            self.transport.write(_refusal("400 Bad Request", "This is no WebSocket handshake"))
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """As a problem, like every other error."""
        del msg
        self.transport.write(_refusal("400 Bad Request", "This is no HTTP request"))
        self.transport.close()

    def pause_writing(self) -> None:
        """The client reads slower than we send."""
        self._arm("stall", self.limits.stall_s, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        """It caught up."""
        self._disarm("stall")
        super().resume_writing()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _too_slow(self) -> None:
        self._refuse("408 Request Timeout", "The request came too slowly")

    def _refuse(self, status: str, words: str) -> None:
        if not self.transport.is_closing():
            if self._is_idle():
                self.transport.write(_refusal(status, words))
            self.transport.close()

    def _uncount(self) -> None:
        if self._counted is not None:
            self.held[self._counted] -= 1
            if not self.held[self._counted]:
                del self.held[self._counted]
            self._counted = None

    def _arm(self, name: str, seconds: float, then: Callable[[], None]) -> None:
        if name not in self._timers:
            self._timers[name] = self.loop.call_later(seconds, then)

    def _disarm(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()


def guarded(limits: ConnectionLimits) -> type[GuardedProtocol]:
    """The protocol class of one server."""
    return type("ServerProtocol", (GuardedProtocol,), {"limits": limits, "held": Counter()})
