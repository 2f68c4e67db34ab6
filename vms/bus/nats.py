"""The bus of a cluster: between the parts of this process by reference, with the others over NATS. Event loop only.

What this process serves, it answers itself, whether NATS is there or not; the rest goes to one of those who serve it
elsewhere. An event is handed over here and sent once to every process that listens. Patterns that overlap must not be
served by different processes: NATS would ask one of each.
"""

from __future__ import annotations

import asyncio
import time

from vms import logs, metrics
from vms.bus import wire
from vms.bus.base import Handler, Value
from vms.bus.link import Listening, NatsLink
from vms.bus.memory import MemoryBus, MemoryEvents
from vms.errors import BusError, VmsError

log = logs.get(__name__)

_QUEUE = "serve"
_REMEMBERED = 512
_CLOSE_S = 1.0


class NatsServing:
    """A subject that is served here and, by one of all who serve it, everywhere."""

    def __init__(self, bus: NatsBus, subject: str, handler: Handler) -> None:
        self._bus: NatsBus | None = bus
        self._subject = subject
        self._local = bus.local.serve(subject, handler)

    def close(self) -> None:
        """Stop serving; idempotent."""
        bus, self._bus = self._bus, None
        if bus is not None:
            self._local.close()
            bus.release(_QUEUE, self._subject)


class NatsEvents(MemoryEvents):
    """A bounded queue of events from here and elsewhere; drops the oldest."""

    def __init__(self, bus: NatsBus, pattern: str, limit: int) -> None:
        super().__init__(bus.local, pattern, limit)
        self._nats: NatsBus | None = bus

    def close(self) -> None:
        """End; who waits is woken."""
        super().close()
        bus, self._nats = self._nats, None
        if bus is not None:
            bus.leave(self)


class NatsBus:
    """See vms.bus.base.Bus. `zone` names the part of the installation this process is in."""

    def __init__(self, link: NatsLink, zone: str) -> None:
        self.link, self.zone = link, zone
        self.local = MemoryBus()
        self._held: dict[tuple[str, str], tuple[Listening, int]] = {}
        self._events: dict[str, list[NatsEvents]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._recent: dict[str, None] = {}
        self._unread = logs.Throttle()

    async def request(self, subject: str, value: Value, *, timeout_s: float = 5.0) -> Value:
        """Ask who serves it here, else somebody elsewhere."""
        if self.local.serves(subject):
            return await self.local.request(subject, value, timeout_s=timeout_s)
        data = wire.encode_request(value, timeout_s)
        return wire.decode(await self.link.request(subject, data, timeout_s=timeout_s))

    def serve(self, subject: str, handler: Handler) -> NatsServing:
        """Answer a subject; of several in this process, the newest answers."""
        serving = NatsServing(self, subject, handler)
        listening, holders = self._held.get((_QUEUE, subject), (None, 0))
        if listening is None:
            listening = self.link.listen(subject, self._asked, queue=_QUEUE)
        self._held[_QUEUE, subject] = (listening, holders + 1)
        return serving

    def release(self, queue: str, subject: str) -> None:
        """Called by close()."""
        listening, holders = self._held.pop((queue, subject), (None, 0))
        if listening is None:
            return
        if holders > 1:
            self._held[queue, subject] = (listening, holders - 1)
        else:
            listening.close()

    def _asked(self, subject: str, reply: str, data: bytes) -> None:
        if not reply or reply in self._recent:
            return  # one request comes once for each pattern of ours that it falls under
        self._recent[reply] = None
        if len(self._recent) > _REMEMBERED:
            del self._recent[next(iter(self._recent))]
        task = asyncio.create_task(self._answer(subject, reply, data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, subject: str, reply: str, data: bytes) -> None:
        try:
            value, timeout_s = wire.decode_request(data)
            answer = wire.encode(await self.local.request(subject, value, timeout_s=timeout_s))
            self.link.check_size(subject, answer)
        except VmsError as error:
            answer = wire.encode_error(error)
        self.link.answer(reply, answer)

    def publish(self, subject: str, value: Value) -> None:
        """Tell everyone who listens, here and elsewhere; never waits and never fails."""
        self.local.publish(subject, value)
        if not self.link.connected:
            self.link.drop(subject)
            return
        try:
            data = wire.encode(value)
        except BusError as error:
            log.error("event cannot travel", subject=subject, why=error)  # noqa: TRY400 - it is in what it says
            return
        self.link.publish(subject, data)

    def subscribe(self, pattern: str, *, limit: int = 1024) -> NatsEvents:
        """Listen from now on, here and elsewhere."""
        events = NatsEvents(self, pattern, limit)
        self.local.add(events)
        same = self._events.setdefault(pattern, [])
        same.append(events)
        if len(same) == 1:
            self._held["", pattern] = (self.link.listen(pattern, lambda *m: self._heard(same, *m)), 1)
        return events

    def leave(self, events: NatsEvents) -> None:
        """Called by close()."""
        same = self._events.get(events.pattern, [])
        if events in same:
            same.remove(events)
        if not same and self._events.pop(events.pattern, None) is not None:
            self.release("", events.pattern)

    def _heard(self, listeners: list[NatsEvents], subject: str, _reply: str, data: bytes) -> None:
        try:
            value = wire.decode(data)
        except VmsError as error:
            metrics.BUS_DROPPED.labels(self.link.options.name).inc()
            silent = self._unread.admit(time.monotonic_ns())
            if silent is not None:
                log.warning("event cannot be read", subject=subject, why=error, silent=silent)
            return
        for events in listeners:
            events.put(subject, value)

    async def close(self) -> None:
        """End requests under way and subscriptions; the link goes on. Idempotent, bounded."""
        for listening, _ in self._held.values():
            listening.close()
        self._held.clear()
        await self.local.close()  # what is being answered is answered with a BusError
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSE_S)
        for task in list(self._tasks):
            task.cancel()
        for same in list(self._events.values()):
            for events in list(same):
                events.close()
        self.link.give_up(BusError("the bus is closed"))
