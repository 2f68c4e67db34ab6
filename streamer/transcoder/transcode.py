"""One Stream made H.264 for all who cannot play it: takes the Packets of its feed, gives Packets of its own.

What comes out has the times of what went in, so that its age is true. A process belongs to one Run; one that fails is
replaced, ever more rarely. It is to its feed what a tile is, and to tiles what a feed is. Event loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from streamer.feed import Feed
from streamer.history import History
from streamer.rtp import Frame
from streamer.timeline import frame_interval_90k
from streamer.track import Sink
from streamer.transcoder.child import Child
from streamer.transcoder.command import Target, command
from streamer.transcoder.flight import Flight
from streamer.transcoder.flv import FlvReader, Unit
from streamer.transcoder.nut import NutWriter
from vms import logs, metrics
from vms.clock import NS_PER_S, Clock
from vms.domain.ids import new_id
from vms.domain.media import CLOCK_HZ, Packet
from vms.errors import VmsError
from vms.service import Backoff

log = logs.get(__name__)

_LOOK_S = 1.0
# A process that is given pictures and gives none for so long is stuck.
_STUCK_NS = 6 * NS_PER_S
_FAILURES = 2
_GOP_MAX = 600


class _Job:
    """A process at work on a Run."""

    def __init__(self, child: Child, gop: list[Packet], writer: NutWriter) -> None:
        self.run = gop[0].run
        self.child, self._writer = child, writer
        self.flight = Flight(gop[0], gop[-1].wall_ns - gop[0].wall_ns)
        self.reader = FlvReader()

    def put(self, packet: Packet) -> None:
        """The next Packet."""
        if packet.seq <= self.flight.last_seq:
            return
        if not self.flight.admits(packet):
            metrics.DROPS.labels("transcoder").inc()
            return
        pts_ms, dts_ms = self.flight.enter(packet)
        self.child.write(self._writer.write(packet.payload, pts_ms=pts_ms, dts_ms=dts_ms, is_key=packet.is_key))


class Transcode:
    """`fault`: it failed again and again, and why; empty while it works or begins. `changes` are called when that is
    new. `gop`, `sinks`, `frame`: as of a feed."""

    def __init__(self, feed: Feed, clock: Clock, target: Target, cmd: str) -> None:
        self.feed = feed
        self.fault = ""
        self.gop: list[Packet] = []
        self.sinks: set[Sink] = set()
        self.changes: set[Callable[[], None]] = set()
        self._clock, self._target, self._cmd = clock, target, cmd
        self._backoff = Backoff(base_s=0.5, cap_s=30.0)
        self._failures = 0
        self._run, self._seq, self._last_ns = "", 0, 0
        self._history = History("", hevc=False)
        self._job: _Job | None = None
        self._out_ns = 0
        self._fresh = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process at work."""
        return None if self._job is None else self._job.child.pid

    def start(self) -> None:
        """Begin; the process comes with the first Packets."""
        self.feed.sinks.add(self)
        self._fresh.set()
        self._task = asyncio.create_task(self._work(), name=f"transcode {self.feed.stream}")

    async def close(self) -> None:
        """Stop, and be sure that the process is gone; idempotent."""
        self.feed.sinks.discard(self)
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def frame(self, packet: Packet) -> Frame | None:
        """See Source in streamer/track."""
        return self._history.frame(packet)

    def push(self, packet: Packet) -> None:
        """See Sink in streamer/track."""
        job = self._job
        if job is None or job.run != packet.run or job.flight.over:
            self._fresh.set()
        else:
            self._give(job, [packet])

    def restart(self) -> None:
        """See Sink in streamer/track."""
        if self._job is None or (self.feed.gop and self.feed.gop[0].run != self._job.run):
            self._fresh.set()
        else:
            self._give(self._job, self.feed.gop)

    def _give(self, job: _Job, packets: list[Packet]) -> None:
        with suppress(VmsError):  # that the process is dead or stuck is found where it is read and looked at
            for packet in packets:
                job.put(packet)

    async def _work(self) -> None:
        while True:
            await self._fresh.wait()
            self._fresh.clear()
            if not self.feed.gop:
                continue
            try:
                await self._run_once(list(self.feed.gop))
            except (VmsError, OSError) as error:
                await self._failed(error)
            except Exception as error:  # whatever it was, those who watch must not stay with a dead transcode
                log.exception("transcode failed", stream=str(self.feed.stream))
                await self._failed(error)

    async def _failed(self, error: Exception) -> None:
        self._failures += 1
        why = f"{error} {getattr(error, 'hint', '')}".strip()
        log.warning("transcoder failed", stream=str(self.feed.stream), why=logs.redact(why))
        if self._failures >= _FAILURES and not self.fault:
            self.fault = why
            self._tell()
        await self._clock.sleep(self._backoff.next_s())
        self._fresh.set()

    async def _run_once(self, gop: list[Packet]) -> None:
        """A process until its Run is over; what came meanwhile is in the feed's group."""
        run = self.feed.run
        if run is None or run.id != gop[0].run:
            return
        fps = min(60.0, max(1.0, CLOCK_HZ / frame_interval_90k(gop)))
        child = await Child.start(command(self._cmd, run.info.video, fps, self._target))
        log.info("transcoder begins", stream=str(self.feed.stream), pid=child.pid)
        try:
            gop = list(self.feed.gop)
            if not gop or gop[0].run != run.id:
                self._fresh.set()
                return
            self._begin(_Job(child, gop, NutWriter(run.info.video, fps)))
            await self._until_over()
        finally:
            self._job = None
            await child.stop()
            log.info("transcoder ends", stream=str(self.feed.stream), pid=child.pid)

    def _begin(self, job: _Job) -> None:
        self._job = job
        self._run, self._seq, self._last_ns = new_id(), 0, 0
        self._history, self.gop = History(self._run, hevc=False), []
        self._out_ns = self._clock.mono_ns()
        self._give(job, list(self.feed.gop))

    async def _until_over(self) -> None:
        tasks = [asyncio.create_task(work) for work in (self._read(), self._look(), self._fresh.wait())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> None:
        job = self._job
        assert job is not None
        while True:
            for unit in job.reader.feed(await job.child.read()):
                self._take(job, unit)

    async def _look(self) -> None:
        while True:
            await self._clock.sleep(_LOOK_S)
            job = self._job
            if job is None:
                return
            job.child.count()
            if not job.flight.inside:
                self._out_ns = self._clock.mono_ns()
            elif self._clock.mono_ns() - self._out_ns > _STUCK_NS:
                raise VmsError("the transcoder gives no pictures")

    def _take(self, job: _Job, unit: Unit) -> None:
        source = job.flight.leave(unit.pts_ms)
        if source is None or not (unit.is_key or self.gop):
            return
        self._out_ns = self._clock.mono_ns()
        self._last_ns = max(self._last_ns + 1, source.shown_ns)
        packet = Packet(
            stream=self.feed.stream, run=self._run, track=0, seq=self._seq, pts_90k=source.pts_90k,
            dts_90k=source.pts_90k, wall_ns=self._last_ns, is_key=unit.is_key, payload=unit.payload,
        )  # fmt: skip
        self._seq += 1
        self.gop = [packet] if unit.is_key else [*self.gop, packet][-_GOP_MAX:]
        if self._failures:
            self._backoff.reset()
            self._failures, self.fault = 0, ""
            self._tell()
        for sink in list(self.sinks):
            sink.push(packet)

    def _tell(self) -> None:
        for change in list(self.changes):
            change()
