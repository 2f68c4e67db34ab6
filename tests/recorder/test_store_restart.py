"""B2 for a minute and for real: MinIO is stopped while a camera is recorded, and started again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest

from recorder.uploader import Uploader, UploaderOptions
from tests.bench.report import percentile
from tests.recorder.rig import FOREVER, Rig, rig, until_async
from tests.recorder.synth import NODE, STREAM, make_run, packets
from tests.servers.nats import free_port
from tools.cluster.servers import minio_program
from vms.bus.hub import HubClosedError
from vms.clock import NS_PER_S, SystemClock
from vms.domain.footage import CopyState, SegmentState
from vms.domain.interval import Interval
from vms.domain.media import EndReason, Packet, RunEnded, RunStarted
from vms.objects.base import ObjectStore
from vms.objects.s3 import S3Options, S3Store

pytestmark = pytest.mark.servers
AWAY_S = float(os.environ.get("VMS_B2_S", "60"))


class Server:
    """A MinIO that can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.console = free_port()
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """It need not answer yet."""
        command = [minio_program(), "server", "--quiet", f"--address=127.0.0.1:{self.port}"]
        environment = {**os.environ, "MINIO_ROOT_USER": "vms", "MINIO_ROOT_PASSWORD": "only-in-this-test"}
        environment |= {"MINIO_BROWSER": "off", "MINIO_UPDATE": "off", "HOME": str(self.folder), "GOMAXPROCS": "1"}
        self.process = await asyncio.create_subprocess_exec(
            *command, f"--console-address=127.0.0.1:{self.console}", str(self.folder / "data"), env=environment,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

    async def kill(self) -> None:
        """At once."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def store(self) -> S3Store:
        """As the settings have it, but for the patience."""
        options = S3Options(
            f"http://127.0.0.1:{self.port}",
            "footage",
            "vms",
            "only-in-this-test",
            connect_s=5.0,
            read_s=20.0,
            retries=1,
        )
        return S3Store("home", options)


class Camera:
    """Packets in real time, and how late a live subscriber gets each."""

    def __init__(self, r: Rig, clock: SystemClock) -> None:
        self.r, self.clock = r, clock
        self.late_ms: list[float] = []
        self.sent_ns: dict[int, int] = {}
        self.ending = asyncio.Event()

    async def play(self) -> int:
        """Until it is told to end; the wall time of the end."""
        run = make_run(start_ns=self.clock.now_ns())
        self.r.publish([RunStarted(run)])
        began_ns, end_ns, seq = self.clock.mono_ns(), run.start_ns, 0
        for packet in packets(run, seconds=AWAY_S * 3 + 120):
            due_ns = began_ns + packet.dts_90k * NS_PER_S // 90_000
            await self.clock.sleep((due_ns - self.clock.mono_ns()) / NS_PER_S)
            if self.ending.is_set():
                break
            self.sent_ns[packet.seq] = self.clock.mono_ns()
            self.r.publish([packet])
            end_ns, seq = packet.wall_ns + 40_000_000, packet.seq + 1
        self.r.publish([RunEnded(STREAM, run.id, end_ns, EndReason.DISABLED, seq)])
        return end_ns - run.start_ns

    async def watch(self) -> None:
        """A subscriber such as live video is."""
        subscription = self.r.hub.subscribe("watch", STREAM)
        with suppress(HubClosedError):
            while not self.ending.is_set():
                for item in await subscription.get():
                    if isinstance(item, Packet):
                        self.late_ms.append((self.clock.mono_ns() - self.sent_ns[item.seq]) / 1e6)
        subscription.close()


@asynccontextmanager
async def uploading(r: Rig, store: ObjectStore, clock: SystemClock) -> AsyncIterator[Uploader]:
    """The uploader, running."""
    uploader = Uploader(
        clock,
        catalogue=r.catalogue,
        bus=r.bus,
        spool=r.spool,
        stores={"home": store},
        options=UploaderOptions(NODE, poll_s=1.0, backoff_s=(0.5, 5.0)),
    )
    task = asyncio.create_task(uploader.run())
    try:
        yield uploader
    finally:
        uploader.stop()
        await task


@pytest.mark.timeout(300)
async def test_a_minute_without_minio(tmp_path: Path) -> None:
    """Nothing is lost, what waited goes newest first, and live video does not notice."""
    server, clock = Server(tmp_path / "minio"), SystemClock()
    await server.start()
    try:
        async with rig(tmp_path, segment_s=2) as r, uploading(r, server.store(), clock) as uploader:
            camera = Camera(r, clock)
            watching, playing = asyncio.create_task(camera.watch()), asyncio.create_task(camera.play())

            async def stored(count: int) -> bool:
                uploader.wake()
                return len(await r.catalogue.segments.by_state(SegmentState.STORED)) >= count

            await until_async(lambda: stored(2), 40)
            calm = len(camera.late_ms)
            await server.kill()
            await clock.sleep(AWAY_S)
            assert not uploader.health().ok
            beside = camera.late_ms[calm:]
            waited = await r.catalogue.segments.by_state(SegmentState.SPOOLED)
            assert len(waited) >= AWAY_S / 2 - 4
            await server.start()
            before = len(await r.catalogue.segments.by_state(SegmentState.STORED))
            await until_async(lambda: stored(before + len(waited)), 60)
            camera.ending.set()
            length_ns = await playing
            await watching
            await until_async(lambda: _drained(r), 30)
            rows = [one.segment for one in await r.catalogue.segments.with_index(STREAM, FOREVER)]
            assert rows[-1].end_ns - rows[0].start_ns == pytest.approx(length_ns, abs=50_000_000)
            assert all(one.end_ns == two.start_ns for one, two in pairwise(rows))
            recorded = Interval(rows[0].start_ns, rows[-1].end_ns)
            assert await r.catalogue.gaps.in_interval(STREAM, recorded) == []
            copies = [(await r.catalogue.copies.of(row.run, row.number))[0] for row in rows]
            assert {copy.state for copy in copies} == {CopyState.VERIFIED}
            at = {(copy.run, copy.number): copy.verified_ns or 0 for copy in copies}
            order = [row.number for row in sorted(waited, key=lambda row: at[row.run, row.number])]
            later = sum(one > two for one, two in pairwise(order))
            assert later >= 0.7 * (len(order) - 1), f"newest first, two at a time: {order}"
            print(f"B2 real: {AWAY_S:.0f} s away, {len(waited)} Segments waited, lost 0 s; live p95 of {len(beside)}:")
            print(f"  {percentile(beside, 0.95):.1f} ms, before {percentile(camera.late_ms[:calm], 0.95):.1f} ms")
            assert percentile(beside, 0.95) < 100
    finally:
        await server.kill()


async def _drained(r: Rig) -> bool:
    counts = [len(await r.catalogue.segments.by_state(state)) for state in (SegmentState.OPEN, SegmentState.SPOOLED)]
    return sum(counts) == 0
