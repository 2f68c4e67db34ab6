"""The Service that records: hub items to Streams' recorders, the spool kept in order, the hot tail served.

Event loop, with two executors of its own: `disk` writes fragments, `sync` makes them durable and sweeps. Never waits
for the catalogue to write a fragment; when the disk falls behind it stops taking from the hub, which then ends Runs
(`overload`), so that what is lost is seen.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from recorder.disk import DiskState
from recorder.facts import Facts
from recorder.lane import Backlog, Lane
from recorder.roster import Roster
from recorder.rows import RowQueue
from recorder.segmenter import CutOptions
from recorder.spool import Spool, Usage, no_room
from recorder.stream import StreamParts
from recorder.sweep import Sweep
from vms import logs, metrics
from vms.bus.base import Bus, Events, Value
from vms.bus.hub import Hub, HubClosedError, HubSubscription
from vms.clock import NS_PER_MS, Clock
from vms.domain.gap import GapCause
from vms.domain.media import HubItem, Run, RunEnded, RunStarted
from vms.errors import InputError, VmsError
from vms.service import Backoff, Health, Service
from vms.store import Catalogue

log = logs.get(__name__)

MAX_RANGE_BYTES = 32 << 20
_ALIVE = "alive"
_MEET_S = 1.0


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """`batch_s`: how long to let Packets gather before they are looked at; `queue_bytes`: how much may wait in the hub,
    `backlog_bytes`: for the disk; `grace_s`: how long a stop waits for files and rows; `shared`: other Nodes record at
    the Site too; `linger_s`: see StreamParts. One disk thread costs least: two took 7 % more CPU with 32 cameras, for
    handing the interpreter lock to and fro."""

    node: str
    cut: CutOptions = field(default_factory=CutOptions)
    disk_threads: int = 1
    batch_s: float = 0.02
    queue_bytes: int = 48 << 20
    backlog_bytes: int = 64 << 20
    grace_s: float = 5.0
    shared: bool = False
    linger_s: float = 0.0


class Recording(Service):
    """Service `recorder`. `on_spooled` is called when the catalogue knows of another spooled Segment."""

    name = "recorder"

    def __init__(
        self,
        clock: Clock,
        *,
        hub: Hub,
        bus: Bus,
        catalogue: Catalogue,
        options: RecordingOptions,
        spool: Spool,
        on_spooled: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(clock)
        self._hub = hub
        self._bus = bus
        self._catalogue = catalogue
        self._options = options
        self._on_spooled = on_spooled
        self.spool = spool
        self._rows = RowQueue(clock)
        self._backlog = Backlog()
        self._usage = Usage(0, 1, full=False)
        self.disk = DiskState()
        self._level = 0
        self._stale = asyncio.Event()

    def health(self) -> Health:
        """Not ok while the spool is full or the catalogue takes no rows."""
        found = super().health()
        if found.ok and self._usage.full:
            return Health(ok=False, why="the spool is full; nothing is recorded", reason="spool_full")
        if found.ok and self.disk.error is not None:
            return Health(ok=False, why=f"the disk of the spool: {self.disk.error}", reason="disk_error")
        if found.ok and self._rows.failing:
            count = len(self._rows)
            why = f"{count} rows wait for the catalogue: {self._rows.failing}"
            return Health(ok=False, why=why, reason="rows_wait", params={"count": str(count)})
        return found

    @property
    def spool_ratio(self) -> float:
        """How full the spool is, 0 to 1."""
        return self._usage.ratio

    @property
    def usage(self) -> Usage:
        """How full the spool was a second ago at most."""
        return self._usage

    async def written(self) -> None:
        """Wait until the catalogue has every row there is."""
        await self._rows.drain()

    async def run_once(self) -> None:
        """Sweep, then record until stopped."""
        self.spool.root.mkdir(parents=True, exist_ok=True)
        alive_ns = _alive_ns(self.spool.root)
        async with AsyncExitStack() as stack:
            # First of all, so that what ingest publishes during the sweep waits for us.
            queue_bytes = self._options.queue_bytes
            subscription = self._hub.subscribe("recorder", limit_bytes=queue_bytes, lossless=True)
            stack.callback(subscription.close)
            pools = _Pools(self._options.disk_threads)
            stack.callback(pools.close)
            sweep = Sweep(self._catalogue, self.spool, self._options.node, pools.sync, self._is_live)
            log.info("spool swept", **vars(await sweep.run()))
            facts = Facts(self._catalogue, self._rows, self.spool, self._hub, pools.sync, sweep, self._on_spooled)
            for key, row in sweep.left:
                facts.left(key, row, lambda: None)
            roster = self._roster(facts, pools.disk)
            stack.callback(roster.close)
            changes = self._bus.subscribe("cameras.changed")
            stack.callback(changes.close)
            serve_range = partial(self._range, pools.read)
            stack.callback(self._bus.serve(f"recorder.range.{self._options.node}", serve_range).close)
            await self._look(pools.sync)
            self._act(roster)
            await roster.load(alive_ns)
            self._on_spooled()
            self.ready()
            await self._work(_Work(subscription, changes, roster, facts, pools))

    async def _work(self, work: _Work) -> None:
        rows = asyncio.create_task(self._rows.run(), name="recorder rows")
        duties = [
            asyncio.create_task(duty, name=f"recorder {name}")
            for name, duty in (
                ("packets", self._take(work)),
                ("spool", self._keep(work)),
                ("late", self._tick(work.roster)),
                ("cameras", self._follow(work)),
                ("roster", self._learn(work.roster)),
                ("stop", self.stopping.wait()),
            )
        ]
        try:
            done, _ = await asyncio.wait({rows, *duties}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for duty in duties:
                duty.cancel()
            await asyncio.gather(*duties, return_exceptions=True)
            try:
                async with asyncio.timeout(self._options.grace_s):
                    await self._finish(work)
            except TimeoutError:
                log.warning("the recorder did not finish in time; the next start does the rest")
            finally:
                rows.cancel()
                await asyncio.gather(rows, return_exceptions=True)
        for task in done:
            task.result()

    async def _finish(self, work: _Work) -> None:
        work.subscription.close()
        with suppress(HubClosedError):
            while True:
                self._hand_over(await work.subscription.get(), work.roster)
        for recorder in work.roster.recorders.values():
            recorder.close(GapCause.NODE_DOWN)
        await asyncio.get_running_loop().run_in_executor(work.pools.sync, work.pools.disk.shutdown)
        await asyncio.sleep(0)  # what the disk's threads posted last comes first
        await work.facts.settled()
        await self._rows.drain()

    async def _take(self, work: _Work) -> None:
        while True:
            items = await work.subscription.get()
            try:
                await self._meet(items, work.roster)
            finally:  # also when the recorder is stopped meanwhile
                self._hand_over(items, work.roster)
            while self._backlog.bytes > self._options.backlog_bytes:
                await self.clock.sleep(0.05)
            if self._options.batch_s:
                await self.clock.sleep(self._options.batch_s)

    async def _meet(self, items: list[HubItem], roster: Roster) -> None:
        """Learn of new Streams before their Packets are looked at, where the catalogue answers at once."""
        if all(roster.knows(item.stream) for item in items if isinstance(item, RunStarted)):
            return
        try:
            async with asyncio.timeout(_MEET_S):
                await roster.refresh()
        except (TimeoutError, VmsError):
            self._stale.set()

    def _hand_over(self, items: list[HubItem], roster: Roster) -> None:
        mono_ns, recorders = self.clock.mono_ns(), roster.recorders
        for item in items:
            recorder = recorders.get(item.stream)
            if recorder is None:
                if isinstance(item, RunEnded):
                    roster.leave(item)
                continue
            try:
                recorder.take(item, mono_ns)
            except Exception:
                log.exception("a Stream cannot be recorded", stream=str(item.stream))
                recorder.give_up()

    async def _tick(self, roster: Roster) -> None:
        while True:
            await self.clock.sleep(0.1)
            mono_ns = self.clock.mono_ns()
            for recorder in list(roster.recorders.values()):
                recorder.tick(mono_ns)

    async def _keep(self, work: _Work) -> None:
        for count in itertools.count(1):
            await self.clock.sleep(1.0)
            await self._look(work.pools.sync)
            self._act(work.roster)
            if count % 2 == 0:
                await work.facts.close_left()

    async def _look(self, executor: Executor) -> None:
        def look() -> tuple[DiskState, Usage]:
            self.spool.sync()
            self.spool.touch(_ALIVE, self.clock.now_ns())
            return self.spool.disk.look(self.spool.probe), self.spool.usage()

        self.disk, self._usage = await asyncio.get_running_loop().run_in_executor(executor, look)

    def _act(self, roster: Roster) -> None:
        usage = self._usage
        metrics.SPOOL_BYTES.set(usage.used_bytes)
        age_ms = 0 if usage.oldest_ms is None else max(0, self.clock.now_ns() // NS_PER_MS - usage.oldest_ms)
        metrics.SPOOL_OLDEST_S.set(age_ms / 1000)
        cause = self._obstacle()
        if cause is not roster.suspended:
            roster.suspend(cause)
        if usage.level != self._level:
            self._level = usage.level
            log.warning("spool level", level=usage.level, ratio=round(usage.ratio, 3))
            value = {"kind": "spool", "node": self._options.node, "used_ratio": usage.ratio}
            self._bus.publish("recorder.state", {**value, "level": usage.level, "full": usage.full})

    def _obstacle(self) -> GapCause | None:
        """Why nothing can be recorded at all."""
        error = self.disk.error
        if self._usage.full or (error is not None and no_room(error)):
            return GapCause.SPOOL_FULL
        return None if error is None else GapCause.DISK_ERROR

    async def _follow(self, work: _Work) -> None:
        while True:
            await work.changes.get()
            self._stale.set()

    async def _learn(self, roster: Roster) -> None:
        """Recording goes on while the catalogue is away; what changed in it is learnt when it is back."""
        backoff = Backoff(cap_s=10.0)
        while True:
            await self._stale.wait()
            self._stale.clear()
            try:
                await roster.refresh()
                backoff.reset()
            except VmsError as error:
                log.warning("the catalogue does not say which Streams to record", why=error.message)
                self._stale.set()
                await self.clock.sleep(backoff.next_s())

    async def _range(self, executor: Executor, value: Value) -> Value:
        key, offset, length = value.get("key"), value.get("offset"), value.get("length")
        if not isinstance(key, str) or not isinstance(offset, int) or not isinstance(length, int):
            raise InputError("a range needs key, offset and length")
        if offset < 0 or not 0 <= length <= MAX_RANGE_BYTES:
            raise InputError(f"a range may have {MAX_RANGE_BYTES} bytes", field="length")
        loop = asyncio.get_running_loop()
        return {"data": await loop.run_in_executor(executor, self.spool.read, key, offset, length)}

    def _roster(self, facts: Facts, disk: Executor) -> Roster:
        loop = asyncio.get_running_loop()

        def post(call: Callable[[], None]) -> None:
            with suppress(RuntimeError):  # the loop is closed: the next start sweeps
                loop.call_soon_threadsafe(call)

        parts = StreamParts(self.clock, self.spool, facts, self._options.cut, post, self._options.linger_s)
        make_lane = partial(Lane, disk, self._backlog)
        return Roster(
            self._catalogue, self._hub, self._bus, self._options.node, parts, make_lane, shared=self._options.shared
        )

    def _is_live(self, run: Run) -> bool:
        found = self._hub.run_of(run.stream)
        return found is not None and found.run.id == run.id


class _Pools:
    """Named executors: fragments, durability, ranges."""

    def __init__(self, disk_threads: int) -> None:
        self.disk = ThreadPoolExecutor(disk_threads, thread_name_prefix="disk")
        self.sync = ThreadPoolExecutor(2, thread_name_prefix="disk-sync")
        self.read = ThreadPoolExecutor(2, thread_name_prefix="spool-read")

    def close(self) -> None:
        """Take no more jobs; those under way end by themselves."""
        for pool in (self.disk, self.sync, self.read):
            pool.shutdown(wait=False)


@dataclass(frozen=True, slots=True)
class _Work:
    subscription: HubSubscription
    changes: Events
    roster: Roster
    facts: Facts
    pools: _Pools


def _alive_ns(root: Path) -> int | None:
    """When this node's recorder was last known to run."""
    with suppress(OSError):
        return (root / _ALIVE).stat().st_mtime_ns
    return None
