"""One watched Stream, shared by all its viewers: asks ingest for it over the bus, keeps the cached GOP, hands on.

It renews its credit, removes doubles by (Run, seq), waits for the next key frame after a hole and asks for the cached
GOP again, and asks anew when the bus or ingest fails. It knows nothing of viewers but their sinks. Event loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from streamer.options import StreamerOptions
from streamer.track import Sink
from vms import logs
from vms.bus.base import Bus, Events, Value
from vms.clock import NS_PER_MS, Clock
from vms.domain.camera import StreamRef
from vms.domain.ids import new_id
from vms.domain.media import Packet, Run, RunEnded, RunStarted, StreamState
from vms.errors import BusError, VmsError
from vms.service import Backoff

log = logs.get(__name__)

_ASK_AGAIN_NS = 500 * NS_PER_MS


class Feed:
    """`run`, `state`, `fault` and `gop` are what is known now; `changes` are called when one of the first three is new.
    `fault`: why ingest cannot be asked, as an error code, empty while it answers; since when: `fault_ns`."""

    def __init__(self, bus: Bus, clock: Clock, stream: StreamRef, options: StreamerOptions) -> None:
        self.stream = stream
        self.run: Run | None = None
        self.state: StreamState | None = None
        self.fault = ""
        self.fault_ns = 0
        self.gop: list[Packet] = []
        self.sinks: set[Sink] = set()
        self.changes: set[Callable[[], None]] = set()
        self._bus, self._clock, self._options = bus, clock, options
        self._watcher = new_id()
        self._subject = f"{stream.camera}.{stream.name}"
        self._backoff = Backoff(base_s=0.25, cap_s=options.retry_s)
        self._last_seq = -1
        self._holed = False
        self._gop_bytes = 0
        self._asked_ns = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(self._watch(), name=f"feed {self.stream}")

    async def close(self) -> None:
        """Stop watching and tell ingest; idempotent, bounded in time."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with suppress(VmsError):
            await self._bus.request(f"ingest.unwatch.{self._subject}", {"watcher": self._watcher}, timeout_s=2.0)

    async def _watch(self) -> None:
        while True:
            events = self._bus.subscribe(f"media.{self._subject}", limit=self._options.events_limit)
            try:
                await self._open()
                self._backoff.reset()
                await self._follow(events)
            except VmsError as error:
                self._failed(error.code)
            except Exception:  # whatever it was, those who watch must not stay with a dead feed
                log.exception("feed failed", stream=str(self.stream))
                self._failed("error")
            finally:
                events.close()
            await self._clock.sleep(self._backoff.next_s())

    def _failed(self, code: str) -> None:
        if not self.fault:
            log.info("stream cannot be watched", stream=str(self.stream), code=code)
        if self.fault != code:
            self.fault, self.fault_ns = code, self._clock.now_ns()
            self._tell()

    async def _ask(self, extra: Value) -> Value:
        value = {"watcher": self._watcher, "quality": "all", "credit_s": self._options.credit_s, **extra}
        return await self._bus.request(
            f"ingest.watch.{self._subject}", value, timeout_s=min(self._options.request_s, self._options.credit_s / 2)
        )

    async def _open(self) -> None:
        self._asked_ns = self._clock.mono_ns()
        answer = await self._ask({})
        self.fault = ""
        self.state = answer["state"]
        run: Run | None = answer["run"]
        gop: list[Packet] = answer["gop"]
        same = run is not None and self.run is not None and run.id == self.run.id
        if same and not self._holed and (not gop or gop[-1].seq <= self._last_seq):
            self._tell()
            return
        self.run = run
        self._last_seq = gop[-1].seq if gop else -1
        pictures = [p for p in gop if p.track == 0]
        self._keep(pictures if pictures and pictures[0].is_key else [])
        self._holed = run is not None and not self.gop
        self._tell()
        for sink in list(self.sinks):
            sink.restart()

    async def _follow(self, events: Events) -> None:
        """Read and renew until one of them fails."""
        tasks = [asyncio.create_task(self._read(events)), asyncio.create_task(self._renew())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _renew(self) -> None:
        while True:
            await self._clock.sleep(self._options.credit_s / 2)
            answer = await self._ask({"renew": True})
            if answer.get("state") is not None and answer["state"] != self.state:
                self.state = answer["state"]
                self._tell()

    async def _read(self, events: Events) -> None:
        async for _, value in events:
            if not self._take(value["item"]) and self._clock.mono_ns() - self._asked_ns >= _ASK_AGAIN_NS:
                # What comes meanwhile waits in `events`, so nothing is missed between the answer and the next Packet.
                await self._open()
        raise BusError("the subscription ended")

    def _take(self, item: object) -> bool:
        """Take one item; False when Packets are missing before it."""
        if isinstance(item, Packet):
            return self._take_packet(item)
        if isinstance(item, RunStarted):
            if self.run is None or item.run.id != self.run.id:
                self.run, self._last_seq, self._holed = item.run, -1, False
                self._keep([])
                self._tell()
        elif isinstance(item, RunEnded):
            if self.run is not None and item.run == self.run.id:
                self.run = None
                self._tell()
        elif isinstance(item, StreamState):
            self.state = item
            self._tell()
        return True

    def _take_packet(self, packet: Packet) -> bool:
        if self.run is None or packet.run != self.run.id:
            return False
        if packet.seq <= self._last_seq:
            return True
        self._holed = self._holed or packet.seq != self._last_seq + 1
        self._last_seq = packet.seq
        if packet.track != 0:
            return not self._holed
        if packet.is_key:
            self._holed = False
            self._keep([packet])
        elif self._holed:
            return False
        elif self.gop:
            self._extend(packet)
        for sink in list(self.sinks):
            sink.push(packet)
        return True

    def _keep(self, gop: list[Packet]) -> None:
        self.gop = gop
        self._gop_bytes = sum(len(p.payload) for p in gop)

    def _extend(self, packet: Packet) -> None:
        self.gop.append(packet)
        self._gop_bytes += len(packet.payload)
        if self._gop_bytes > self._options.gop_max_bytes or len(self.gop) > self._options.gop_max_packets:
            # A camera that sends no more key frames: who watches goes on, who comes waits for one.
            self._keep([])

    def _tell(self) -> None:
        for change in list(self.changes):
            change()
