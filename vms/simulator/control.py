"""The control port: a JSON line in, a JSON line out, for each fault a test asks for. asyncio streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from vms.errors import VmsError
from vms.simulator.faults import Order, parse

Apply = Callable[[Order], Awaitable[dict[str, Any]]]


class Control:
    """Serves the port; `apply` carries an order out and gives what to answer beside `ok`."""

    def __init__(self, apply: Apply) -> None:
        self._apply = apply
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen; the port."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=65_536)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the port and its connections; safe to call twice."""
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._writers):
                writer.close()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._obey(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            # gone, or a line without end: nothing to be answered
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _obey(self, line: bytes) -> dict[str, Any]:
        try:
            return {"ok": True, **await self._apply(parse(line))}
        except VmsError as error:
            return {"ok": False, "error": error.message, "hint": error.hint}
