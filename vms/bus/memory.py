"""The bus of one process: values go by reference, nothing is copied or encoded. Runs on the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from vms import logs
from vms.bus.base import Handler, Value
from vms.errors import BusError, BusTimeoutError, NoResponderError, VmsError

log = logs.get(__name__)

_CLOSE_S = 5.0


def matches(pattern: str, subject: str) -> bool:
    """Whether a subject falls under a pattern (`*` one token, `>` at the end the rest, at least one token)."""
    want, have = pattern.split("."), subject.split(".")
    for i, part in enumerate(want):
        if part == ">":
            return len(have) > i
        if i >= len(have) or part not in {"*", have[i]}:
            return False
    return len(want) == len(have)


class MemoryEvents:
    """A bounded queue of events; drops the oldest."""

    def __init__(self, bus: MemoryBus, pattern: str, limit: int) -> None:
        self.pattern = pattern
        self.dropped = 0
        self._bus = bus
        self._limit = limit
        self._queue: deque[tuple[str, Value]] = deque()
        self._wake = asyncio.Event()
        self._closed = False

    def put(self, subject: str, value: Value) -> None:
        """Called by the bus."""
        if len(self._queue) >= self._limit:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append((subject, value))
        self._wake.set()

    async def get(self) -> tuple[str, Value]:
        """The next event; BusError once closed and empty."""
        while not self._queue:
            if self._closed:
                raise BusError("the subscription is closed")
            self._wake.clear()
            await self._wake.wait()
        return self._queue.popleft()

    async def __aiter__(self) -> AsyncIterator[tuple[str, Value]]:
        while True:
            try:
                item = await self.get()
            except BusError:
                return
            yield item

    def close(self) -> None:
        """End; who waits is woken."""
        self._closed = True
        self._bus.forget(self)
        self._wake.set()


class _Serving:
    def __init__(self, bus: MemoryBus, subject: str, handler: Handler) -> None:
        self.subject, self.handler, self._bus = subject, handler, bus

    def close(self) -> None:
        self._bus.unserve(self)


class MemoryBus:
    """See vms.bus.base.Bus."""

    def __init__(self) -> None:
        self._serving: list[_Serving] = []
        self._events: list[MemoryEvents] = []
        self._tasks: set[asyncio.Task[Value]] = set()

    async def request(self, subject: str, value: Value, *, timeout_s: float = 5.0) -> Value:
        """Ask; the handler runs in its own task, cancelled when the time is up."""
        serving = self._who(subject)
        if serving is None:
            raise NoResponderError(f"nobody answers {subject}", hint="The service that does it is not running.")
        task = asyncio.ensure_future(serving.handler({**value, "_subject": subject}))
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        try:
            await asyncio.wait({task}, timeout=timeout_s)
        finally:
            task.cancel()  # does nothing to one that has answered
        if not task.done():
            raise BusTimeoutError(f"no answer to {subject} within {timeout_s:g} s")
        try:
            return task.result()
        except asyncio.CancelledError:
            raise BusError(f"{subject} was cancelled by the one who serves it") from None
        except VmsError:
            raise
        except Exception as error:
            log.exception("handler failed", subject=subject)
            raise BusError(f"{subject} failed: {type(error).__name__}") from error

    def serves(self, subject: str) -> bool:
        """Whether anybody here answers the subject."""
        return self._who(subject) is not None

    def _who(self, subject: str) -> _Serving | None:
        return next((s for s in reversed(self._serving) if matches(s.subject, subject)), None)

    def _finished(self, task: asyncio.Task[Value]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # who asked may be gone; nobody else has to hear of it

    def serve(self, subject: str, handler: Handler) -> _Serving:
        """Answer a subject; of several, the newest answers. The handler finds the full subject under `_subject`."""
        serving = _Serving(self, subject, handler)
        self._serving.append(serving)
        return serving

    def unserve(self, serving: _Serving) -> None:
        """Called by close()."""
        if serving in self._serving:
            self._serving.remove(serving)

    def publish(self, subject: str, value: Value) -> None:
        """Hand to every matching subscription."""
        for events in self._events:
            if matches(events.pattern, subject):
                events.put(subject, value)

    def subscribe(self, pattern: str, *, limit: int = 1024) -> MemoryEvents:
        """Listen from now on."""
        events = MemoryEvents(self, pattern, limit)
        self.add(events)
        return events

    def add(self, events: MemoryEvents) -> None:
        """Let a subscription hear what is published from now on."""
        self._events.append(events)

    def forget(self, events: MemoryEvents) -> None:
        """Called by close()."""
        if events in self._events:
            self._events.remove(events)

    async def close(self) -> None:
        """Cancel requests under way and end subscriptions; a handler that will not end is left after a while."""
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSE_S)
        for events in list(self._events):
            events.close()
        self._serving.clear()
