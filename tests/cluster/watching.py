"""Cameras that are not there at a real `Watch`, and feeds that watch them: for tests and the bench of lines.

As a program it is a node of a site: `python -m tests.cluster.watching '{"url": …}'` serves its cameras over NATS until
its input ends. Key frames can be decoded, and all sizes are those of a camera; the rest is no picture.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from ingest.fleet import Fleet
from ingest.gop import GopCache
from ingest.probe import Prober
from ingest.watch import Watch, WatchOptions
from streamer.acks import Acks
from streamer.arriving import Buses, Picture
from streamer.feed import Feed
from streamer.options import StreamerOptions
from tests.cluster.backfill import uploading
from tests.streamer.fake_ingest import clip
from vms.bus.base import Bus
from vms.bus.hub import Hub
from vms.bus.link import NatsLink, NatsOptions
from vms.bus.nats import NatsBus
from vms.clock import NS_PER_MS, NS_PER_S, Clock, SystemClock
from vms.domain.camera import StreamName, StreamRef
from vms.domain.media import (
    ClockState,
    Codec,
    HubItem,
    Packet,
    Run,
    RunInfo,
    RunStarted,
    StreamCondition,
    StreamState,
    Track,
)
from vms.line_meter import LineMeter

# NAL unit type 12, which decoders leave out (ITU-T H.264 §7.3.2.7).
FILLER = b"\x00\x00\x00\x01\x0c"


@dataclass
class Camera:
    """`phase_s`: when its groups begin, so that not all key frames come at once."""

    name: str
    bps: int = 300_000
    fps: int = 15
    gop: int = 30
    priority: int = 50
    phase_s: float = 0.0

    @property
    def ref(self) -> StreamRef:
        """Its sub stream."""
        return StreamRef(self.name, StreamName.SUB)

    def size(self, frame: int) -> int:
        """A key frame is a fifth of its group."""
        group = self.bps * self.gop // self.fps // 8
        return group // 5 if frame % self.gop == 0 else group * 4 // 5 // (self.gop - 1)


@dataclass
class _Worker:
    gop: GopCache = field(default_factory=GopCache)


class FakeFleet:
    """What Watch knows of a fleet, with cameras that send at their pace."""

    def __init__(self, hub: Hub, clock: Clock, node: str, cameras: list[Camera]) -> None:
        self.hub, self.clock, self.node, self.cameras = hub, clock, node, cameras
        self.workers = {camera.ref: _Worker() for camera in cameras}
        self.specs: dict[StreamRef, Any] = {camera.ref: camera for camera in cameras}
        self.on_change: Callable[[], None] = lambda: None
        self.sent_bytes = 0
        self._tasks: list[asyncio.Task[None]] = []

    def demand(self, stream: StreamRef) -> None:
        """Always pulled."""

    def release(self, stream: StreamRef) -> None:
        """Always pulled."""

    def start(self) -> None:
        """All cameras begin."""
        self._tasks = [asyncio.create_task(self._play(camera)) for camera in self.cameras]

    async def stop(self) -> None:
        """All end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _publish(self, ref: StreamRef, item: HubItem) -> None:
        if not isinstance(item, StreamState):
            self.workers[ref].gop.add(item)
        self.hub.publish(item)

    async def _play(self, camera: Camera) -> None:
        await self.clock.sleep(camera.phase_s)
        ref, clock = camera.ref, self.clock
        start_ns, mono_ns = clock.now_ns(), clock.mono_ns()
        info = RunInfo((Track(0, Codec.H264, width=640, height=360),))
        state = ClockState("boot", mono_ns, start_ns, synchronized=True)
        run = Run(f"run{camera.name}{start_ns % 10**9}", ref, "site", self.node, 1, info, start_ns, state, start_ns)
        self._publish(ref, StreamState(ref, StreamCondition.LIVE, start_ns))
        self._publish(ref, RunStarted(run))
        frame = 0
        while True:
            due_ns = frame * NS_PER_S // camera.fps
            await clock.sleep((mono_ns + due_ns - clock.mono_ns()) / NS_PER_S)
            time_90k, size = frame * 90_000 // camera.fps, camera.size(frame)
            is_key = frame % camera.gop == 0
            payload = (clip(60)[0] if is_key else b"") + FILLER
            payload += b"\xff" * (size - len(payload) - 1) + b"\x80"
            self.sent_bytes += len(payload)
            self._publish(ref, Packet(ref, run.id, 0, frame, time_90k, time_90k, clock.now_ns(), is_key, payload))
            frame += 1


