"""Nodes of one Site in one process: leases on a real NATS server, ingest of simulated cameras, recorders, a catalogue.

The catalogue is one for all, as if rows arrived at once. A Node can be cut off from the lease service, and killed: then
nothing is said or given back, but what its recorder has is closed, as the sweep at the next start does.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ingest.fleet import Fleet, FleetOptions
from ingest.patience import WorkerOptions
from recorder.playback import Playback
from recorder.recording import Recording, RecordingOptions
from recorder.segmenter import CutOptions
from recorder.spool import Spool, SpoolOptions
from tests.servers.nats import NatsServer
from tests.simulator_fixture import RunningSimulator
from vms.bus.hub import Hub
from vms.bus.leases import Allotment
from vms.bus.link import NatsLink, NatsOptions
from vms.bus.memory import MemoryBus
from vms.clock import NS_PER_S, SystemClock
from vms.domain.camera import Camera, Site, Stream, StreamName, StreamRef
from vms.domain.camera_url import AddressPolicy, networks
from vms.domain.interval import Interval
from vms.errors import BusTimeoutError, NotFoundError
from vms.service import Supervisor
from vms.store import Catalogue
from vms.sync.lease_keys import Bucket, Entry
from vms.sync.site_leases import Buckets, LeaseOptions, SiteLeases

SITE = "site-sampit-0000"
WORKER = WorkerOptions(
    open_timeout_s=2.0, backoff_s=0.1, backoff_cap_s=1.0, policy=AddressPolicy(allowed=networks(["127.0.0.0/8"]))
)


@dataclass
class CutBucket:
    """A bucket that a Node can be cut off from."""

    bucket: Bucket
    up: asyncio.Event

    def _reach(self) -> None:
        if not self.up.is_set():
            raise BusTimeoutError("cut off")

    async def get(self, key: str) -> Entry | None:
        """As the bucket."""
        self._reach()
        return await self.bucket.get(key)

    async def create(self, key: str, value: bytes) -> int:
        """As the bucket."""
        self._reach()
        return await self.bucket.create(key, value)

    async def update(self, key: str, value: bytes, revision: int) -> int:
        """As the bucket."""
        self._reach()
        return await self.bucket.update(key, value, revision)

    async def delete(self, key: str, revision: int | None = None) -> None:
        """As the bucket."""
        self._reach()
        await self.bucket.delete(key, revision)

    async def watch(self) -> AsyncIterator[Entry | None]:
        """As the bucket; nothing while cut off."""
        async for entry in self.bucket.watch():
            await self.up.wait()
            yield entry


@dataclass
class SiteNode:
    """One Node."""

    name: str
    link: NatsLink
    leases: SiteLeases
    fleet: Fleet
    recording: Recording
    up: asyncio.Event
    supervisor: Supervisor

    def holds(self) -> set[StreamRef]:
        """What it holds."""
        return set(self.leases.held())

    def live(self) -> set[StreamRef]:
        """What it records now."""
        return {ref for ref, worker in self.fleet.workers.items() if worker._tail.run is not None}


@dataclass
class LeaseSite:
    """All of it."""

    folder: Path
    nats: NatsServer
    catalogue: Catalogue
    cameras: list[Camera]
    clock: SystemClock = field(default_factory=SystemClock)
    bus: MemoryBus = field(default_factory=MemoryBus)
    nodes: dict[str, SiteNode] = field(default_factory=dict)

    @property
    def streams(self) -> set[StreamRef]:
        """All there are."""
        return {stream.ref for cam in self.cameras for stream in cam.streams}

    async def join(self, name: str, options: LeaseOptions | None = None) -> SiteNode:
        """Start a Node."""
        nats, clock, hub = self.nats, self.clock, Hub(self.clock)
        link = await NatsLink.connect(NatsOptions(nats.url, nats.ctrl_user, nats.ctrl_password, name, nats.domain))
        chosen, up = options or LeaseOptions(), asyncio.Event()
        up.set()
        buckets = Buckets(
            CutBucket(link.kv("leases", chosen.ttl_s), up),
            CutBucket(link.kv("members", chosen.ttl_s), up),
            CutBucket(link.kv("epochs"), up),
        )
        leases = SiteLeases(clock, node=name, buckets=buckets, grants=self.catalogue.grants, options=chosen)
        fleet = Fleet(
            node=name,
            cameras=self.catalogue.cameras.list,
            leases=leases,
            bus=self.bus,
            hub=hub,
            clock=clock,
            options=FleetOptions(worker=WORKER, watchdog_s=0.2),
        )
        recording = Recording(
            clock,
            hub=hub,
            bus=self.bus,
            catalogue=self.catalogue,
            options=RecordingOptions(name, CutOptions(segment_s=10), shared=True),
            spool=Spool(SpoolOptions(self.folder / name)),
        )
        node = SiteNode(name, link, leases, fleet, recording, up, Supervisor([recording, leases, fleet]))
        node.supervisor.start()
        self.nodes[name] = node
        return node

    async def stop(self, name: str) -> None:
        """In order."""
        node = self.nodes.pop(name)
        await node.supervisor.stop()
        await node.link.close()

    async def kill(self, name: str) -> set[StreamRef]:
        """Nothing is given back, nothing said; what it held."""
        node = self.nodes.pop(name)
        held = node.holds()
        node.up.clear()
        node.fleet._leases = _Silent()  # type: ignore[assignment]  # only leave() is asked now
        await node.supervisor.stop()
        await node.link.close()
        return held

    async def until(self, met: Callable[[], object], within_s: float = 20.0) -> float:
        """Wait until something holds; how long that was."""
        began_ns = self.clock.mono_ns()
        async with asyncio.timeout(within_s):
            while not met():
                await asyncio.sleep(0.02)
        return (self.clock.mono_ns() - began_ns) / NS_PER_S

    def settled(self, *names: str) -> bool:
        """Whether these Nodes record everything, shared evenly, nothing twice."""
        held = [self.nodes[name].holds() for name in names]
        live = [self.nodes[name].live() for name in names]
        counts = [len({ref.camera for ref in one}) for one in held]
        whole = set().union(*held) == self.streams and held == live
        return whole and sum(map(len, held)) == len(self.streams) and max(counts) - min(counts) <= 1

    async def rows(self) -> None:
        """Wait until the catalogue knows all."""
        for node in self.nodes.values():
            await node.recording.written()

    async def gaps(self, stream: StreamRef, window: Interval) -> list[tuple[float, str]]:
        """What is missing (s), by coverage."""
        playback = Playback(self.catalogue, {}, self.bus, self.clock)
        found = await playback.coverage(stream.camera, stream.name, window)
        await playback.close()
        return [((gap.end_ns - gap.start_ns) / NS_PER_S, str(gap.cause)) for gap in found.gaps]

    async def download(self, stream: StreamRef, window: Interval) -> bytes:
        """One MP4, from the spools of all Nodes."""
        playback = Playback(self.catalogue, {}, self.bus, self.clock)
        try:
            found = await playback.footage(stream.camera, stream.name, window)
            return b"".join([block async for block in found.blocks()])
        finally:
            await playback.close()

    async def shown(self, stream: StreamRef, window: Interval) -> list[Interval]:
        """The GOPs a playlist has, in order."""
        playback = Playback(self.catalogue, {}, self.bus, self.clock)
        found, _ = await playback._gops(stream, window)
        await playback.close()
        return [
            Interval(gop.wall_ns, gop.wall_ns + gop.duration_90k * 100_000 // 9) for one in found for gop in one.gops
        ]


class _Silent:
    """Leases of a Node that is dead: what its ingest asks while it is taken apart."""

    on_change: Callable[[], None] = staticmethod(lambda: None)

    def allot(self, streams: Collection[StreamRef]) -> Allotment:
        """Nothing is given way to."""
        return Allotment(frozenset(streams))

    def successor(self, _stream: StreamRef, /) -> None:
        """Nobody."""

    async def leave(self) -> None:
        """Nothing."""


def overlap_s(shown: list[Interval]) -> float:
    """The longest time that two GOPs in a row share; negative where none does."""
    return max(((a.end_ns - b.start_ns) / NS_PER_S for a, b in itertools.pairwise(shown)), default=-1.0)


def hole_s(shown: list[Interval]) -> float:
    """The longest time between two GOPs in a row."""
    return max(((b.start_ns - a.end_ns) / NS_PER_S for a, b in itertools.pairwise(shown)), default=0.0)


@asynccontextmanager
async def lease_site(folder: Path, nats: NatsServer, simulator: RunningSimulator) -> AsyncIterator[LeaseSite]:
    """A Site with the simulator's cameras and no Node yet."""
    async with AsyncExitStack() as stack:
        catalogue = await Catalogue.open(f"sqlite:///{folder}/vms.db", key=bytes(32))
        stack.push_async_callback(catalogue.close)
        await catalogue.sites.put(Site(SITE, "sampit", "Sampit"))
        site = LeaseSite(folder, nats, catalogue, [])
        for n, known in enumerate(simulator.cameras):
            key = f"camera{n:010d}"
            streams = [Stream(StreamRef(key, StreamName.MAIN), known.main)]
            if known.sub:
                streams.append(Stream(StreamRef(key, StreamName.SUB), known.sub))
            cam = Camera(
                key, SITE, known.slug, known.name, tuple(streams), simulator.username, simulator.password,
                registered_ns=site.clock.now_ns(),
            )  # fmt: skip
            await catalogue.cameras.add(cam)
            site.cameras.append(cam)
        stack.push_async_callback(site.bus.close)
        try:
            yield site
        finally:
            for name in list(site.nodes):
                with suppress(NotFoundError):
                    await site.stop(name)
