"""The node's hub: ingest publishes Packets, Runs and states; recorder and watch subscribe. Never waits, never copies.

Event loop only: the thread of a worker hands over through `loop.call_soon_threadsafe`. A subscription is bounded in
bytes; when full it drops the Packets of that Stream to its next key frame and counts. Runs and states are never
dropped. A subscription that may not lose (the recorder's) makes the hub tell ingest, which ends the Run (`overload`),
and gets nothing more of that Run, so that no Run it sees has a hole.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from vms import logs, metrics
from vms.clock import Clock
from vms.domain.camera import StreamRef
from vms.domain.media import HubItem, Packet, RunEnded, RunStarted, StreamState

log = logs.get(__name__)

Overloaded = Callable[[StreamRef, str], None]


class HubClosedError(Exception):
    """The subscription was closed; nothing more comes."""


class HubSubscription:
    """Items of one Stream, or of all, in order. `get` returns all that is there, at least one."""

    def __init__(
        self,
        hub: Hub,
        name: str,
        stream: StreamRef | None,
        limit_bytes: int,
        *,
        lossless: bool,
        keys_only: bool = False,
    ) -> None:
        self.name = name
        self.stream = stream
        self.lossless = lossless
        self._keys_only = keys_only
        self.dropped = 0
        self._hub = hub
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._queue: deque[HubItem] = deque()
        self._skipping: set[StreamRef] = set()
        self._wake = asyncio.Event()
        self._closed = False

    def put(self, item: HubItem) -> bool:
        """Called by the hub; False when a Packet was dropped and this is the first of its Stream."""
        if isinstance(item, Packet):
            if self._keys_only and (not item.is_key or item.track):
                return True
            fits = self._bytes + len(item.payload) <= self._limit_bytes
            if fits and item.is_key and item.track == 0 and not self.lossless:
                self._skipping.discard(item.stream)
            if not fits or item.stream in self._skipping:
                return self._dropped(item.stream)
            self._bytes += len(item.payload)
        elif isinstance(item, RunStarted):
            self._skipping.discard(item.stream)
        self._queue.append(item)
        self._wake.set()
        return True

    def _dropped(self, stream: StreamRef) -> bool:
        self.dropped += 1
        metrics.DROPS.labels(self.name).inc()
        known = stream in self._skipping
        self._skipping.add(stream)
        return known

    async def get(self) -> list[HubItem]:
        """All that is queued, in order; waits for the first. HubClosedError once closed and empty."""
        while not self._queue:
            if self._closed:
                raise HubClosedError
            self._wake.clear()
            await self._wake.wait()
        items = list(self._queue)
        self._queue.clear()
        self._bytes = 0
        return items

    def close(self) -> None:
        """End; idempotent."""
        self._closed = True
        self._hub.forget(self)
        self._wake.set()


class Hub:
    """One per node. Keeps the current Run and state of each Stream, which a new subscription is told first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all: list[HubSubscription] = []
        self._of: dict[StreamRef, list[HubSubscription]] = {}
        self._runs: dict[StreamRef, RunStarted] = {}
        self._states: dict[StreamRef, StreamState] = {}
        self._overloaded: dict[StreamRef, Overloaded] = {}
        self._throttle = logs.Throttle()

    def publish(self, item: HubItem) -> None:
        """Hand an item to who wants it."""
        stream = item.stream
        if isinstance(item, RunStarted):
            self._runs[stream] = item
        elif isinstance(item, RunEnded):
            current = self._runs.get(stream)
            if current is not None and current.run.id == item.run:
                del self._runs[stream]
        elif isinstance(item, StreamState):
            self._states[stream] = item
        for subscription in (*self._all, *self._of.get(stream, ())):
            if not subscription.put(item) and isinstance(item, Packet):
                self._drop(subscription, item)

    def _drop(self, subscription: HubSubscription, packet: Packet) -> None:
        silent = self._throttle.admit(self._clock.mono_ns())
        if silent is not None:
            log.warning("subscription full", where=subscription.name, stream=str(packet.stream), silent=silent)
        if subscription.lossless:
            self.end_run(packet.stream, packet.run)

    def subscribe(
        self,
        name: str,
        stream: StreamRef | None = None,
        *,
        limit_bytes: int = 16_000_000,
        lossless: bool = False,
        keys_only: bool = False,
    ) -> HubSubscription:
        """Listen to one Stream or (None) to all; current states and Runs come first, then Packets from now on,
        with `keys_only` key frames of video alone."""
        subscription = HubSubscription(self, name, stream, limit_bytes, lossless=lossless, keys_only=keys_only)
        for state in self._states.values():
            if stream in {None, state.stream}:
                subscription.put(state)
        for run in self._runs.values():
            if stream in {None, run.stream}:
                subscription.put(run)
        (self._all if stream is None else self._of.setdefault(stream, [])).append(subscription)
        return subscription

    def forget(self, subscription: HubSubscription) -> None:
        """Called by close()."""
        held = self._all if subscription.stream is None else self._of.get(subscription.stream, [])
        if subscription in held:
            held.remove(subscription)
        if subscription.stream is not None and not held:
            self._of.pop(subscription.stream, None)

    def on_overload(self, stream: StreamRef, tell: Overloaded | None) -> None:
        """Ingest registers here, once per Stream, what to do when the recorder cannot keep up; None removes it."""
        if tell is None:
            self._overloaded.pop(stream, None)
        else:
            self._overloaded[stream] = tell

    def end_run(self, stream: StreamRef, run: str) -> None:
        """Ask ingest to end a Run (`overload`) and begin the next at a key frame: who may not lose has lost of it."""
        tell = self._overloaded.get(stream)
        if tell is not None:
            tell(stream, run)

    def drop_state(self, stream: StreamRef) -> None:
        """Forget a Stream that is no longer registered."""
        self._states.pop(stream, None)
        self._runs.pop(stream, None)

    def run_of(self, stream: StreamRef) -> RunStarted | None:
        """The Run under way."""
        return self._runs.get(stream)

    def state_of(self, stream: StreamRef) -> StreamState | None:
        """The state told last."""
        return self._states.get(stream)

    def states(self) -> list[StreamState]:
        """All states."""
        return list(self._states.values())
