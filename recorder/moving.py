"""Moves a whole installation, catalogue and footage, into another one that is empty: `vms migrate`. Event loop.

Order: what a crash left in the old spool is closed; objects; rows; footage that was still in the spool; the old node's
last Checkpoint; then everything is compared. Objects come before the rows that name them, every step writes only what
is missing, and the old installation keeps all it has: cut off at any point, the same again goes on.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from recorder.checkpoints import CheckpointOptions, Checkpoints
from recorder.deliver import holds, is_same
from recorder.fmp4_read import read_init
from recorder.metadata import CONTENT_TYPE, metadata_of
from recorder.moving_objects import Objects, ObjectsTold
from recorder.moving_rows import Rows, TableTold
from recorder.spool import Spool
from recorder.sweep import Sweep
from recorder.uploader import home_store
from vms.bus.base import Bus
from vms.clock import Clock
from vms.domain.footage import Copy, CopyState, Segment, SegmentState
from vms.errors import FootageError, ObjectChecksumError, ObjectMissingError, SettingsError
from vms.objects.base import ObjectInfo, ObjectStore
from vms.proof.keys import NodeKey
from vms.store import Catalogue
from vms.store.notes import SETTINGS
from vms.store.table_rows import TableRows

_MARK = "migrate"
_BLOCK_BYTES = 8 << 20
_EMPTY_HINT = "Use a database and a bucket of their own, and migrate before any node of the cluster is started."


@dataclass(frozen=True)
class OldPlace:
    """The installation that is left: stopped, and locked by the caller. `checkpoints`: folder where those of its node
    wait."""

    catalogue: Catalogue
    stores: Mapping[str, ObjectStore]
    spool: Spool
    node: str
    key: NodeKey
    checkpoints: Path


@dataclass(frozen=True)
class NewPlace:
    """Where it goes."""

    catalogue: Catalogue
    stores: Mapping[str, ObjectStore]


@dataclass(frozen=True, slots=True)
class MovingOptions:
    """`workers`: objects on their way at a time; `lock_days`: as of recorder.checkpoints."""

    workers: int = 8
    lock_days: int = 400


@dataclass(slots=True)
class Moved:
    """What a run did and found. `again`: all had been brought before, and only the footage was looked at. `segments`:
    (there, all) of those whose footage is kept; `absent`: keys, with why, of those that are not there, `flawed`: of
    those that were gone or damaged in the old Store already."""

    again: bool = False
    objects: dict[str, ObjectsTold] = field(default_factory=dict)
    rows: int = 0
    uploaded: int = 0
    checkpoints_waiting: int = 0
    tables: list[TableTold] = field(default_factory=list)
    segments: tuple[int, int] = (0, 0)
    segment_bytes: int = 0
    absent: list[tuple[str, str]] = field(default_factory=list)
    flawed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Everything that there was is there."""
        bad = any(told.bad for told in self.objects.values())
        return not self.absent and not bad and not self.checkpoints_waiting and all(told.ok for told in self.tables)


