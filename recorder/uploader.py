"""The Service that brings spooled Segments to their home Store: newest first, verified, and only then out of the spool.

Event loop; Stores block on an executor of its own. Order: object put and verified, Copy row, Segment row `stored`, file
removed. Each step can be repeated; a failure leaves the file where it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from recorder.deliver import holds, is_same
from recorder.fmp4_read import read_init
from recorder.loss import say_lost
from recorder.metadata import CONTENT_TYPE, metadata_of
from recorder.spool import Spool
from recorder.store_state import StoreState
from vms import logs, metrics
from vms.bus.base import Bus
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import HOME_STORE
from vms.domain.footage import Copy, CopyState, Segment, SegmentState
from vms.errors import (
    FootageError,
    InputError,
    ObjectChecksumError,
    ObjectError,
    ObjectUnavailableError,
)
from vms.objects.base import ObjectStore
from vms.service import Backoff, Health, Service
from vms.store import Catalogue

log = logs.get(__name__)

_CHUNK = 32
_PENALTY_CAP_S = 600
_REFUSALS = 3


@dataclass(frozen=True, slots=True)
class UploaderOptions:
    """`workers`: uploads at a time to each Store, to those of `paced`, beyond a thin line, one; `poll_s`: how often to
    look without being woken; `backoff_s`: first and longest wait before a Store that fails is tried again."""

    node: str
    workers: int = 2
    poll_s: float = 5.0
    backoff_s: tuple[float, float] = (0.5, 30.0)
    paced: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Lane:
    """All that goes to one Store. `target` None: the settings have no such Store. `queue`: newest first; `more`: there
    are more than those. `refused`: Segments in a row that it did not take."""

    state: StoreState
    target: ObjectStore | None
    workers: int
    pool: ThreadPoolExecutor
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    queue: list[Segment] = field(default_factory=list)
    more: bool = True
    look_ns: int = 0
    refused: int = 0
    running: dict[tuple[str, int], asyncio.Task[None]] = field(default_factory=dict)
    penalties: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)


class Uploader(Service):
    """Service `uploader`. `stores` by name; a Site's `home_store` names its own. Each Store has a lane of its own, so
    that one which is away or refuses all holds up nobody else's footage."""

    name = "uploader"

    def __init__(
        self,
        clock: Clock,
        *,
        catalogue: Catalogue,
        bus: Bus,
        spool: Spool,
        stores: Mapping[str, ObjectStore],
        options: UploaderOptions,
    ) -> None:
        super().__init__(clock)
        self._catalogue = catalogue
        self._bus = bus
        self._spool = spool
        self._stores = stores
        self._options = options
        self._lanes: dict[str, _Lane] = {}
        self._owners: dict[str, frozenset[str]] = {}
        self._proved: set[str] = set()

    def health(self) -> Health:
        """Not ok while a Store takes nothing."""
        found = super().health()
        ills = [lane.state.health() for lane in self._lanes.values() if lane.state.failing]
        return ills[0] if found.ok and ills else found

    @property
    def ills(self) -> dict[str, str]:
        """By Store, `""` where it is well, `away` where it takes nothing, `refuses` where some Segments are put off."""
        return {
            name: "away" if lane.state.failing else "refuses" if lane.penalties else ""
            for name, lane in self._lanes.items()
        }

    def wake(self) -> None:
        """There is another spooled Segment."""
        for lane in self._lanes.values():
            lane.wake.set()

    def stop(self) -> None:
        """Ask to end; uploads under way are let go after the one they are at."""
        super().stop()
        self.wake()

    async def run_once(self) -> None:
        """Upload until stopped; raises where the catalogue does not answer."""
        driven: dict[str, asyncio.Task[None]] = {}
        try:
            while not self.stopping.is_set():
                self._owners = await self._who_goes_where()
                for name in self._owners:
                    if name not in driven:
                        self._lanes[name] = self._lane(name)
                        driven[name] = asyncio.create_task(self._drive(name), name=f"upload to {name}")
                pausing = asyncio.ensure_future(self.pause(self._options.poll_s))
                await asyncio.wait({*driven.values(), pausing}, return_when=asyncio.FIRST_COMPLETED)
                await _ended(pausing)
                for task in driven.values():
                    if task.done() and not self.stopping.is_set():
                        task.result()
            await asyncio.gather(*driven.values())
        finally:
            await _ended(*driven.values())
            for lane in self._lanes.values():
                lane.pool.shutdown(wait=False)

    async def _who_goes_where(self) -> dict[str, frozenset[str]]:
        """Ids of Sites by the Store their footage goes to."""
        found: dict[str, set[str]] = {HOME_STORE: set()}
        for site in await self._catalogue.sites.list():
            found.setdefault(site.home_store, set()).add(site.id)
        return {name: frozenset(sites) for name, sites in found.items()}

    def _lane(self, name: str) -> _Lane:
        options = self._options
        before = self._lanes.get(name)
        state = (
            before.state
            if before
            else StoreState(name, options.node, self._bus, self.clock, Backoff(*options.backoff_s))
        )
        workers = 1 if name in options.paced else options.workers
        pool = ThreadPoolExecutor(options.workers, thread_name_prefix=f"upload-{name}")
        return _Lane(state, self._stores.get(name), workers, pool)

    async def _drive(self, name: str) -> None:
        """One Store: as many at a time as it has workers, one alone while it fails, none until it may be tried."""
        lane = self._lanes[name]
        try:
            while not self.stopping.is_set():
                if lane.state.wait_s() == 0:
                    await self._fill(lane)
                    workers = 1 if lane.state.failing else lane.workers
                    while lane.queue and len(lane.running) < workers:
                        segment = lane.queue.pop(0)
                        job = asyncio.create_task(self._one(segment, lane))
                        lane.running[segment.run, segment.number] = job
                await self._next(lane)
            await asyncio.gather(*lane.running.values())
        finally:
            await _ended(*lane.running.values())

    async def _fill(self, lane: _Lane) -> None:
        """Look for Segments where there may be others than those that are known."""
        now_ns = self.clock.mono_ns()
        known = lane.queue or not lane.more
        if known and not lane.wake.is_set() and now_ns < lane.look_ns:
            return
        lane.wake.clear()
        lane.look_ns = now_ns + int(self._options.poll_s * NS_PER_S)
        limit = _CHUNK + len(lane.penalties) + len(lane.running)
        # Footage of a Site that is not known goes home; so home takes all that is not for others.
        others = frozenset[str]().union(*(sites for name, sites in self._owners.items() if name != lane.state.store))
        found = await self._catalogue.segments.by_state(
            SegmentState.SPOOLED,
            self._options.node,
            newest=limit,
            sites=None if lane.state.store == HOME_STORE else self._owners.get(lane.state.store, frozenset()),
            not_sites=others if lane.state.store == HOME_STORE else (),
        )
        lane.more = len(found) >= limit
        lane.queue = [
            one
            for one in found
            if (one.run, one.number) not in lane.running
            and lane.penalties.get((one.run, one.number), (0, 0))[1] <= now_ns
        ]
        self.ready()

    async def _next(self, lane: _Lane) -> None:
        """Wait until there is something to do."""
        wait_s = lane.state.wait_s()
        full = len(lane.running) >= (1 if lane.state.failing else lane.workers)
        if wait_s == 0 and not full and (lane.queue or lane.more):
            return
        if wait_s == 0:
            wait_s = max(0.0, (lane.look_ns - self.clock.mono_ns()) / NS_PER_S)
        waker = asyncio.ensure_future(lane.wake.wait())
        sleeper = asyncio.ensure_future(self.clock.sleep(wait_s))
        waiting: set[asyncio.Future[Any]] = {sleeper, *lane.running.values()}
        if (not full and not lane.state.failing) or self.stopping.is_set():
            waiting.add(waker)
        else:
            waiting.add(asyncio.ensure_future(self.stopping.wait()))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _ended(waker, *waiting.difference(lane.running.values()))
        for key in [key for key, job in lane.running.items() if job.done()]:
            lane.running.pop(key).result()

    async def _one(self, segment: Segment, lane: _Lane) -> None:
        loop = asyncio.get_running_loop()
        try:
            if lane.target is None:
                raise ObjectUnavailableError(
                    f"there is no Store named {lane.state.store}", hint="Add it to the settings."
                )
            stored = await loop.run_in_executor(lane.pool, self._bring, lane.target, segment)
        except ObjectUnavailableError as error:
            self._fails(lane, error)
            return
        except FootageError as error:
            await loop.run_in_executor(lane.pool, self._spool.set_aside, segment.key)
            await self._lost(segment, lane, "damaged", error.message)
            return
        except ObjectError as error:
            await self._refused(lane, segment, error)
            return
        except (InputError, OSError) as error:
            metrics.UPLOAD_ERRORS.inc()
            self._punish(lane, segment, error)
            return
        if not stored:
            await self._lost(segment, lane, "lost", "neither spool nor Store has it")
            return
        await self._say_stored(segment, lane)
        await loop.run_in_executor(lane.pool, self._spool.remove, segment.key)
        metrics.SEGMENTS.labels("stored").inc()
        metrics.UPLOAD_BYTES.labels(lane.state.store).inc(segment.size_bytes)

    def _fails(self, lane: _Lane, error: ObjectError) -> None:
        """It is the Store, not the Segment: all that was refused meanwhile is tried again as soon as it is well."""
        metrics.UPLOAD_ERRORS.inc()
        self._proved.discard(lane.state.store)
        lane.penalties.clear()
        lane.more, lane.queue = True, []
        lane.state.failed(error)

    async def _refused(self, lane: _Lane, segment: Segment, error: ObjectError) -> None:
        """Find out whether it is this Segment, or whatever it is given."""
        assert lane.target is not None
        lane.refused += 1
        try:
            if lane.refused < _REFUSALS:
                await asyncio.get_running_loop().run_in_executor(lane.pool, lane.target.check)
                metrics.UPLOAD_ERRORS.inc()
                self._punish(lane, segment, error)
                return
        except ObjectError as found:
            error = found
        self._fails(lane, error)

    def _bring(self, store: ObjectStore, segment: Segment) -> bool:
        """Put and verify; False where neither spool nor Store has it. FootageError: what the spool has is damaged, and
        the Store does not have it. Blocks."""
        if not self._spool.holds(segment.key):
            return holds(store, segment)
        if store.name not in self._proved:  # the first of this process: its bucket or folder may have to be made
            store.check()
            self._proved.add(store.name)
        path = self._spool.path(segment.key)
        try:
            store.put_file(
                segment.key,
                path,
                sha256=segment.sha256,
                metadata=metadata_of(segment, self._names(segment)),
                content_type=CONTENT_TYPE,
                seal=self._spool.seal(segment.key),
            )
        except (ObjectChecksumError, ObjectUnavailableError):
            if self._is_whole(segment):  # the Store's fault; an OSError is the spool's
                raise
            if not holds(store, segment):
                raise FootageError("the file in the spool is not as it was written") from None
            return True
        if not is_same(store.stat(segment.key), segment):
            raise ObjectChecksumError("the Store does not hold what was sent", hint="It is sent again.")
        return True

    def _names(self, segment: Segment) -> Mapping[str, str]:
        fd = os.open(self._spool.path(segment.key), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return read_init(lambda offset, length: os.pread(fd, length, offset)).head.names
        except FootageError:  # whether the file is whole, its SHA-256 says
            return {}
        finally:
            os.close(fd)

    def _is_whole(self, segment: Segment) -> bool:
        with self._spool.path(segment.key).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == segment.sha256

    async def _say_stored(self, segment: Segment, lane: _Lane) -> None:
        store = lane.state.store
        copies = await self._catalogue.copies.of(segment.run, segment.number)
        rev = max((copy.rev for copy in copies if copy.store == store), default=0) + 1
        now_ns = self.clock.now_ns()
        rows = [Copy(segment.run, segment.number, store, CopyState.VERIFIED, now_ns, rev)]
        site = await self._catalogue.sites.get(segment.site)
        if site is not None and site.orders(segment.stream.name) and not any(one.store == HOME_STORE for one in copies):
            rows.append(Copy(segment.run, segment.number, HOME_STORE, CopyState.WANTED))
        await self._catalogue.due_copies.put_all(rows)
        await self._catalogue.segments.put(replace(segment, state=SegmentState.STORED, rev=segment.rev + 1))
        lane.penalties.pop((segment.run, segment.number), None)
        lane.refused = 0
        lane.state.worked()

    async def _lost(self, segment: Segment, lane: _Lane, kind: str, why: str) -> None:
        """Its bytes are nowhere: say so, rather than show footage that is not there."""
        log.error("a Segment is lost", key=segment.key, why=why)
        await say_lost(self._catalogue, segment, self._options.node)
        lane.penalties.pop((segment.run, segment.number), None)
        self._tell(kind, segment)

    def _punish(self, lane: _Lane, segment: Segment, error: Exception) -> None:
        """Leave one that fails by itself for a while, so that it does not hold up the others."""
        key = (segment.run, segment.number)
        failures = lane.penalties.get(key, (0, 0))[0] + 1
        wait_s = min(_PENALTY_CAP_S, self._options.poll_s * 2.0 ** min(failures, 16))
        lane.penalties[key] = (failures, self.clock.mono_ns() + int(wait_s * NS_PER_S))
        log.warning("a Segment stays in the spool", key=segment.key, why=logs.redact(str(error)), failures=failures)
        if isinstance(error, ObjectChecksumError):
            self._tell("refused", segment)

    def _tell(self, kind: str, segment: Segment) -> None:
        value = {"kind": kind, "node": self._options.node, "key": segment.key, "stream": str(segment.stream)}
        self._bus.publish("recorder.state", value)


async def _ended(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def home_store(catalogue: Catalogue, site: str) -> str:
    """Name of the Store that a Site's footage goes to."""
    found = await catalogue.sites.get(site)
    return HOME_STORE if found is None else found.home_store
