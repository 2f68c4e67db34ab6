"""What goes to the NATS server, in the order it was said: subscriptions, requests, answers, events. Event loop only.

`put` and `event` never wait; one task writes. Events are the ones that may be lost: above a number of bytes that the
server has not taken, the oldest go first and are counted. Nothing of it outlives its connection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import nats.errors

from vms.bus.client import BURST, LinkClient

Act = Callable[[LinkClient], Awaitable[object]]


@dataclass(eq=False, slots=True)
class _Message:
    subject: str
    payload: bytes
    reply: str = ""
    dropped: bool = False


class Sender:
    """The queue of one connection. `lost` is called with the subject of each event that was dropped, `failed` with
    what the client would not send."""

    def __init__(
        self, client: LinkClient, limit_bytes: int, lost: Callable[[str], None], failed: Callable[[Exception], None]
    ) -> None:
        self._client = client
        self._limit_bytes = limit_bytes
        self._lost, self._failed = lost, failed
        self._queue: deque[_Message | Act] = deque()
        self._events: deque[_Message] = deque()
        self._event_bytes = 0
        self._stopped = False
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def act(self, act: Act) -> None:
        """Await `act` when its turn comes."""
        self._put(act)

    def put(self, subject: str, payload: bytes, reply: str = "") -> None:
        """Send a request or an answer: never dropped while the connection lasts."""
        self._put(_Message(subject, payload, reply))

    def event(self, subject: str, payload: bytes) -> None:
        """Send an event; the oldest that wait make room for it."""
        message = _Message(subject, payload)
        self._events.append(message)
        self._event_bytes += len(payload)
        self._put(message)
        while self._event_bytes > self._limit_bytes and len(self._events) > 1:
            oldest = self._events.popleft()
            self._event_bytes -= len(oldest.payload)
            oldest.payload, oldest.dropped = b"", True
            self._lost(oldest.subject)

    def _put(self, item: _Message | Act) -> None:
        self._queue.append(item)
        self._idle.clear()
        self._wake.set()

    async def idle(self) -> None:
        """Wait until everything has been handed to the client."""
        await self._idle.wait()

    def stop(self) -> int:
        """Write no more; says how many events are lost."""
        self._stopped = True
        self._wake.set()
        return len(self._events)

    async def run(self) -> None:
        """Write until stopped or cancelled, or until the client is closed. It is stopped as well as cancelled: nats-py
        swallows a cancellation that meets it while it waits for room."""
        sent = 0
        while not self._stopped and not self._client.is_closed:
            if not self._queue:
                self._idle.set()
                self._wake.clear()
                await self._wake.wait()
                continue
            item = self._queue.popleft()
            try:
                await self._write(item)
            except nats.errors.ConnectionClosedError:
                return
            except (nats.errors.Error, OSError, ValueError) as error:
                self._failed(error)  # of this message alone
            sent += 1
            if sent % BURST == 0:
                await asyncio.sleep(0)

    async def _write(self, item: _Message | Act) -> None:
        if not isinstance(item, _Message):
            await item(self._client)
            return
        if self._events and self._events[0] is item:
            self._events.popleft()
            self._event_bytes -= len(item.payload)
        if not item.dropped:
            await self._client.publish(item.subject, item.payload, item.reply)
