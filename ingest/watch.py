"""What the bus asks of ingest: watch and unwatch a Stream, states, snapshot, probe. Event loop only.

Packets leave the node's hub for `media.<zone>.<camera>.<stream>` only while the credit of somebody in that zone lasts:
nobody watching, not a byte; many in one zone, once. A watcher subscribes first and asks then; what comes twice has the
same (run, seq).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from ingest.arbiter import Arbiter, LineOptions
from ingest.bridge import FarBridge, HomeBridge, media_subject
from ingest.credit import Credit, priority_of
from ingest.fleet import Fleet
from ingest.line import CreditOptions, Line
from ingest.picture import jpeg
from ingest.probe import Prober
from ingest.watching import Watching, order_of, stream_of
from vms.bus.base import Bus, Events, Handler, Served, Value
from vms.bus.hub import Hub, HubClosedError
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import StreamName, StreamRef
from vms.domain.media import Packet, Run
from vms.errors import CameraUnreachableError, InputError
from vms.line_meter import LineMeter
from vms.service import Service

SWEEP_S = 0.5
READY_S = 1.0
STATES_LIMIT = 16
_STREAMS = frozenset(name.value for name in StreamName)
# A snapshot is one message; most buses take a megabyte.
SNAPSHOT_BYTES = 900_000
SNAPSHOT_WIDTHS = (1920, 1280, 640)


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """`node`: id of this node, to which others send acknowledgements; `zone`: where it stands; `site`: slug of the Site
    whose cameras it tries for the form, None: of any. `priority`: 0 to 100 by Stream, who keeps its pictures on a line
    that does not carry all. `answer_bytes`: the largest cached group that is put into an answer, None: any; a larger
    one comes over the media subject. `line`: what the Site's line carries."""

    node: str = "node"
    zone: str = "center"
    site: str | None = None
    priority: Callable[[StreamRef], int] = priority_of
    answer_bytes: int | None = None
    credit: CreditOptions = field(default_factory=CreditOptions)
    line: LineOptions = field(default_factory=LineOptions)