class Taker:
    """A viewer of a feed: how old each Packet was when it got it, and how old what it shows is, looked at often."""

    def __init__(self, feed: Feed, clock: Clock) -> None:
        self.feed, self.clock = feed, clock
        self.ages_ms: list[float] = []
        self.shown_ms: list[float] = []
        self.payload_bytes = 0
        self.newest_ns: int | None = None
        self.first_ns: int | None = None
        self.picture: Picture | None = None
        self.pictures_ms: list[float] = []
        feed.sinks.add(self)
        feed.changes.add(self._changed)

    def _changed(self) -> None:
        picture = self.feed.picture
        if picture is not None and picture is not self.picture:
            self.pictures_ms.append((self.clock.now_ns() - picture.wall_ns) / NS_PER_MS)
        self.picture = picture

    def push(self, packet: Packet) -> None:
        """See Sink."""
        self.ages_ms.append(self.feed.age_ns(packet.wall_ns) / NS_PER_MS)
        self._show(packet)

    def restart(self) -> None:
        """See Sink: the cached group is old but for its last."""
        if self.feed.gop:
            self._show(self.feed.gop[-1])

    def _show(self, packet: Packet) -> None:
        self.payload_bytes += len(packet.payload)
        self.newest_ns = packet.wall_ns
        self.first_ns = self.first_ns or self.clock.mono_ns()

    def look(self) -> None:
        """Note how old the picture is that is seen now."""
        if self.newest_ns is not None:
            age_ms = self.feed.age_ns(self.newest_ns) / NS_PER_MS
            if self.picture is not None:
                age_ms = min(age_ms, (self.clock.now_ns() - self.picture.wall_ns) / NS_PER_MS)
            self.shown_ms.append(age_ms)


def site(
    bus: Bus,
    media: Bus,
    clock: Clock,
    cameras: list[Camera],
    zone: str,
    node: str = "",
    meter: LineMeter | None = None,
) -> tuple[Watch, FakeFleet]:
    """A node of a site: what serves the watch, and its cameras; neither is started."""
    name = node or f"{zone}1"
    hub = Hub(clock)
    fleet = FakeFleet(hub, clock, name, cameras)
    priorities = {camera.ref: camera.priority for camera in cameras}
    options = WatchOptions(node=name, zone=zone, site=zone, priority=priorities.__getitem__, answer_bytes=512_000)
    watch = Watch(
        bus=bus,
        media=media,
        hub=hub,
        fleet=cast("Fleet", fleet),
        prober=Prober(),
        clock=clock,
        options=options,
        meter=meter,
    )
    return watch, fleet


@asynccontextmanager
async def watched(
    bus: Bus, media: Bus, clock: Clock, streams: list[StreamRef], options: StreamerOptions | None = None
) -> AsyncIterator[list[Taker]]:
    """A taker for each Stream, at feeds as the streamer has them."""
    chosen = options or StreamerOptions()
    acks = Acks(bus, clock, chosen.zone, chosen.ack_s)
    feeds = [Feed(Buses(bus, media), clock, stream, chosen, acks) for stream in streams]
    takers = [Taker(feed, clock) for feed in feeds]
    for feed in feeds:
        feed.start()
    try:
        yield takers
    finally:
        await asyncio.gather(*(feed.close() for feed in feeds))
        await acks.close()


@asynccontextmanager
async def nats_buses(plan: Mapping[str, str]) -> AsyncIterator[tuple[NatsBus, NatsBus]]:
    """Control and media bus at the server of a plan: url, zone, and users and passwords of both accounts."""
    links = [
        await NatsLink.connect(
            NatsOptions(plan["url"], plan[f"{kind}_user"], plan[f"{kind}_password"], f"{plan['zone']}-{kind}"),
            wait_s=20,
        )
        for kind in ("ctrl", "video")
    ]
    buses = [NatsBus(link, plan["zone"]) for link in links]
    try:
        yield buses[0], buses[1]
    finally:
        for bus in buses:
            await bus.close()
        for link in links:
            await link.close()


async def _serve(plan: dict[str, Any]) -> None:
    clock = SystemClock()
    meter = LineMeter(clock)
    async with AsyncExitStack() as stack:
        bus, media = await stack.enter_async_context(nats_buses(plan))
        if plan.get("backfill"):
            await stack.enter_async_context(uploading(plan["backfill"], bus, clock, meter))
        cameras = [Camera(**camera) for camera in plan["cameras"]]
        watch, fleet = site(bus, media, clock, cameras, plan["zone"], meter=meter)
        running = asyncio.create_task(watch.run())
        fleet.start()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await fleet.stop()
        watch.stop()
        await running


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
