"""A recorder on a real catalogue, a real spool and a hub that the test publishes on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from recorder.recording import Recording, RecordingOptions
from recorder.segmenter import CutOptions
from recorder.spool import Spool, SpoolOptions
from tests.recorder.synth import CAMERA, NODE, SITE, STREAM, make_run, packets
from vms.bus.hub import Hub
from vms.bus.memory import MemoryBus
from vms.clock import NS_PER_S, SystemClock
from vms.domain.camera import Camera, RecordMode, Site, Stream, StreamName, StreamRef
from vms.domain.footage import Segment, SegmentState
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.interval import Interval
from vms.domain.media import EndReason, HubItem, Packet, Run, RunEnded, RunStarted
from vms.store import Catalogue

FOREVER = Interval(0, 1 << 62)
REGISTERED_NS = 1_789_999_990_000_000_000
HOT = f"recorder.hot.{CAMERA}.main"
RANGE = f"recorder.range.{NODE}"


@dataclass
class Rig:
    """Everything a test of the recorder needs."""

    folder: Path
    catalogue: Catalogue
    hub: Hub
    bus: MemoryBus
    spool: Spool
    recording: Recording
    spooled: asyncio.Event
    asked: list[str] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Run the recorder."""
        self._task = asyncio.create_task(self.recording.run())

    async def stop(self) -> None:
        """Stop it in order."""
        if self._task is not None:
            self.recording.stop()
            await self._task
            self._task = None

    async def ready(self) -> None:
        """Wait until it records."""
        await until(lambda: self.recording.health().ok)

    def publish(self, items: Iterable[HubItem]) -> None:
        """Put items on the hub."""
        for item in items:
            self.hub.publish(item)

    def play(self, run: Run, packets: Iterable[Packet], *, reason: EndReason | None = None) -> int:
        """A Run with its Packets, ended for a reason or left open; the wall time of its end."""
        found = list(packets)
        end_ns = max(p.wall_ns for p in found if p.track == 0) + 40_000_000
        self.publish([RunStarted(run), *found])
        if reason is not None:
            self.publish([RunEnded(run.stream, run.id, end_ns, reason, len(found))])
        return end_ns


async def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)


async def until_async(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait until something that must be awaited holds."""
    async with asyncio.timeout(timeout_s):
        while not await condition():  # type: ignore[misc]  # any awaitable
            await asyncio.sleep(0.01)


def camera(
    camera_id: str = CAMERA, *, enabled: bool = True, record: RecordMode = RecordMode.CONTINUOUS, rev: int = 1
) -> Camera:
    """A registered camera whose main Stream is recorded and whose sub Stream is not."""
    streams = (
        Stream(StreamRef(camera_id, StreamName.MAIN), "rtsp://10.0.0.1/main", record),
        Stream(StreamRef(camera_id, StreamName.SUB), "rtsp://10.0.0.1/sub", RecordMode.OFF),
    )
    return Camera(
        camera_id, SITE, camera_id, "Pasar Besar", streams, enabled=enabled, registered_ns=REGISTERED_NS, rev=rev
    )


def make_recording(
    catalogue: Catalogue,
    hub: Hub,
    bus: MemoryBus,
    spool: Spool,
    on_spooled: Callable[[], None],
    segment_s: float,
    linger_s: float = 0.0,
) -> Recording:
    """The Service with quick options."""
    options = RecordingOptions(NODE, CutOptions(segment_s=segment_s), batch_s=0.0, linger_s=linger_s)
    return Recording(
        SystemClock(), hub=hub, bus=bus, catalogue=catalogue, options=options, spool=spool, on_spooled=on_spooled
    )


@asynccontextmanager
async def rig(
    folder: Path, *, segment_s: float = 2.0, spool: Spool | None = None, start: bool = True, linger_s: float = 0.0
) -> AsyncIterator[Rig]:
    """A running rig with one camera."""
    folder.mkdir(parents=True, exist_ok=True)
    catalogue = await Catalogue.open(f"sqlite:///{folder}/vms.db", key=bytes(32))
    hub, bus = Hub(SystemClock()), MemoryBus()
    spool = spool or Spool(SpoolOptions(folder / "spool"))
    spooled = asyncio.Event()
    if await catalogue.sites.get(SITE) is None:
        await catalogue.sites.put(Site(SITE, "sampit", "Sampit"))
        await catalogue.cameras.add(camera())
    recording = make_recording(catalogue, hub, bus, spool, spooled.set, segment_s, linger_s)
    found = Rig(folder, catalogue, hub, bus, spool, recording, spooled)
    hub.on_overload(STREAM, lambda _stream, run: found.asked.append(run))
    try:
        if start:
            found.start()
            await found.ready()
        yield found
    finally:
        await found.stop()
        await bus.close()
        await catalogue.close()


async def rows_of(r: Rig) -> tuple[list[Segment], list[Gap]]:
    """All that the catalogue knows of the Stream, once it knows all."""
    await r.recording.written()
    segments = await r.catalogue.segments.in_interval(STREAM, FOREVER)
    gaps = await r.catalogue.gaps.in_interval(STREAM, FOREVER)
    return segments, [gap for gap in gaps if gap.state is not GapState.REPAIRED]


async def closed(r: Rig) -> None:
    """Every Segment of the Stream is closed: its row has its true end."""

    async def none_open() -> bool:
        return not await r.catalogue.segments.by_state(SegmentState.OPEN)

    await until_async(none_open)


def seamless(segments: list[Segment], gaps: list[Gap]) -> None:
    """Footage and Gaps follow each other from registration on without hole or overlap; the last Gap is open or not."""
    parts = sorted([(s.start_ns, s.end_ns) for s in segments] + [(g.start_ns, g.end_ns or 1 << 62) for g in gaps])
    assert parts[0][0] == REGISTERED_NS
    assert [end for _, end in parts[:-1]] == [start for start, _ in parts[1:]]


async def until_spooled(r: Rig, count: int) -> None:
    """Wait until so many Segments are spooled."""

    async def there() -> bool:
        return len(await r.catalogue.segments.by_state(SegmentState.SPOOLED)) >= count

    await until_async(there)


async def until_gap(r: Rig, cause: GapCause, state: GapState) -> None:
    """Wait until there is such a Gap."""

    async def there() -> bool:
        return any((gap.cause, gap.state) == (cause, state) for gap in (await rows_of(r))[1])

    await until_async(there)


async def change(r: Rig, **values: object) -> None:
    """Change the camera as the API does."""
    found = await r.catalogue.cameras.get(CAMERA)
    assert found is not None
    await r.catalogue.cameras.update(replace(found, rev=found.rev + 1, **values))  # type: ignore[arg-type]  # by name
    r.bus.publish("cameras.changed", {"camera": CAMERA})


class Disk:
    """os.write with faults on demand."""

    def __init__(self) -> None:
        self.code = 0

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """As os.write, or the fault."""
        if self.code:
            raise OSError(self.code, os.strerror(self.code))
        return os.write(fd, data)


def new_runs(r: Rig, start_ns: int) -> Callable[[], None]:
    """Do as ingest does when the recorder asks for a new Run: end the old one and begin another."""

    def answer() -> None:
        run = make_run(start_ns=start_ns)
        end_ns = start_ns - NS_PER_S
        r.hub.publish(RunEnded(STREAM, r.asked[-1], end_ns, EndReason.OVERLOAD, 0))
        r.play(run, packets(run, seconds=3), reason=EndReason.CAMERA_UNREACHABLE)

    return answer