class Moving:
    """`tell` is called with what is being done, in words, often."""

    def __init__(
        self,
        clock: Clock,
        bus: Bus,
        *,
        old: OldPlace,
        new: NewPlace,
        options: MovingOptions | None = None,
        tell: Callable[[str], None] = lambda _words: None,
    ) -> None:
        self._clock, self._bus = clock, bus
        self._old, self._new = old, new
        self._options = options or MovingOptions()
        self._tell = tell
        self._rows = Rows(old.catalogue, new.catalogue, lambda table, seen: tell(f"rows of {table}: {seen}"))
        self.moved = Moved()

    async def run(self) -> Moved:
        """All of it, or only the comparison where it is done. SettingsError: the new place is not empty of other
        things; ObjectUnavailableError, CatalogueError: run it again."""
        self.moved.again = await self._is_done()
        with ThreadPoolExecutor(self._options.workers, thread_name_prefix="moving") as executor:
            if not self.moved.again:
                await self._move(executor)
                self.moved.tables = await self._rows.compare()
            await self._look_at_segments(executor)
        if self.moved.ok and not self.moved.again:
            await self._remember(done=True)
        return self.moved

    async def _move(self, executor: ThreadPoolExecutor) -> None:
        await self._remember(done=False)
        self._tell("closing what is open in the spool")
        await Sweep(self._old.catalogue, self._old.spool, self._old.node, executor, lambda _run: False).run()
        await self._bring_objects()
        self.moved.checkpoints_waiting = await self._checkpoints(self._old.catalogue)
        self.moved.rows = await self._rows.bring()
        if await self._old.catalogue.rules.has_begun():  # else the cluster would add the first Rules to those it has
            await self._new.catalogue.rules.begin_with(())
        self._new.catalogue.unsigned.keep(self._old.node)
        for segment in await self._spooled():
            await self._upload(segment, executor)
        self.moved.checkpoints_waiting += await self._checkpoints(self._new.catalogue)
        await self._new.catalogue.outbox.resend(SETTINGS)

    # Whether it may be

    async def _is_done(self) -> bool:
        """SettingsError where something else is there."""
        noted = await self._new.catalogue.outbox.remembered(_MARK)
        if noted is None:
            for table in TableRows.tables():
                if await self._new.catalogue.table_rows.page(table, limit=1):
                    raise SettingsError(f"the new catalogue is not empty: it has {table}", hint=_EMPTY_HINT)
        else:
            mark = json.loads(noted)
            if mark["node"] != self._old.node:
                raise SettingsError("another installation was brought into the new catalogue", hint=_EMPTY_HINT)
            if mark["done"]:
                return True
            before = {node.id for node in await self._old.catalogue.nodes.list()}
            if {node.id for node in await self._new.catalogue.nodes.list()} - before:
                raise SettingsError("a node of the cluster was started before all was brought", hint=_EMPTY_HINT)
        await self._has_stores()
        return False

    async def _has_stores(self) -> None:
        named = {site.home_store for site in await self._old.catalogue.sites.list()}
        absent = sorted((set(self._old.stores) | named) - set(self._new.stores))
        if absent:
            raise SettingsError(
                f"the new settings have no Store named {', '.join(absent)}",
                hint="List it under stores there: footage goes to the Store of the same name.",
            )

    async def _remember(self, *, done: bool) -> None:
        mark = {"node": self._old.node, "done": done}
        await self._new.catalogue.outbox.remember(_MARK, json.dumps(mark))

    # Footage

    async def _bring_objects(self) -> None:
        for name, store in self._old.stores.items():

            def tell(told: ObjectsTold, name: str = name) -> None:
                self._tell(f"objects of {name}: {told.brought + told.there}, {told.bytes / 1e9:.1f} GB brought")

            options = self._options
            job = Objects(store, self._new.stores[name], tell, workers=options.workers, lock_days=options.lock_days)
            self.moved.objects[name] = await job.bring()

    async def _spooled(self) -> list[Segment]:
        return await self._new.catalogue.segments.by_state(SegmentState.SPOOLED)

    async def _upload(self, segment: Segment, executor: ThreadPoolExecutor) -> None:
        """From the old spool, which keeps it, into its home Store; one that is not there is found by the comparison."""
        loop = asyncio.get_running_loop()
        name = await home_store(self._new.catalogue, segment.site)
        try:
            if not await loop.run_in_executor(executor, self._put, self._new.stores[name], segment):
                return
        except ObjectChecksumError as error:
            self.moved.absent.append((segment.key, error.message))
            return
        catalogue = self._new.catalogue
        await catalogue.copies.put(Copy(segment.run, segment.number, name, CopyState.VERIFIED, self._clock.now_ns()))
        await catalogue.segments.put(replace(segment, state=SegmentState.STORED, rev=segment.rev + 1))
        self.moved.uploaded += 1
        self._tell(f"footage of the spool: {self.moved.uploaded}")

    def _put(self, store: ObjectStore, segment: Segment) -> bool:
        if holds(store, segment):
            return True
        if not self._old.spool.holds(segment.key):
            return False
        store.check()
        path = self._old.spool.path(segment.key)
        metadata = metadata_of(segment, _names(path))
        store.put_file(segment.key, path, sha256=segment.sha256, metadata=metadata, content_type=CONTENT_TYPE)
        return is_same(store.stat(segment.key), segment)

    async def _checkpoints(self, catalogue: Catalogue) -> int:
        """What the old node wrote, and what was written here in its name, is stated by its key."""
        self._tell("the last Checkpoint")
        options = CheckpointOptions(self._old.node, self._old.checkpoints, lock_days=self._options.lock_days)
        stores = self._new.stores
        job = Checkpoints(
            self._clock, catalogue=catalogue, bus=self._bus, stores=stores, key=self._old.key, options=options
        )
        return await job.once()

    # Whether it is there

    async def _look_at_segments(self, executor: ThreadPoolExecutor) -> None:
        """Every Segment whose footage the old installation keeps, asked of the new Store by size and SHA-256."""
        rebuilding, loop = self._old.catalogue.rebuilding, asyncio.get_running_loop()
        for day in [*await rebuilding.stored_days(), None]:
            kept = (
                [segment for segment, _ in await rebuilding.stored_of(day, "")]
                if day is not None
                else await self._old.catalogue.segments.by_state(SegmentState.SPOOLED)
            )
            homes = {site: await home_store(self._new.catalogue, site) for site in {one.site for one in kept}}
            jobs = [loop.run_in_executor(executor, self._look, homes[one.site], one) for one in kept]
            for one, found in zip(kept, await asyncio.gather(*jobs), strict=True):
                await self._judge(one, found)

    def _look(self, home: str, segment: Segment) -> tuple[str, bool]:
        """Why it is not there, and whether it was not there before; empty where it is."""
        store = self._new.stores[home]
        if holds(store, segment):
            return "", False
        try:
            found = store.stat(segment.key)
        except ObjectMissingError:
            return "the new Store does not have it", not self._was_there(home, segment)
        return "its bytes are not those that were recorded", self._is_as_it_was(home, segment.key, found)

    async def _judge(self, segment: Segment, found: tuple[str, bool]) -> None:
        there, total = self.moved.segments
        why, was_so = found
        if not why or (self.moved.again and await self._went_since(segment)):
            there += 1
            self.moved.segment_bytes += segment.size_bytes
        else:
            (self.moved.flawed if was_so else self.moved.absent).append((segment.key, why))
        self.moved.segments = there, total + 1
        self._tell(f"Segments looked at: {total + 1}")

    def _was_there(self, home: str, segment: Segment) -> bool:
        if self._old.spool.holds(segment.key):
            return True
        try:
            self._old.stores[home].stat(segment.key)
        except ObjectMissingError:
            return False
        return True

    def _is_as_it_was(self, home: str, key: str, here: ObjectInfo) -> bool:
        try:
            old = self._old.stores[home]
            size = old.stat(key).size_bytes
            digest = hashlib.sha256()
            for offset in range(0, size, _BLOCK_BYTES):
                digest.update(old.get(key, offset, _BLOCK_BYTES))
        except (ObjectMissingError, KeyError):
            return False
        return here.sha256 == digest.hexdigest()

    async def _went_since(self, segment: Segment) -> bool:
        """The cluster is at work already, and its retention took it."""
        row = await self._new.catalogue.segments.get(segment.run, segment.number)
        return row is None or row.state is SegmentState.EXPIRED


def _names(path: Path) -> Mapping[str, str]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_init(lambda offset, length: os.pread(fd, length, offset)).head.names
    except FootageError:
        return {}
    finally:
        os.close(fd)
