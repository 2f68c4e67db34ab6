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
from dataclasses import dataclass, replace

from recorder.fmp4_read import read_init
from recorder.loss import say_lost
from recorder.metadata import CONTENT_TYPE, metadata_of
from recorder.spool import Spool
from vms import logs, metrics
from vms.bus.base import Bus
from vms.clock import NS_PER_S, Clock
from vms.domain.footage import Copy, CopyState, Segment, SegmentState
from vms.errors import (
    FootageError,
    InputError,
    ObjectChecksumError,
    ObjectError,
    ObjectMissingError,
    ObjectUnavailableError,
)
from vms.objects.base import ObjectInfo, ObjectStore
from vms.service import Service
from vms.store import Catalogue

log = logs.get(__name__)

_CHUNK = 32
_PENALTY_CAP_S = 600


@dataclass(frozen=True, slots=True)
class UploaderOptions:
    """`workers`: uploads at a time; `poll_s`: how often to look without being woken."""

    node: str
    workers: int = 2
    poll_s: float = 5.0


class Uploader(Service):
    """Service `uploader`. `stores` by name; a Site's `home_store` names its own."""

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
        self._wake = asyncio.Event()
        self._penalties: dict[tuple[str, int], tuple[int, int]] = {}
        self._proved: set[str] = set()

    def wake(self) -> None:
        """There is another spooled Segment."""
        self._wake.set()

    def stop(self) -> None:
        """Ask to end; uploads under way are let go after the one they are at."""
        super().stop()
        self._wake.set()

    async def run_once(self) -> None:
        """Upload until stopped; raises where a Store does not answer, which the Service retries with backoff."""
        executor = ThreadPoolExecutor(self._options.workers, thread_name_prefix="upload")
        try:
            while not self.stopping.is_set():
                self._wake.clear()
                waiting = await self._waiting()
                for at in range(0, len(waiting), self._options.workers):
                    await self._together(waiting[at : at + self._options.workers], executor)
                    if self.stopping.is_set():
                        return
                self.ready()
                if len(waiting) < _CHUNK:
                    await self._rest()
        finally:
            executor.shutdown(wait=False)

    async def _waiting(self) -> list[Segment]:
        now_ns = self.clock.mono_ns()
        limit = _CHUNK + len(self._penalties)
        spooled = await self._catalogue.segments.by_state(SegmentState.SPOOLED, self._options.node, newest=limit)
        due = [s for s in spooled if self._penalties.get((s.run, s.number), (0, 0))[1] <= now_ns]
        return due[:_CHUNK]

    async def _rest(self) -> None:
        waker = asyncio.ensure_future(self._wake.wait())
        sleeper = asyncio.ensure_future(self.clock.sleep(self._options.poll_s))
        try:
            await asyncio.wait({waker, sleeper}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waker.cancel()
            sleeper.cancel()
            await asyncio.gather(waker, sleeper, return_exceptions=True)

    async def _together(self, segments: list[Segment], executor: ThreadPoolExecutor) -> None:
        jobs = [self._one(segment, executor) for segment in segments]
        for error in await asyncio.gather(*jobs, return_exceptions=True):
            if isinstance(error, BaseException):
                raise error

    async def _one(self, segment: Segment, executor: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        try:
            store = await self._store_of(segment)
            stored = await loop.run_in_executor(executor, self._bring, store, segment)
        except ObjectUnavailableError:
            self._proved.discard(await home_store(self._catalogue, segment.site))
            metrics.UPLOAD_ERRORS.inc()
            raise
        except FootageError as error:
            await loop.run_in_executor(executor, self._spool.set_aside, segment.key)
            await self._lost(segment, "damaged", error.message)
            return
        except (ObjectError, InputError, OSError) as error:
            metrics.UPLOAD_ERRORS.inc()
            self._punish(segment, error)
            return
        if not stored:
            await self._lost(segment, "lost", "neither spool nor Store has it")
            return
        await self._say_stored(segment, store.name)
        await loop.run_in_executor(executor, self._spool.remove, segment.key)
        metrics.SEGMENTS.labels("stored").inc()

    async def _store_of(self, segment: Segment) -> ObjectStore:
        name = await home_store(self._catalogue, segment.site)
        store = self._stores.get(name)
        if store is None:
            raise ObjectError(f"there is no Store named {name}", hint="Add it to the settings.")
        return store

    def _bring(self, store: ObjectStore, segment: Segment) -> bool:
        """Put and verify; False where neither spool nor Store has it. FootageError: what the spool has is damaged, and
        the Store does not have it. Blocks."""
        if not self._spool.holds(segment.key):
            return _holds(store, segment)
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
            if not _holds(store, segment):
                raise FootageError("the file in the spool is not as it was written") from None
            return True
        if not _is(store.stat(segment.key), segment):
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

    async def _say_stored(self, segment: Segment, store: str) -> None:
        copies = await self._catalogue.copies.of(segment.run, segment.number)
        rev = max((copy.rev for copy in copies if copy.store == store), default=0) + 1
        now_ns = self.clock.now_ns()
        copy = Copy(segment.run, segment.number, store, CopyState.VERIFIED, now_ns, rev)
        await self._catalogue.copies.put(copy)
        await self._catalogue.segments.put(replace(segment, state=SegmentState.STORED, rev=segment.rev + 1))
        self._penalties.pop((segment.run, segment.number), None)

    async def _lost(self, segment: Segment, kind: str, why: str) -> None:
        """Its bytes are nowhere: say so, rather than show footage that is not there."""
        log.error("a Segment is lost", key=segment.key, why=why)
        await say_lost(self._catalogue, segment, self._options.node)
        self._penalties.pop((segment.run, segment.number), None)
        self._tell(kind, segment)

    def _punish(self, segment: Segment, error: Exception) -> None:
        """Leave one that fails by itself for a while, so that it does not hold up the others."""
        key = (segment.run, segment.number)
        failures = self._penalties.get(key, (0, 0))[0] + 1
        wait_s = min(_PENALTY_CAP_S, self._options.poll_s * 2.0 ** min(failures, 16))
        self._penalties[key] = (failures, self.clock.mono_ns() + int(wait_s * NS_PER_S))
        log.warning("a Segment stays in the spool", key=segment.key, why=logs.redact(str(error)), failures=failures)
        if isinstance(error, ObjectChecksumError):
            self._tell("refused", segment)

    def _tell(self, kind: str, segment: Segment) -> None:
        value = {"kind": kind, "node": self._options.node, "key": segment.key, "stream": str(segment.stream)}
        self._bus.publish("recorder.state", value)


async def home_store(catalogue: Catalogue, site: str) -> str:
    """Name of the Store that a Site's footage goes to."""
    found = await catalogue.sites.get(site)
    return "home" if found is None else found.home_store


def _holds(store: ObjectStore, segment: Segment) -> bool:
    try:
        return _is(store.stat(segment.key), segment)
    except ObjectMissingError:
        return False


def _is(found: ObjectInfo, segment: Segment) -> bool:
    return found.size_bytes == segment.size_bytes and found.sha256 == segment.sha256
