"""`/metrics`, `/healthz` and `/readyz` of a node that serves no page: for Prometheus and whoever watches processes.

Event loop. HTTP/1.1, GET and HEAD, one answer a connection; nothing that comes in is kept, all of it bounded. No one
signs in here, so it says no more than figures and names of services: bind it where only those may come who should.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress

from vms import logs, metrics
from vms.clock import Clock
from vms.errors import SettingsError
from vms.service import Health, Service

log = logs.get(__name__)

_HEAD_BYTES = 8192
_WAIT_S = 5.0
_AT_ONCE = 32
_TEXT = "text/plain; charset=utf-8"
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class MetricsPage(Service):
    """Service `metrics`. `health`: how each service is, by name. `port` 0: any; see `address`."""

    name = "metrics"

    def __init__(self, clock: Clock, host: str, port: int, health: Callable[[], Mapping[str, Health]]) -> None:
        super().__init__(clock)
        self._host, self._port, self._of_services = host, port, health
        self._busy = 0
        self.address = ""

    async def run_once(self) -> None:
        """Serve until stopped. SettingsError where the address cannot be had."""
        try:
            server = await asyncio.start_server(self._serve, self._host, self._port, limit=_HEAD_BYTES)
        except OSError as error:
            where = f"{self._host}:{self._port}"
            raise SettingsError(f"metrics cannot be served at {where}: {error.strerror}", hint="See metrics.") from None
        async with server:
            host, port = server.sockets[0].getsockname()[:2]
            self.address = f"{host}:{port}"
            self.ready()
            await self.stopping.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._busy += 1
        try:
            async with asyncio.timeout(_WAIT_S):
                if self._busy <= _AT_ONCE:
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._answer(head))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            log.debug("a request for metrics was none")
        finally:
            self._busy -= 1
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await writer.wait_closed()

    def _answer(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        if method not in {"GET", "HEAD"}:
            return _response("405 Method Not Allowed", _TEXT, b"GET only\n")
        status, kind, body = self._page(path)
        return _response(status, kind, body, with_body=method == "GET")

    def _page(self, path: str) -> tuple[str, str, bytes]:
        if path == "/metrics":
            return "200 OK", _PROMETHEUS, metrics.render()
        if path == "/healthz":
            return "200 OK", _TEXT, b"ok\n"
        if path != "/readyz":
            return "404 Not Found", _TEXT, b"/metrics, /healthz, /readyz\n"
        services = {name: {"ok": one.ok, "why": logs.redact(one.why)} for name, one in self._of_services().items()}
        ready = all(one.ok for one in self._of_services().values())
        body = json.dumps({"ready": ready, "services": services}).encode()
        return "200 OK" if ready else "503 Service Unavailable", "application/json", body


def _response(status: str, kind: str, body: bytes, *, with_body: bool = True) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + (body if with_body else b"")
