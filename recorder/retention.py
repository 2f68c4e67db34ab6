"""The Service that takes footage away: what recorder/quota.py says is too old or too much, oldest first.

Only Segments that are `stored` and that no Hold claims are ever taken: each is asked about once more right before. The
object goes first, then the rows: whatever is interrupted in between is done again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

from recorder.legal_holds import LegalHolds
from recorder.loss import gap_for
from recorder.pruning import REST_NS, prune
from recorder.quota import DAY_NS, Batch, Quota, oldest_of, too_old_ns
from recorder.reprieve import reprieve
from recorder.sprite_retention import clear_sprites
from recorder.uploader import home_store
from vms import logs, metrics
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import Camera
from vms.domain.footage import Copy, CopyState, Segment, SegmentState
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.hold import let_go_ns
from vms.domain.interval import Interval
from vms.errors import ObjectError, ObjectUnavailableError
from vms.objects.base import ObjectStore
from vms.service import Service
from vms.store import Catalogue
from vms.sync.places import Places

log = logs.get(__name__)

_STEP_NS = 3600 * NS_PER_S
_NOTE_NS = 600 * NS_PER_S


@dataclass(frozen=True, slots=True)
class RetentionOptions:
    """`days` where a camera has none of its own; `store_bytes`, `site_bytes`, `camera_bytes`: limits of each Store by
    name, of each Site and all below it and of each Camera by slug; `batch`: Segments taken from a camera at a time;
    `homes`: only footage with one of these home Stores is this node's to expire, None: all; `prune_s`: how often rows
    of what expired long ago are looked for."""

    node: str
    days: int = 30
    store_bytes: Mapping[str, int] = field(default_factory=dict)
    site_bytes: Mapping[str, int] = field(default_factory=dict)
    camera_bytes: Mapping[str, int] = field(default_factory=dict)
    every_s: float = 60.0
    batch: int = 200
    homes: frozenset[str] | None = None
    event_days: int = 400
    prune_s: float = 3600.0


class Turns(Protocol):
    """Whose turn it is, of several nodes that do the same work."""

    def take(self, work: str) -> AbstractAsyncContextManager[bool]:
        """Whether it is the caller's, until the block ends; it does not wait."""


def merged(segment: Segment, around: Iterable[Gap], node: str) -> list[Gap]:
    """The rows that say a Segment is expired: the neighbouring Gap made longer where there is one, else a new one.
    `around`: Gaps that overlap [start - 1, end + 1)."""
    expired = [gap for gap in around if gap.cause is GapCause.EXPIRED and gap.state is GapState.CLOSED]
    before = next((gap for gap in expired if gap.end_ns == segment.start_ns), None)
    if before is not None:
        return [replace(before, end_ns=segment.end_ns, rev=before.rev + 1)]
    if any(gap.start_ns <= segment.start_ns and (gap.end_ns or 0) >= segment.end_ns for gap in expired):
        return []
    return [gap_for(segment, GapCause.EXPIRED, node)]


class SteadyTime:
    """Wall time to delete by: a step forward of more than an hour counts once it has held for a day, so that a clock
    gone wrong by years does not take all footage with it. A step back counts at once: it only keeps.

    At its start a process has nothing to compare with but what it left: `known_ns`, a time that was believed before. A
    clock further ahead than that by more than an hour is as one that has just jumped, unless it is synchronized."""

    def __init__(self, clock: Clock, *, known_ns: int | None = None, synchronized: bool = False) -> None:
        self._clock = clock
        now_ns = clock.now_ns()
        if known_ns is not None and now_ns > known_ns + _STEP_NS and not synchronized:
            now_ns = known_ns
        self._offset_ns = now_ns - clock.mono_ns()
        self._ahead_since_ns: int | None = None

    def now_ns(self) -> int:
        """The time as far as it is believed; to be asked now and then."""
        mono_ns = self._clock.mono_ns()
        offset_ns = self._clock.now_ns() - mono_ns
        if offset_ns <= self._offset_ns + _STEP_NS:
            self._ahead_since_ns = None
        else:
            if self._ahead_since_ns is None:
                self._ahead_since_ns = mono_ns
                log.error("the clock has jumped ahead; by its time nothing is deleted for a day", ns=offset_ns)
            if mono_ns - self._ahead_since_ns < DAY_NS:
                return mono_ns + self._offset_ns
            self._ahead_since_ns = None
        self._offset_ns = offset_ns
        return mono_ns + offset_ns


