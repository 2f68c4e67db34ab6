"""Ingest of one node for tests: hub, bus, fleet, watch, and all that was published, to be awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from ingest.fleet import Fleet, FleetOptions
from ingest.patience import WorkerOptions
from ingest.probe import ProbeOptions, Prober
from ingest.watch import Watch, WatchOptions
from vms.bus.hub import Hub, HubClosedError
from vms.bus.leases import Allotment
from vms.bus.memory import MemoryBus
from vms.clock import SystemClock
from vms.domain.camera import Camera, RecordMode, Stream, StreamName, StreamRef
from vms.domain.camera_url import AddressPolicy, networks
from vms.domain.grant import LeaseGrant
from vms.domain.media import HubItem, Packet, RunEnded, RunStarted, StreamCondition, StreamState
from vms.errors import ConflictError
from vms.service import Supervisor

LOOPBACK = AddressPolicy(allowed=networks(["127.0.0.0/8"]))
FAST = WorkerOptions(open_timeout_s=2.0, backoff_s=0.1, backoff_cap_s=1.0, policy=LOOPBACK)


class FakeLeases:
    """Grants with growing epochs. What is in `elsewhere` another Node holds; `coming`: this one is to have it."""

    def __init__(self) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self.epochs: dict[StreamRef, int] = {}
        self.held: set[StreamRef] = set()
        self.elsewhere: set[StreamRef] = set()
        self.coming: set[StreamRef] = set()
        self.refused: set[StreamRef] = set()
        self.vacant: dict[StreamRef, int] = {}
        self.granted: list[LeaseGrant] = []
        self.live: dict[StreamRef, bool] = {}
        self.free = asyncio.Event()
        self.free.set()
        self.left = False

    def allot(self, streams: Collection[StreamRef]) -> Allotment:
        """All but what is elsewhere."""
        known = frozenset(streams)
        return Allotment(known - self.elsewhere, known & self.coming)

    async def acquire(self, stream: StreamRef, from_ns: int | None = None) -> LeaseGrant:
        """The next epoch; waits while `free` is not set."""
        await self.free.wait()
        if stream in self.refused:
            raise ConflictError("no")
        self.epochs[stream] = self.epochs.get(stream, 0) + 1
        self.held.add(stream)
        self.elsewhere.discard(stream)
        self.coming.discard(stream)
        self.granted.append(LeaseGrant(stream, self.epochs[stream], "node", from_ns or 0))
        self.on_change()
        return self.granted[-1]

    def take_away(self, stream: StreamRef) -> None:
        """Another Node has it now."""
        self.elsewhere.add(stream)
        self.held.discard(stream)
        self.on_change()

    async def release(self, stream: StreamRef) -> None:
        """Given back."""
        self.held.discard(stream)

    def tell(self, stream: StreamRef, /, *, live: bool) -> None:
        """Noted."""
        self.live[stream] = live

    def give_up(self, stream: StreamRef, /) -> None:
        """It stays where it is."""
        self.coming.discard(stream)
        self.on_change()

    def vacant_ns(self, stream: StreamRef, /) -> int | None:
        """As set."""
        return self.vacant.get(stream)

    def successor(self, stream: StreamRef, /) -> LeaseGrant | None:
        """Another Node, since the time 7."""
        return LeaseGrant(stream, 99, "other", 7) if stream in self.elsewhere else None

    async def leave(self) -> None:
        """At once."""
        self.left = True


class Rig:
    """What a test touches."""

    def __init__(self, cameras: list[Camera], options: FleetOptions, watch: WatchOptions | None = None) -> None:
        self.clock = SystemClock()
        self.hub, self.bus = Hub(self.clock), MemoryBus()
        self.cameras, self.leases = cameras, FakeLeases()
        self.fleet = Fleet(
            node="node",
            cameras=self._list,
            leases=self.leases,
            bus=self.bus,
            hub=self.hub,
            clock=self.clock,
            options=options,
        )
        prober = Prober(ProbeOptions(policy=options.worker.policy, open_timeout_s=2.0, read_s=1.0, first_key_s=2.0))
        self.watch = Watch(bus=self.bus, hub=self.hub, fleet=self.fleet, prober=prober, clock=self.clock, options=watch)
        self.items: list[HubItem] = []
        self._arrived = asyncio.Event()

    async def _list(self) -> list[Camera]:
        return list(self.cameras)

    async def collect(self) -> None:
        """Keep all that is published."""
        subscription = self.hub.subscribe("recorder", lossless=True, limit_bytes=200_000_000)
        with suppress(HubClosedError):
            while True:
                self.items += await subscription.get()
                self._arrived.set()

    async def until(self, met: Callable[[], bool], within_s: float = 10.0) -> None:
        """Wait until the condition holds, looked at whenever something was published."""
        async with asyncio.timeout(within_s):
            while not met():
                self._arrived.clear()
                await self._arrived.wait()

    async def until_condition(self, condition: StreamCondition, within_s: float = 10.0) -> StreamState:
        """Wait for a state that is told from now on, or is the last told."""
        await self.until(lambda: self.states()[-1:] != [] and self.states()[-1].condition is condition, within_s)
        return self.states()[-1]

    async def until_packets(self, count: int, within_s: float = 10.0) -> None:
        """Wait for that many more Packets."""
        goal = len(self.packets()) + count
        await self.until(lambda: len(self.packets()) >= goal, within_s)

    async def change(self, *cameras: Camera) -> None:
        """Register other cameras."""
        self.cameras[:] = cameras
        self.bus.publish("cameras.changed", {"camera": ""})

    def packets(self, name: StreamName = StreamName.MAIN) -> list[Packet]:
        """All Packets of a name of Stream."""
        return [i for i in self.items if isinstance(i, Packet) and i.stream.name is name]

    def runs(self) -> list[RunStarted]:
        """All beginnings."""
        return [i for i in self.items if isinstance(i, RunStarted)]

    def ends(self) -> list[RunEnded]:
        """All ends."""
        return [i for i in self.items if isinstance(i, RunEnded)]

    def states(self) -> list[StreamState]:
        """All states."""
        return [i for i in self.items if isinstance(i, StreamState)]


def camera(url: str, username: str = "", password: str = "", **more: object) -> Camera:
    """A camera with one recorded main."""
    main = Stream(StreamRef("cam1", StreamName.MAIN), url)
    return replace(Camera("cam1", "site1", "cam-1", "Cam 1", (main,), username, password), **more)


def with_sub(cam: Camera, url: str, record: RecordMode = RecordMode.CONTINUOUS) -> Camera:
    """The camera with a sub stream, its main recorded as said."""
    main = replace(cam.streams[0], record=record)
    return replace(cam, streams=(main, Stream(StreamRef(cam.id, StreamName.SUB), url)))


@asynccontextmanager
async def running(
    *cameras: Camera,
    worker: WorkerOptions = FAST,
    prepare: Callable[[FakeLeases], None] = lambda _leases: None,
    watch: WatchOptions | None = None,
    **options: float,
) -> AsyncIterator[Rig]:
    """Run ingest with these cameras. `prepare`: what is to be so before it starts."""
    rig = Rig(list(cameras), FleetOptions(worker=worker, watchdog_s=0.1, **options), watch)
    prepare(rig.leases)
    collector = asyncio.create_task(rig.collect())
    supervisor = Supervisor([rig.fleet, rig.watch], grace_s=10)
    supervisor.start()
    try:
        async with asyncio.timeout(5):
            while not rig.watch.health().ok:
                await asyncio.sleep(0)
        yield rig
    finally:
        await supervisor.stop()
        await asyncio.sleep(0)
        collector.cancel()
        with suppress(asyncio.CancelledError):
            await collector
        await rig.bus.close()
