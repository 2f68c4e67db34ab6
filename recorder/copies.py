"""The Service that brings Copies of what lies in a Site's own Store to the center's: newest first, then the rest, at
the pace of the line, verified. What retention takes away here is taken away there by the center's own.

Event loop; Stores block on an executor of its own. What is to be done are rows: a Copy `wanted` is written before its
Segment is `stored`, and for what was there already when the policy changes; so nothing is forgotten by a restart, and
done twice it is the same.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from recorder.deliver import holds, is_same
from recorder.metadata import CONTENT_TYPE
from recorder.store_state import StoreState
from vms import logs, metrics
from vms.bus.base import Bus
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import HOME_STORE, CopyPolicy, Site, StreamName
from vms.domain.footage import Copy, CopyState, Segment
from vms.errors import ObjectChecksumError, ObjectError, ObjectMissingError, ObjectUnavailableError
from vms.objects.base import ObjectStore
from vms.service import Backoff, Health, Service
from vms.store import Catalogue

log = logs.get(__name__)

_CHUNK = 32
_ORDERED = 500
_PENALTY_CAP_S = 600
_PIECE = 4 << 20


@dataclass(frozen=True, slots=True)
class CopiesOptions:
    """`scratch`: a folder for the one Segment that is on its way; `poll_s`: how often to look when there was nothing;
    `backoff_s`: first and longest wait before a center's Store that fails is tried again."""

    node: str
    scratch: Path
    poll_s: float = 5.0
    backoff_s: tuple[float, float] = (0.5, 30.0)