class Watch(Service):
    """Serves the subjects of ingest on the bus; Packets go out on `media`, which may be the same."""

    name = "watch"

    def __init__(
        self,
        *,
        bus: Bus,
        hub: Hub,
        fleet: Fleet,
        prober: Prober,
        clock: Clock,
        media: Bus | None = None,
        options: WatchOptions | None = None,
        meter: LineMeter | None = None,
    ) -> None:
        super().__init__(clock)
        self._bus, self._hub, self._fleet, self._prober = bus, hub, fleet, prober
        self._media = media or bus
        self._options = options or WatchOptions()
        self._meter = meter or LineMeter(clock)
        self._lines: dict[str, Line] = {}
        self._ready: dict[tuple[StreamRef, str], int] = {}
        self._watching: dict[StreamRef, Watching] = {}
        self._served: dict[str, Served] = {}
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="ingest-picture")
        self._arbiter = Arbiter(
            bus=bus,
            clock=clock,
            node=self._options.node,
            zone=self._options.zone,
            rate_of=self._rate_of,
            priority_of=self._options.priority,
            exists=lambda stream: stream in fleet.specs,
            options=self._options.line,
        )

    async def run_once(self) -> None:
        """Serve until stopped."""
        probed = self._bus.serve(f"ingest.probe.{self._options.site or '*'}", self._probe)
        asks = self._bus.subscribe("ingest.states.ask", limit=STATES_LIMIT)
        acks = self._bus.subscribe(f"ingest.ack.{self._options.node}")
        readies = self._media.subscribe("ready.*.*")
        claims = self._bus.subscribe(self._arbiter.subject)
        listening = [
            asyncio.create_task(self._tell_states(asks)),
            asyncio.create_task(self._take_acks(acks)),
            asyncio.create_task(self._take_ready(readies)),
            asyncio.create_task(self._take_claims(claims)),
        ]
        self._fleet.on_change = self._follow
        self._follow()
        self.ready()
        try:
            while await self.pause(SWEEP_S):
                for watching in list(self._watching.values()):
                    self._sweep(watching)
                self._arbitrate()
                late_ns = self.clock.mono_ns() - int(READY_S * NS_PER_S)
                self._ready = {key: at_ns for key, at_ns in self._ready.items() if at_ns > late_ns}
        finally:
            self._fleet.on_change = lambda: None
            for each in (asks, acks, readies, claims, probed, *self._served.values()):
                each.close()
            self._served.clear()
            for watching in list(self._watching.values()):
                await self._end(watching)
            await asyncio.gather(*listening, return_exceptions=True)

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
        for stream, watching in list(self._watching.items()):
            if stream not in self._fleet.specs:
                self._let_go(watching)

    async def _watch(self, value: Value) -> Value:
        stream = stream_of(value)
        order = order_of(value, self._options.zone)
        watching = self._watching.get(stream) or self._begin(stream)
        watching.take(order, self.clock.mono_ns())
        if order.zone != self._options.zone:
            self._arbitrate()
        answer: dict[str, Any] = {"state": self._hub.state_of(stream), "now_ns": self.clock.now_ns()}
        if (verdict := watching.verdicts.get(order.zone)) is not None:
            answer["line"] = verdict.as_value()
        where = {"subject": media_subject(order.zone, stream), "node": self._options.node, "zone": self._options.zone}
        begun = watching.may_have(order.zone) and self._bridge(watching, order.zone)
        if begun and order.zone in self._lines:
            self._lines[order.zone].revive()
        watching.expire(self.clock.mono_ns())
        if not watching.may_have(order.zone):
            return {**answer, "run": None, "gop": [], **where}
        worker = self._fleet.workers.get(stream)
        run = worker.gop.run if worker is not None else None
        if value.get("renew") and not begun and value.get("run", run and run.id) == (run and run.id):
            return answer
        gop = worker.gop.packets() if worker is not None else []
        if gop and (order.zone != self._options.zone or self._is_large(gop)):
            gop = []
            self._promise(watching, order.zone)
        elif begun:
            self._promise(watching, order.zone)
        return {**answer, "run": run, "gop": gop, **where}

    def _promise(self, watching: Watching, zone: str) -> None:
        """The cached group, as soon as the watcher's subscription has come over the line: it says so on the media bus,
        on the same way. The request may be the quicker one, or the slower."""
        now_ns = self.clock.mono_ns()
        watching.bridges[zone].promised_ns = now_ns
        ready_ns = self._ready.get((watching.stream, zone))
        if ready_ns is not None and now_ns - ready_ns < READY_S * NS_PER_S:
            self._keep_promise(watching, zone)

    def _keep_promise(self, watching: Watching, zone: str) -> None:
        watching.bridges[zone].promised_ns = None
        worker = self._fleet.workers.get(watching.stream)
        watching.bridges[zone].burst(worker.gop.packets() if worker is not None else [])

    async def _take_ready(self, readies: Events) -> None:
        async for subject, value in readies:
            _, camera, name = subject.split(".")
            if name not in _STREAMS:
                continue
            stream, zone = StreamRef(camera, StreamName(name)), str(value.get("zone"))
            if stream not in self._fleet.specs:
                continue
            self._ready[stream, zone] = self.clock.mono_ns()
            watching = self._watching.get(stream)
            bridge = watching.bridges.get(zone) if watching is not None else None
            if watching is not None and bridge is not None and bridge.promised_ns is not None:
                self._keep_promise(watching, zone)

    def _is_large(self, gop: list[Packet]) -> bool:
        limit = self._options.answer_bytes
        return limit is not None and sum(len(packet.payload) for packet in gop) > limit

    def _bridge(self, watching: Watching, zone: str) -> bool:
        """Have a bridge to the zone; whether it is new."""
        if zone in watching.bridges:
            return False
        stream, options = watching.stream, self._options
        if zone == options.zone:
            watching.bridges[zone] = HomeBridge(stream, zone, self._media)
            return True
        line = self._lines.setdefault(zone, Line(options.credit))
        watching.bridges[zone] = FarBridge(
            stream,
            zone,
            self._media,
            clock=self.clock,
            credit=Credit(line, stream, options.priority(stream)),
            meter=self._meter,
            pool=self._pool,
            run_of=lambda: None if (started := self._hub.run_of(stream)) is None else started.run,
        )
        return True

    async def _unwatch(self, value: Value) -> Value:
        watching = self._watching.get(stream_of(value))
        if watching is not None:
            watching.orders.pop(str(value.get("watcher", "")), None)
            self._sweep(watching)
            self._arbitrate()
        return {}

    def _arbitrate(self) -> None:
        """Decide which large streams cross the line, and tell who asked for one where that is new."""
        home = self._options.zone
        asked = [each for watching in self._watching.values() for each in watching.asked(home)]
        now_ns, lines = self.clock.mono_ns(), self._lines.values()
        squeezed, cut = any(line.squeezed(now_ns) for line in lines), any(line.lost for line in lines)
        verdicts = self._arbiter.decide(asked, squeezed=squeezed, cut=cut)
        for stream, watching in self._watching.items():
            before, watching.verdicts = watching.verdicts, verdicts.get(stream, {})
            changed = [z for z, v in watching.verdicts.items() if z in before and before[z].given != v.given]
            if changed or before.keys() != watching.verdicts.keys():
                watching.expire(now_ns)
            for zone in changed:
                said = {"zone": zone, "line": watching.verdicts[zone].as_value()}
                self._bus.publish(f"ingest.line.{stream.camera}.{stream.name}", said)

    async def _take_claims(self, claims: Events) -> None:
        async for _, value in claims:
            self._arbiter.hear(value)

    def _rate_of(self, stream: StreamRef) -> float | None:
        worker = self._fleet.workers.get(stream)
        return None if worker is None else worker.gop.rate.bytes_s

    def _begin(self, stream: StreamRef) -> Watching:
        subscription = self._hub.subscribe("watch", stream)
        # A new subscription is told first what is known already; the answer to the request says it too.
        known = (self._hub.state_of(stream), self._hub.run_of(stream))
        watching = Watching(stream, subscription, known)
        watching.task = asyncio.create_task(self._carry(watching), name=f"watch {stream}")
        self._watching[stream] = watching
        self._fleet.demand(stream)
        return watching

    async def _carry(self, watching: Watching) -> None:
        with suppress(HubClosedError):
            while True:
                for item in await watching.subscription.get():
                    if not any(item is known for known in watching.known):
                        for bridge in watching.bridges.values():
                            bridge.put(item)

    async def _take_acks(self, acks: Events) -> None:
        async for _, value in acks:
            zone, numbers = value.get("zone"), value.get("acks")
            for name, number in numbers.items() if isinstance(numbers, dict) else ():
                camera, _, stream = str(name).partition(".")
                watching = self._watching.get(StreamRef(camera, StreamName(stream))) if stream in _STREAMS else None
                bridge = watching.bridges.get(str(zone)) if watching is not None else None
                if bridge is not None and isinstance(number, int):
                    bridge.acked(number)

    def _sweep(self, watching: Watching) -> None:
        late_ns = self.clock.mono_ns() - int(READY_S * NS_PER_S)
        for zone, bridge in watching.bridges.items():
            if bridge.promised_ns is not None and bridge.promised_ns < late_ns:
                self._keep_promise(watching, zone)
        watching.expire(self.clock.mono_ns())
        if not watching.orders:
            self._let_go(watching)

    def _let_go(self, watching: Watching) -> None:
        if self._watching.pop(watching.stream, None) is not None:
            watching.subscription.close()
            self._fleet.release(watching.stream)

    async def _end(self, watching: Watching) -> None:
        self._let_go(watching)
        if watching.task is not None:
            await watching.task

    async def _tell_states(self, asks: Events) -> None:
        async for _ in asks:
            for state in self._hub.states():
                subject = f"ingest.state.{state.stream.camera}.{state.stream.name}"
                self._bus.publish(subject, {"state": state, "node": self._options.node})

    async def _snapshot(self, value: Value) -> Value:
        camera = str(value["_subject"]).split(".")[2]
        width = value.get("width")
        if width is not None and not isinstance(width, int):
            raise InputError("The width must be a whole number of pixels.", field="width")
        run, packet = self._freshest(camera, width)
        loop = asyncio.get_running_loop()
        for wide in (width, *SNAPSHOT_WIDTHS):
            data = await loop.run_in_executor(self._pool, jpeg, run.info.video.codec, packet.payload, wide)
            if len(data) <= SNAPSHOT_BYTES:
                break
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
