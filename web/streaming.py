"""Answers that are made while they are sent: one block in memory, ended when the client or its right to it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, aclosing
from typing import cast

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from vms import logs
from vms.errors import VmsError

log = logs.get(__name__)


class BlocksResponse(Response):
    """Sends what an iterator gives. The first block is made before the head is sent, so that what cannot be read is a
    problem and not a cut answer. `holding` is entered for the length of the answer; `cut` ends it early."""

    def __init__(
        self,
        blocks: AsyncIterator[bytes],
        status: int,
        media_type: str,
        headers: Mapping[str, str],
        *,
        holding: AbstractContextManager[object],
        cut: asyncio.Event,
    ) -> None:
        super().__init__(None, status, headers, media_type)
        self._blocks = blocks
        self._holding = holding
        self._cut = cut

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Without the length of the empty body; the one given stays."""
        super().init_headers(headers)
        if not headers or "Content-Length" not in headers:
            del self.headers["content-length"]

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Returning before the end makes the server cut the connection: the client sees that it is short."""
        with self._holding:
            gone = asyncio.create_task(_gone(receive))
            try:
                async with aclosing(cast("_Closable", self._blocks)) as blocks:
                    await self._send(blocks, gone, send)
            finally:
                gone.cancel()
                await asyncio.gather(gone, return_exceptions=True)

    async def _send(self, blocks: AsyncIterator[bytes], gone: asyncio.Task[None], send: Send) -> None:
        block = await anext(blocks, None)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        while block is not None:
            if gone.done() or self._cut.is_set():
                return
            await send({"type": "http.response.body", "body": block, "more_body": True})
            try:
                block = await anext(blocks, None)
            except VmsError as error:
                log.warning("answer cut short", code=error.code, why=error.message)
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Closable(AsyncIterator[bytes]):
    """An async generator, for the type checker."""

    async def aclose(self) -> None:
        """End the generator."""


async def _gone(receive: Receive) -> None:
    message: Message = {}
    while message.get("type") != "http.disconnect":
        message = await receive()
