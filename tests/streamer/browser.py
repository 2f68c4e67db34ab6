"""A real Chromium as viewer: `viewer.html` on a loopback server, its requests carried to the bus and back."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.e2e.browser import running_browser
from vms.bus.base import Bus
from vms.domain.ids import new_id

PAGE = Path(__file__).with_name("viewer.html")


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """The one page."""
        body = PAGE.read_bytes() if self.path == "/" else b""
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextlib.contextmanager
def _serving() -> Any:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Viewer:
    """A page that watches."""

    page: Page
    bus: Bus
    session: str = ""
    errors: list[str] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)

    async def open(self, count: int, tiles: list[dict[str, Any]], *, codecs: bool = True, sound: bool = False) -> None:
        """A wall of `count` tiles, with a sound beside them where asked for."""
        given = [count, tiles, codecs, sound]
        await self.page.evaluate("([n, tiles, codecs, sound]) => openWall(n, tiles, codecs, sound)", given)

    async def tell(self, what: str, value: dict[str, Any]) -> dict[str, Any]:
        """What the web would do with a request of the page."""
        if what == "open":
            self.session = new_id()
            self._listen()
            return dict(await self.bus.request("streamer.wall.open", {"session": self.session, "person": "p", **value}))
        return dict(await self.bus.request(f"streamer.wall.message.{self.session}", value))

    def _listen(self) -> None:
        self.events = self.bus.subscribe(f"streamer.wall.event.{self.session}")
        self._relaying = asyncio.create_task(self._relay())

    async def _relay(self) -> None:
        async for _, value in self.events:
            self.messages.append(value["message"])
            await self.page.evaluate("m => heard(m)", value["message"])

    async def frames(self) -> list[int]:
        """How many pictures each tile presented."""
        return list(await self.page.evaluate("() => wall.frames.map(f => f.length)"))

    async def until(self, condition: str, *, seconds: float = 15) -> None:
        """Wait for a condition of the page (JavaScript)."""
        await self.page.wait_for_function(condition, timeout=seconds * 1000, polling=20)

    async def close(self) -> None:
        """Stop relaying."""
        if self.session:
            self.events.close()
            self._relaying.cancel()
            await asyncio.gather(self._relaying, return_exceptions=True)


@contextlib.asynccontextmanager
async def running_viewer(bus: Bus) -> AsyncIterator[Viewer]:
    """A page, not yet watching."""
    with _serving() as url:
        async with running_browser() as screen:
            viewer = Viewer(screen.page, bus, errors=screen.errors)
            await screen.page.expose_function("tell", viewer.tell)
            await screen.page.goto(url)
            try:
                yield viewer
            finally:
                await viewer.close()
