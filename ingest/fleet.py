"""The Streams of this node: reconciles registered Cameras with running workers. Event loop only.

`sub` is always pulled, `main` when it is recorded or while somebody watches; of all of them those whose Lease this node
holds, or takes over from another. Workers start one after another, so that a hundred cameras are not greeted in the
same instant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import dataclass, field

from ingest.handoff import LOOK_S, UNWATCHED_LOOK_S
from ingest.patience import WorkerOptions
from ingest.worker import NodeParts, StreamSpec, Worker
from vms import logs, metrics
from vms.bus.base import Bus, Events
from vms.bus.hub import Hub
from vms.bus.leases import Allotment, Leases
from vms.clock import Clock, boot_id
from vms.domain.camera import Camera, LinePriority, RecordMode, StreamName, StreamRef
from vms.domain.gap import GapCause
from vms.domain.grant import LeaseGrant
from vms.domain.media import EndReason, StreamCondition, StreamState
from vms.service import Service

log = logs.get(__name__)

Cameras = Callable[[], Awaitable[Sequence[Camera]]]


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """Seconds: between two starts; between two looks at the catalogue without any event; between looks of the
    watchdog; an unwatched, unrecorded Stream is still pulled."""

    stagger_s: float = 0.02
    refresh_s: float = 60.0
    watchdog_s: float = 0.5
    linger_s: float = 10.0
    worker: WorkerOptions = field(default_factory=WorkerOptions)


class Fleet(Service):
    """See the module. `on_change` is called whenever the set of served Streams may have changed."""

    name = "ingest"

    def __init__(
        self,
        *,
        node: str,
        cameras: Cameras,
        leases: Leases,
        bus: Bus,
        hub: Hub,
        clock: Clock,
        options: FleetOptions | None = None,
    ) -> None:
        super().__init__(clock)
        self.workers: dict[StreamRef, Worker] = {}
        self.specs: dict[StreamRef, StreamSpec] = {}
        self.priorities: dict[str, LinePriority] = {}
        self.cameras: dict[str, Camera] = {}
        self.on_change: Callable[[], None] = lambda: None
        self._cameras, self._bus, self._hub = cameras, bus, hub
        self._options = options or FleetOptions()
        self._parts = NodeParts(node, boot_id(), hub, leases, clock, self._tell)
        self._parts.mailbox.look_s = UNWATCHED_LOOK_S
        self._leases = leases
        self._always: set[StreamRef] = set()
        self._demanded: set[StreamRef] = set()
        self._known: Set[StreamRef] = frozenset()
        self._ours: set[StreamRef] = set()
        self._lingering: dict[StreamRef, asyncio.Task[None]] = {}
        self._conditions: dict[StreamRef, StreamCondition] = {}
        self._dirty = asyncio.Event()

    async def run_once(self) -> None:
        """Follow the catalogue until stopped."""
        events = self._bus.subscribe("cameras.changed")
        self._leases.on_change = self._dirty.set
        tasks = [asyncio.create_task(self._listen(events)), asyncio.create_task(self._watchdog())]
        try:
            while not self.stopping.is_set():
                self._dirty.clear()
                await self._reconcile()
                self.ready()
                await self._dirty.wait()
        finally:
            events.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def stop(self) -> None:
        """Ask to end."""
        super().stop()
        self._dirty.set()

    async def close(self) -> None:
        """Let other nodes take what they can, then stop all workers at once; bounded by the time both may take."""
        try:
            await self._hand_over()
        finally:
            self._leases.on_change = lambda: None
            for task in self._lingering.values():
                task.cancel()
            await asyncio.gather(*(w.stop(EndReason.NODE_DOWN) for w in self.workers.values()))
        self.workers.clear()
        self.specs.clear()
        self.on_change()

    async def _hand_over(self) -> None:
        leaving = asyncio.create_task(self._leases.leave())
        try:
            while not leaving.done():
                changed = asyncio.ensure_future(self._dirty.wait())
                await asyncio.wait({leaving, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                self._dirty.clear()
                await self._give_way(self._leases.allot(self._known))
                self.on_change()
        finally:
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)

    async def _give_way(self, allotted: Allotment) -> None:
        """Stop what is not this node's any more; the recorder is told of what another has now."""
        others = self._known - allotted.mine
        moved = [(ref, new) for ref in others & self._ours if (new := self._leases.successor(ref)) is not None]
        lost = others & self.workers.keys() - allotted.coming
        await asyncio.gather(*(self._remove(ref, EndReason.LEASE_LOST) for ref in lost))
        for ref in lost:
            self.specs.pop(ref, None)
            self._forget(ref)
        for ref, new in moved:
            self._ours.discard(ref)
            self._say_moved(ref, new)
        self._ours |= allotted.mine

    def _say_moved(self, stream: StreamRef, new: LeaseGrant) -> None:
        """To this node's hub alone: others hear of the Stream from who has it now."""
        why = "Another node of the site has this camera now."
        reason = EndReason.LEASE_LOST.value
        self._hub.publish(StreamState(stream, StreamCondition.CONNECTING, new.granted_ns, why, reason=reason))
        self._hub.drop_state(stream)

    def demand(self, stream: StreamRef) -> None:
        """Somebody watches: pull it, if it is not pulled anyway, and be quick to notice a stall."""
        self._demanded.add(stream)
        self._parts.mailbox.look_s = LOOK_S
        waiting = self._lingering.pop(stream, None)
        if waiting is not None:
            waiting.cancel()
        if stream not in self.workers and stream in self.specs and not self.stopping.is_set():
            self._start(self.specs[stream], 0.0)
        self._mark(stream)

    def release(self, stream: StreamRef) -> None:
        """Nobody watches any more."""
        self._demanded.discard(stream)
        self._parts.mailbox.look_s = LOOK_S if self._demanded else UNWATCHED_LOOK_S
        self._mark(stream)
        if stream in self.workers and stream not in self._always and stream not in self._lingering:
            self._lingering[stream] = asyncio.create_task(self._linger(stream))

    async def _linger(self, stream: StreamRef) -> None:
        await self.clock.sleep(self._options.linger_s)
        del self._lingering[stream]
        if stream not in self._always and stream not in self._demanded:
            await self._remove(stream, EndReason.DISABLED)
            self._forget(stream)

    def _mark(self, stream: StreamRef) -> None:
        worker = self.workers.get(stream)
        if worker is not None:
            worker.patience.watched = stream in self._demanded

    async def _listen(self, events: Events) -> None:
        async for _ in events:
            self._dirty.set()

    async def _watchdog(self) -> None:
        options, passed_s = self._options, 0.0
        while True:
            await self.clock.sleep(options.watchdog_s)
            passed_s += options.watchdog_s
            for stream, worker in list(self.workers.items()):
                worker.check()
                if worker.is_dead:
                    log.error("worker ended by itself", stream=str(stream))
                    await self._remove(stream, EndReason.CAMERA_UNREACHABLE)
                    self._dirty.set()
            if passed_s >= options.refresh_s:
                passed_s = 0.0
                self._dirty.set()

    async def _reconcile(self) -> None:
        wanted, disabled = self._plan(await self._cameras())
        self._known = wanted.keys()
        allotted = self._leases.allot(self._known)
        await self._give_way(allotted)
        self.specs = {ref: spec for ref, spec in wanted.items() if ref in allotted.mine}
        needed = (self._always | self._demanded) & (allotted.mine | allotted.coming)
        leaving = [ref for ref, w in self.workers.items() if wanted.get(ref) != w.spec or ref not in needed]
        await asyncio.gather(
            *(self._remove(ref, EndReason.INFO_CHANGED if ref in wanted else EndReason.DISABLED) for ref in leaving)
        )
        for ref in disabled:
            if self._conditions.get(ref) is not StreamCondition.DISABLED:
                now_ns = self.clock.now_ns()
                self._tell(StreamState(ref, StreamCondition.DISABLED, now_ns, "", str(GapCause.DISABLED)))
        for ref in [ref for ref in self._conditions if ref not in wanted and ref not in disabled]:
            self._forget(ref)
        for ref in allotted.mine & self.workers.keys():
            self.workers[ref].come()
        missing = [ref for ref in wanted if ref in needed and ref not in self.workers]
        for number, ref in enumerate(missing):
            self._start(wanted[ref], number * self._options.stagger_s, coming=ref in allotted.coming)
        self.on_change()

    def _plan(self, cameras: Sequence[Camera]) -> tuple[dict[StreamRef, StreamSpec], set[StreamRef]]:
        """(what can be pulled, what is disabled)."""
        wanted: dict[StreamRef, StreamSpec] = {}
        disabled: set[StreamRef] = set()
        self._always = set()
        self.priorities = {camera.id: camera.priority for camera in cameras}
        self.cameras = {camera.id: camera for camera in cameras}
        for camera in cameras:
            if camera.deleted_ns is not None:
                continue
            for stream in camera.streams:
                if not camera.enabled:
                    disabled.add(stream.ref)
                    continue
                wanted[stream.ref] = StreamSpec(
                    stream.ref,
                    camera.site,
                    stream.url,
                    camera.username,
                    camera.password,
                    camera.transport,
                    camera.audio,
                )
                if stream.ref.name is StreamName.SUB or stream.record is not RecordMode.OFF:
                    self._always.add(stream.ref)
        return wanted, disabled

    def _start(self, spec: StreamSpec, delay_s: float, *, coming: bool = False) -> None:
        worker = Worker(spec, self._parts, self._options.worker, coming=coming)
        self.workers[spec.stream] = worker
        self._mark(spec.stream)
        worker.start(delay_s)

    async def _remove(self, stream: StreamRef, reason: EndReason) -> None:
        worker = self.workers.pop(stream, None)
        if worker is not None:
            await worker.stop(reason)

    def _wake_others(self, stream: StreamRef) -> None:
        """A camera that is back on one Stream is there for its other one too."""
        for name in StreamName:
            other = self.workers.get(StreamRef(stream.camera, name))
            if other is not None and name is not stream.name:
                other.patience.wake()

    def _forget(self, stream: StreamRef) -> None:
        self._hub.drop_state(stream)
        condition = self._conditions.pop(stream, None)
        if condition is not None:
            metrics.STREAMS.labels(condition).dec()

    def _tell(self, state: StreamState) -> None:
        before = self._conditions.get(state.stream)
        if before is not state.condition:
            if before is not None:
                metrics.STREAMS.labels(before).dec()
            metrics.STREAMS.labels(state.condition).inc()
            self._conditions[state.stream] = state.condition
            if state.condition is StreamCondition.LIVE:
                self._wake_others(state.stream)
        self._hub.publish(state)
        subject = f"ingest.state.{state.stream.camera}.{state.stream.name}"
        self._bus.publish(subject, {"state": state, "node": self._parts.node})