class Copies(Service):
    """Service `copies`. `left_to`: nodes whose Segments others copy; None: only this node's own are to be copied."""

    name = "copies"

    def __init__(
        self,
        clock: Clock,
        *,
        catalogue: Catalogue,
        bus: Bus,
        stores: Mapping[str, ObjectStore],
        left_to: Callable[[], frozenset[str] | None],
        options: CopiesOptions,
    ) -> None:
        super().__init__(clock)
        self._catalogue, self._stores, self._left_to, self._options = catalogue, stores, left_to, options
        self._home = stores[HOME_STORE]
        self._state = StoreState(HOME_STORE, options.node, bus, clock, Backoff(*options.backoff_s))
        self._policies: dict[str, tuple[str, CopyPolicy]] = {}
        self._penalties: dict[tuple[str, int], tuple[int, int]] = {}

    def health(self) -> Health:
        """Not ok while the center's Store takes nothing."""
        found = super().health()
        return self._state.health() if found.ok and self._state.failing else found

    async def run_once(self) -> None:
        """Until stopped; raises where the catalogue does not answer."""
        executor = ThreadPoolExecutor(1, thread_name_prefix="copies")
        try:
            while True:
                worked = self._state.wait_s() == 0 and await self.step(executor)
                self.ready()
                wait_s = (
                    0.0 if worked else max(self._state.wait_s(), 0 if self._state.failing else self._options.poll_s)
                )
                if not await self.pause(wait_s):
                    return
        finally:
            executor.shutdown(wait=False)

    async def step(self, executor: Executor) -> bool:
        """Copy the newest that is wanted; whether there was anything to do."""
        sites = {site.id: site for site in await self._catalogue.sites.list()}
        await self._order(sites)
        return await self._copy_newest(sites, executor)

    async def _order(self, sites: Mapping[str, Site]) -> None:
        """Where a policy is new, order what it wants of the footage that is there."""
        now = {site.id: (site.home_store, site.copies) for site in sites.values()}
        changed = {ident for ident, policy in now.items() if self._policies.get(ident) != policy}
        for camera in await self._catalogue.cameras.list(include_deleted=True) if changed else ():
            names = [name for name in StreamName if camera.site in changed and sites[camera.site].orders(name)]
            before_ns = 1 << 62
            while names:
                found = await self._catalogue.due_copies.missing(HOME_STORE, camera.id, names, before_ns, _ORDERED)
                rows = [await self._next_row(segment, CopyState.WANTED) for segment in found]
                await self._catalogue.due_copies.put_all(rows)
                if len(found) < _ORDERED or self.stopping.is_set():
                    break
                before_ns = found[-1].start_ns
        self._policies = now

    async def _copy_newest(self, sites: Mapping[str, Site], executor: Executor) -> bool:
        """Whether there was one."""
        left_to, now_ns = self._left_to(), self.clock.mono_ns()
        found = await self._catalogue.due_copies.of(
            HOME_STORE,
            CopyState.WANTED,
            _CHUNK + len(self._penalties),
            node=self._options.node if left_to is None else None,
            not_nodes=left_to or (),
        )
        for segment in found:
            site = sites.get(segment.site)
            if site is None or not site.orders(segment.stream.name):
                await self._put(segment, CopyState.DELETED)  # the policy is another by now
            elif self._penalties.get((segment.run, segment.number), (0, 0))[1] <= now_ns:
                await self._copy(segment, site, executor)
                return True
        return False

    async def _copy(self, segment: Segment, site: Site, executor: Executor) -> None:
        loop = asyncio.get_running_loop()
        path = self._options.scratch / "copy.mp4"
        try:
            source = await self._source(segment, site)
            try:
                is_there = await loop.run_in_executor(executor, holds, self._home, segment)
            except ObjectError as error:
                self._fails(error)
                return
            if not is_there:
                metadata = await loop.run_in_executor(executor, _fetch, source, segment, path)
                try:
                    await loop.run_in_executor(executor, _send, self._home, segment, path, metadata)
                except ObjectUnavailableError as error:
                    self._fails(error)
                    return
        except (ObjectError, OSError) as error:
            self._punish(segment, error)
            return
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        await self._put(segment, CopyState.VERIFIED)
        self._penalties.pop((segment.run, segment.number), None)
        self._state.worked()
        metrics.UPLOAD_BYTES.labels(HOME_STORE).inc(segment.size_bytes)

    async def _source(self, segment: Segment, site: Site) -> ObjectStore:
        """Where it is: the Site's Store may have been another when it was recorded."""
        rows = await self._catalogue.copies.of(segment.run, segment.number)
        names = [row.store for row in rows if row.state is CopyState.VERIFIED and row.store != HOME_STORE]
        source = next((self._stores[name] for name in names if name in self._stores), None)
        if source is None:
            missing = next(iter(names), site.home_store)
            raise ObjectError(f"there is no Store named {missing}", hint="Add it to the settings.")
        return source

    async def _put(self, segment: Segment, state: CopyState) -> None:
        await self._catalogue.copies.put(await self._next_row(segment, state))

    async def _next_row(self, segment: Segment, state: CopyState) -> Copy:
        rows = await self._catalogue.copies.of(segment.run, segment.number)
        rev = max((row.rev for row in rows if row.store == HOME_STORE), default=0) + 1
        verified_ns = self.clock.now_ns() if state is CopyState.VERIFIED else None
        return Copy(segment.run, segment.number, HOME_STORE, state, verified_ns, rev)

    def _fails(self, error: ObjectError) -> None:
        metrics.UPLOAD_ERRORS.inc()
        self._penalties.clear()
        self._state.failed(error)

    def _punish(self, segment: Segment, error: Exception) -> None:
        """One that fails by itself does not hold up the others."""
        key = (segment.run, segment.number)
        failures = self._penalties.get(key, (0, 0))[0] + 1
        wait_s = min(_PENALTY_CAP_S, self._options.poll_s * 2.0 ** min(failures, 16))
        self._penalties[key] = (failures, self.clock.mono_ns() + int(wait_s * NS_PER_S))
        metrics.UPLOAD_ERRORS.inc()
        log.warning("a Copy is not made yet", key=segment.key, why=logs.redact(str(error)), failures=failures)


def _fetch(source: ObjectStore, segment: Segment, path: Path) -> Mapping[str, str]:
    """A Segment from its Site's Store into a file, and its metadata; ObjectError where it is not there, or another."""
    metadata = source.stat(segment.key).metadata
    digest, offset = hashlib.sha256(), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        while offset < segment.size_bytes:
            data = source.get(segment.key, offset, min(_PIECE, segment.size_bytes - offset))
            if not data:
                raise ObjectMissingError(f"{segment.key} ends at byte {offset}")
            digest.update(data)
            file.write(data)
            offset += len(data)
    if digest.hexdigest() != segment.sha256:
        raise ObjectChecksumError(f"{segment.key} is not in its Store as it was written")
    return metadata


def _send(home: ObjectStore, segment: Segment, path: Path, metadata: Mapping[str, str]) -> None:
    """To the center's Store, verified there."""
    home.put_file(segment.key, path, sha256=segment.sha256, metadata=metadata, content_type=CONTENT_TYPE)
    if not is_same(home.stat(segment.key), segment):
        raise ObjectChecksumError("the Store does not hold what was sent", hint="It is sent again.")
