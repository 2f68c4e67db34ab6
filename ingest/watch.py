"""What the bus asks of ingest: watch and unwatch a Stream, states, snapshot, probe. Event loop only.

Packets leave the node's hub for `media.<camera>.<stream>` only while somebody's credit lasts: nobody watching, not a
byte. A watcher subscribes first and asks then; what comes twice has the same (run, seq).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from ingest.fleet import Fleet
from ingest.picture import jpeg
from ingest.probe import Prober
from vms.bus.base import Bus, Handler, Served, Value
from vms.bus.hub import Hub, HubClosedError, HubSubscription
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import StreamName, StreamRef
from vms.domain.media import HubItem, Packet, Run
from vms.errors import CameraUnreachableError, InputError
from vms.service import Service

MAX_CREDIT_S = 60.0
SWEEP_S = 0.5
_QUALITIES = frozenset({"all", "key"})


@dataclass(slots=True)
class _Watching:
    """Who watches one Stream: until when (monotonic) and in which quality, by watcher."""

    stream: StreamRef
    subscription: HubSubscription
    known: tuple[HubItem | None, ...]
    credit: dict[str, tuple[int, str]] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None

    def expire(self, now_ns: int) -> None:
        for watcher in [w for w, (until_ns, _) in self.credit.items() if until_ns <= now_ns]:
            del self.credit[watcher]

    @property
    def keys_only(self) -> bool:
        return all(quality == "key" for _, quality in self.credit.values())


class Watch(Service):
    """Serves the subjects of ingest on the bus."""

    name = "watch"

    def __init__(self, *, bus: Bus, hub: Hub, fleet: Fleet, prober: Prober, clock: Clock) -> None:
        super().__init__(clock)
        self._bus, self._hub, self._fleet, self._prober = bus, hub, fleet, prober
        self._watching: dict[StreamRef, _Watching] = {}
        self._served: dict[str, Served] = {}
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="ingest-picture")

    async def run_once(self) -> None:
        """Serve until stopped."""
        fixed: dict[str, Handler] = {"ingest.states": self._states, "ingest.probe": self._probe}
        always = [self._bus.serve(subject, handler) for subject, handler in fixed.items()]
        self._fleet.on_change = self._follow
        self._follow()
        self.ready()
        try:
            while await self.pause(SWEEP_S):
                for watching in list(self._watching.values()):
                    self._sweep(watching)
        finally:
            self._fleet.on_change = lambda: None
            for served in (*always, *self._served.values()):
                served.close()
            self._served.clear()
            for watching in list(self._watching.values()):
                await self._end(watching)

    async def close(self) -> None:
        """Let the picture threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _follow(self) -> None:
        """Serve exactly the Streams this node ingests: for others somebody else answers, or nobody."""
        handlers: dict[str, Handler] = {}
        for ref in self._fleet.specs:
            handlers[f"ingest.watch.{ref.camera}.{ref.name}"] = self._watch
            handlers[f"ingest.unwatch.{ref.camera}.{ref.name}"] = self._unwatch
            handlers[f"ingest.snapshot.{ref.camera}"] = self._snapshot
        for subject in [subject for subject in self._served if subject not in handlers]:
            self._served.pop(subject).close()
        for subject, handler in handlers.items():
            if subject not in self._served:
                self._served[subject] = self._bus.serve(subject, handler)

    async def _watch(self, value: Value) -> Value:
        stream = _stream_of(value)
        watcher, quality, credit_s = _order(value)
        watching = self._watching.get(stream) or self._begin(stream)
        watching.credit[watcher] = (self.clock.mono_ns() + int(credit_s * NS_PER_S), quality)
        state = self._hub.state_of(stream)
        if value.get("renew"):
            return {"state": state}
        worker = self._fleet.workers.get(stream)
        gop = worker.gop.packets() if worker is not None else []
        run = worker.gop.run if worker is not None else None
        return {"run": run, "state": state, "gop": gop, "subject": _media(stream)}

    async def _unwatch(self, value: Value) -> Value:
        watching = self._watching.get(_stream_of(value))
        if watching is not None:
            watching.credit.pop(str(value.get("watcher", "")), None)
            self._sweep(watching)
        return {}

    def _begin(self, stream: StreamRef) -> _Watching:
        subscription = self._hub.subscribe("watch", stream)
        # A new subscription is told first what is known already; the answer to the request says it too.
        known = (self._hub.state_of(stream), self._hub.run_of(stream))
        watching = _Watching(stream, subscription, known)
        watching.task = asyncio.create_task(self._bridge(watching), name=f"watch {stream}")
        self._watching[stream] = watching
        self._fleet.demand(stream)
        return watching

    async def _bridge(self, watching: _Watching) -> None:
        subject = _media(watching.stream)
        with suppress(HubClosedError):
            while True:
                for item in await watching.subscription.get():
                    if any(item is known for known in watching.known):
                        continue
                    if isinstance(item, Packet) and not item.is_key and watching.keys_only:
                        continue
                    self._bus.publish(subject, {"item": item})

    def _sweep(self, watching: _Watching) -> None:
        watching.expire(self.clock.mono_ns())
        if not watching.credit:
            self._let_go(watching)

    def _let_go(self, watching: _Watching) -> None:
        if self._watching.pop(watching.stream, None) is not None:
            watching.subscription.close()
            self._fleet.release(watching.stream)

    async def _end(self, watching: _Watching) -> None:
        self._let_go(watching)
        if watching.task is not None:
            await watching.task

    async def _states(self, _value: Value) -> Value:
        return {"states": self._hub.states()}

    async def _snapshot(self, value: Value) -> Value:
        camera = str(value["_subject"]).split(".")[2]
        width = value.get("width")
        if width is not None and not isinstance(width, int):
            raise InputError("The width must be a whole number of pixels.", field="width")
        run, packet = self._freshest(camera, width)
        loop = asyncio.get_running_loop()
        data = await loop.run_in_executor(self._pool, jpeg, run.info.video.codec, packet.payload, width)
        return {"jpeg": data, "wall_ns": packet.wall_ns, "stream": str(packet.stream.name)}

    def _freshest(self, camera: str, width: int | None) -> tuple[Run, Packet]:
        """The newest key frame: of `sub` where it is wide enough for what is asked, else of `main`, else of any."""
        found: dict[StreamName, tuple[Run, Packet]] = {}
        why, reason, params = "", "", None
        for name in StreamName:
            stream = StreamRef(camera, name)
            worker, state = self._fleet.workers.get(stream), self._hub.state_of(stream)
            if worker is not None and worker.gop.run is not None and (key := worker.gop.key()) is not None:
                found[name] = (worker.gop.run, key)
            elif state is not None and not why:
                why, reason, params = state.why, state.reason, state.params
        if not found:
            words = "There is no picture of this camera now."
            raise CameraUnreachableError(words, hint=why, reason=reason or "no_picture", params=params)
        sub = found.get(StreamName.SUB)
        if sub is not None and width is not None and sub[0].info.video.width >= width:
            return sub
        return found.get(StreamName.MAIN) or found[StreamName.SUB]

    async def _probe(self, value: Value) -> Value:
        report = await self._prober.probe(
            str(value.get("url", "")),
            str(value.get("username", "")),
            str(value.get("password", "")),
            str(value.get("transport") or "tcp"),
        )
        return asdict(report)


def _media(stream: StreamRef) -> str:
    return f"media.{stream.camera}.{stream.name}"


def _stream_of(value: Value) -> StreamRef:
    _, _, camera, name = str(value["_subject"]).split(".")
    return StreamRef(camera, StreamName(name))


def _order(value: Mapping[str, Any]) -> tuple[str, str, float]:
    watcher, quality, credit_s = value.get("watcher"), value.get("quality", "all"), value.get("credit_s")
    if not isinstance(watcher, str) or not watcher or quality not in _QUALITIES:
        raise InputError("A watch names its watcher, and the quality all or key.")
    if not isinstance(credit_s, int | float) or not 0 < credit_s <= MAX_CREDIT_S:
        raise InputError(f"The credit of a watch is more than 0 and at most {MAX_CREDIT_S:g} seconds.")
    return watcher, str(quality), float(credit_s)