class Retention(Service):
    """Service `retention`. `synchronized`: whether the machine's clock is, as far as it says. `turns`: of the nodes
    that expire the same footage; by default of those on one catalogue."""

    name = "retention"

    def __init__(
        self,
        clock: Clock,
        *,
        catalogue: Catalogue,
        stores: Mapping[str, ObjectStore],
        options: RetentionOptions,
        synchronized: Callable[[], bool] = lambda: False,
        turns: Turns | None = None,
    ) -> None:
        super().__init__(clock)
        self._catalogue = catalogue
        self._turns: Turns = turns or catalogue.turns
        self._stores = stores
        self._options = options
        self._synchronized = synchronized
        self._time = SteadyTime(clock)
        self._legal = LegalHolds(catalogue, stores, clock, options.batch)
        self._noted_ns: int | None = None
        self._pruned_ns: int | None = None
        self._bared_ns: int | None = None

    async def run_once(self) -> None:
        """Look every minute until stopped."""
        executor = ThreadPoolExecutor(1, thread_name_prefix="retention")
        try:
            await self.begin()
            while True:
                taken = 0
                async with self._turns.take(self.name) as mine:
                    if mine:
                        taken = await self.sweep(executor) + await self.clear(executor) + await self.lock(executor)
                async with self._catalogue.turns.take("forget") as mine:  # rows of each catalogue
                    if mine:
                        taken += await self.forget()
                        await self.prune()
                        await self.clear_sprites(executor)
                await self._note()
                self.ready()
                if not await self.pause(0 if taken else self._options.every_s):
                    return
        finally:
            executor.shutdown(wait=False)

    async def begin(self) -> None:
        """Believe the clock as far as it fits the time that was believed last, or else the newest footage."""
        if self._noted_ns is not None:
            return  # not the first try of this process
        noted = await self._catalogue.outbox.remembered(self._mark)
        known_ns = int(noted) if noted else await self._newest_ns()
        self._time = SteadyTime(self.clock, known_ns=known_ns, synchronized=self._synchronized())

    async def _newest_ns(self) -> int | None:
        ends = [
            await self._catalogue.segments.last_end_ns(stream.ref)
            for camera in await self._catalogue.cameras.list(include_deleted=True)
            for stream in camera.streams
        ]
        return max((end_ns for end_ns in ends if end_ns is not None), default=None)

    async def _note(self) -> None:
        now_ns = self._time.now_ns()
        if self._noted_ns is None or abs(now_ns - self._noted_ns) > _NOTE_NS:
            await self._catalogue.outbox.remember(self._mark, str(now_ns))
            self._noted_ns = now_ns

    @property
    def _mark(self) -> str:
        return f"believed.{self._options.node}"

    async def sweep(self, executor: ThreadPoolExecutor) -> int:
        """Take away one batch of each camera; how many Segments went."""
        cameras = await self._own(await self._catalogue.cameras.list(include_deleted=True))
        now_ns, taken = self._time.now_ns(), 0
        for camera in cameras:
            before_ns = too_old_ns(camera, now_ns, self._options.days)
            for segment in await self._expirable(camera, before_ns):
                taken += await self._take(segment, executor)
        for quota in await self._quotas(cameras):
            taken += await self._shrink(quota, executor)
        return taken

    async def lock(self, executor: ThreadPoolExecutor) -> int:
        """Legal holds as the Holds want them; how many were put on or taken off."""
        own = self._stores.keys() if self._options.homes is None else self._options.homes
        return await self._legal.look(own, executor, self._time.now_ns(), self._let_go_ns())

    def _let_go_ns(self) -> int:
        return let_go_ns(self._time.now_ns())

    async def _expirable(self, camera: Camera, before_ns: int) -> list[Segment]:
        found = self._catalogue.segments.expirable
        return await found(camera.id, before_ns, self._options.batch, self._let_go_ns())

    async def clear(self, executor: ThreadPoolExecutor) -> int:
        """Take away Copies in this node's Stores that others have doomed; how many went. Those that a Hold claims are
        footage again."""
        gone, let_go, batch = 0, self._let_go_ns(), self._options.batch
        for name in sorted(self._options.homes or ()):
            store = self._stores.get(name)
            if store is None:
                continue
            await reprieve(self._catalogue, store, executor, let_go, batch)
            doomed = self._catalogue.due_copies.of
            for segment in await doomed(name, CopyState.DOOMED, batch, let_go_ns=let_go):
                copies = await self._catalogue.copies.of(segment.run, segment.number)
                copy = next(one for one in copies if one.store == name)
                try:
                    await self._remove(store, segment, copy, executor)
                except ObjectUnavailableError:
                    raise
                except ObjectError as error:  # under Object Lock, say: it stays until its bucket lets it go
                    log.warning("a Copy cannot be deleted", key=segment.key, why=logs.redact(str(error)))
                    continue
                gone += 1
        return gone

    async def _remove(self, store: ObjectStore, segment: Segment, copy: Copy, executor: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        if copy.locked:  # by a Hold that is over
            await loop.run_in_executor(executor, lambda: store.legal_hold(segment.key, on=False))
        await loop.run_in_executor(executor, store.delete, segment.key)
        row = replace(copy, state=CopyState.DELETED, locked=False, rev=copy.rev + 1)
        await self._catalogue.copies.put(row)

    async def forget(self) -> int:
        """Take away one batch of Events that have long been over; how many went."""
        before_ns = self._time.now_ns() - self._options.event_days * DAY_NS
        return await self._catalogue.events.forget(before_ns, self._options.batch)

    async def prune(self) -> int:
        """Delete rows of what expired long ago, now and then; how many went."""
        mono_ns = self.clock.mono_ns()
        if self._pruned_ns is not None and mono_ns - self._pruned_ns < self._options.prune_s * NS_PER_S:
            return 0
        self._pruned_ns, now_ns = mono_ns, self._time.now_ns()
        cameras = await self._catalogue.cameras.list(include_deleted=True)
        old = [
            (stream.ref, too_old_ns(camera, now_ns, self._options.days) - REST_NS)
            for camera in cameras
            for stream in camera.streams
        ]
        return await prune(self._catalogue, old, lambda: self.pause(0))

    async def clear_sprites(self, executor: ThreadPoolExecutor) -> int:
        """Take away thumbnails of hours without footage, now and then; how many hours went."""
        mono_ns = self.clock.mono_ns()
        if self._bared_ns is not None and mono_ns - self._bared_ns < self._options.prune_s * NS_PER_S:
            return 0
        self._bared_ns = mono_ns
        cameras = await self._catalogue.cameras.list(include_deleted=True)
        now_ns, homes = self._time.now_ns(), self._options.homes
        return await clear_sprites(self._catalogue, self._stores, cameras, now_ns, executor, homes)

    async def _own(self, cameras: list[Camera]) -> list[Camera]:
        homes = self._options.homes
        if homes is None:
            return cameras
        theirs = {site: await home_store(self._catalogue, site) for site in {camera.site for camera in cameras}}
        return [camera for camera in cameras if theirs[camera.site] in homes]

    async def _quotas(self, cameras: Collection[Camera]) -> list[Quota]:
        """Those of single cameras first."""
        options, found = self._options, []
        for slug, limit in options.camera_bytes.items():
            found.append(Quota(tuple(one for one in cameras if one.slug == slug and one.deleted_ns is None), limit))
        sites = await self._catalogue.sites.list() if options.site_bytes else []
        for slug, limit in options.site_bytes.items():
            below = {one for site in sites if site.slug == slug for one in Places(sites).below(site.id)}
            found.append(Quota(tuple(one for one in cameras if one.site in below), limit))
        homes = {site: await home_store(self._catalogue, site) for site in {camera.site for camera in cameras}}
        for store, limit in options.store_bytes.items():
            found.append(Quota(tuple(one for one in cameras if homes[one.site] == store), limit))
        return found

    async def _shrink(self, quota: Quota, executor: ThreadPoolExecutor) -> int:
        catalogue, let_go = self._catalogue, self._let_go_ns()
        excess = sum([await catalogue.segments.stored_bytes(camera.id) for camera in quota.cameras]) - quota.limit_bytes
        if excess > 0:
            held = {hold.camera for hold in await catalogue.holds.in_force(let_go)}
            counts = [camera.id for camera in quota.cameras if camera.id in held]
            excess -= sum([await catalogue.holds.held_bytes(camera, let_go) for camera in counts])
        if excess <= 0:
            return 0
        batches = []
        for camera in quota.cameras:
            rows = await self._expirable(camera, 1 << 62)
            batches.append(Batch(rows, whole=len(rows) < self._options.batch))
        return sum([await self._take(segment, executor) for segment in oldest_of(batches, excess)])

    async def _take(self, segment: Segment, executor: ThreadPoolExecutor) -> bool:
        """Whether it is gone. One that the Store does not let go of does not hold up the others; one that was claimed
        since it was chosen stays."""
        if not await self._catalogue.segments.may_expire(segment, self._let_go_ns()):
            return False
        try:
            await self._delete(segment, executor)
        except ObjectUnavailableError:
            raise
        except ObjectError as error:
            log.warning("footage cannot be deleted", key=segment.key, why=logs.redact(str(error)))
            return False
        metrics.SEGMENTS.labels("expired").inc()
        return True

    async def _delete(self, segment: Segment, executor: ThreadPoolExecutor) -> None:
        """Objects first, then rows: an object without a row would never be found again."""
        for copy in await self._catalogue.copies.of(segment.run, segment.number):
            if copy.state in {CopyState.DELETED, CopyState.DOOMED}:
                continue
            if self._options.homes is not None and copy.store not in self._options.homes:
                # Beyond a line that may be cut: who stands beside that Store takes it away (`clear`).
                await self._catalogue.copies.put(replace(copy, state=CopyState.DOOMED, rev=copy.rev + 1))
                continue
            store = self._stores.get(copy.store)
            if store is None:
                continue
            await self._remove(store, segment, copy, executor)
        around = Interval(segment.start_ns - 1, segment.end_ns + 1)
        for gap in merged(segment, await self._catalogue.gaps.in_interval(segment.stream, around), self._options.node):
            await self._catalogue.gaps.put(gap)
        await self._catalogue.segments.put(replace(segment, state=SegmentState.EXPIRED, rev=segment.rev + 1))
