"""The catalogue made anew from what lies in Stores: Checkpoints for what only rows say, objects for footage. Streaming.

Event loop; objects are read on an executor, several at a time. Order: rows that Checkpoints state, then Segments as
their objects tell them, then the revs that Checkpoints give these. Everything is entered by `rev`, so a rebuild that
was interrupted goes on where it was, and one over a catalogue that is not empty only adds what is newer.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from recorder.found import FoundSegment, found_segment
from vms.domain.footage import Copy, CopyState, SegmentState
from vms.errors import FootageError, ObjectMissingError
from vms.objects.base import ObjectInfo, ObjectStore
from vms.proof.checkpoint import PREFIX, BadCheckpointError, Checkpoint, opened
from vms.store import Catalogue
from vms.store.images import RowImage
from vms.store.rebuilding import copy_image, row_image, run_image, segment_image

FOOTAGE = "footage/"
_STATED = frozenset({"grants", "runs", "segments", "gaps"})
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class RebuildOptions:
    """`deep`: read and prove every byte; `workers`: objects read at a time; `batch`: entered in one transaction."""

    deep: bool = False
    workers: int = 8
    batch: int = 200


@dataclass(frozen=True, slots=True)
class Bad:
    """An object that was left out, and why."""

    store: str
    key: str
    why: str


@dataclass
class Rebuilt:
    """What a rebuild did. `unended`: Runs that no Checkpoint tells the end of are not among them."""

    segments: int = 0
    bytes: int = 0
    checkpoints: int = 0
    stated: int = 0
    bad: list[Bad] = field(default_factory=list)
    signers: dict[str, set[str]] = field(default_factory=dict)
    at: str = ""


class Rebuild:
    """One rebuild. `tell` hears of each batch."""

    def __init__(
        self,
        catalogue: Catalogue,
        stores: Mapping[str, ObjectStore],
        options: RebuildOptions | None = None,
        tell: Callable[[Rebuilt], None] = lambda _rebuilt: None,
    ) -> None:
        self._catalogue = catalogue
        self._stores = dict(stores)
        self._options = options or RebuildOptions()
        self._tell = tell
        self.done = Rebuilt()

    async def begun(self) -> bool:
        """Whether a rebuild of this catalogue was begun and not ended."""
        marks = [await self._catalogue.outbox.remembered(_mark(name)) for name in self._stores]
        return any(marks)

    async def run(self) -> Rebuilt:
        """All of it. CatalogueError; ObjectUnavailableError where a Store does not answer: run it again."""
        with ThreadPoolExecutor(self._options.workers, thread_name_prefix="rebuild") as executor:
            for name in self._stores:
                if not await self._catalogue.outbox.remembered(_mark(name)):
                    await self._catalogue.outbox.remember(_mark(name), FOOTAGE)
            for store in self._stores.values():
                async for checkpoint in self._checkpoints(store, executor):
                    await self._state(checkpoint)
            for store in self._stores.values():
                await self._footage(store, executor)
            for store in self._stores.values():
                async for checkpoint in self._checkpoints(store, executor, again=True):
                    await self._catalogue.rebuilding.raise_revs(_revs(checkpoint))
            for name in self._stores:
                await self._catalogue.outbox.remember(_mark(name), "")
        return self.done

    async def _checkpoints(
        self, store: ObjectStore, executor: ThreadPoolExecutor, *, again: bool = False
    ) -> AsyncIterator[Checkpoint]:
        def read(info: ObjectInfo) -> Checkpoint | Bad:
            try:
                made = opened(store.get(info.key))
            except (BadCheckpointError, ObjectMissingError) as error:
                return Bad(store.name, info.key, str(error))
            said = info.key.split("/")[1:3]
            return made if said == [made.site, made.node] else Bad(store.name, info.key, "it lies under another name")

        async for batch in self._read(store, PREFIX, "", read, executor):
            for _, found in batch:
                if isinstance(found, Checkpoint):
                    if not again:
                        self.done.checkpoints += 1
                        self.done.signers.setdefault(found.node, set()).add(found.fingerprint)
                    yield found
                elif not again:
                    self.done.bad.append(found)

    async def _state(self, checkpoint: Checkpoint) -> None:
        """Rows of those tables alone that a Checkpoint may state, and the key that signs it."""
        images = [row_image("node_keys", checkpoint.key)]
        for table in sorted(_STATED & checkpoint.rows.keys()):
            images += [row_image(table, row) for row in checkpoint.rows[table]]
        applied = await self._catalogue.replica.apply(images, "rebuild")
        self.done.stated += applied.rows
        where = f"{PREFIX}{checkpoint.site}/{checkpoint.node} number {checkpoint.number}"
        for image, why in (*applied.refused, *applied.waiting):
            self.done.bad.append(Bad("", where, f"a row of {image.table}: {why}"))
        self._tell(self.done)

    async def _footage(self, store: ObjectStore, executor: ThreadPoolExecutor) -> None:
        def read(info: ObjectInfo) -> FoundSegment | Bad:
            try:
                return found_segment(store, info, deep=self._options.deep)
            except (FootageError, ObjectMissingError) as error:
                return Bad(store.name, info.key, error.message)

        after = await self._catalogue.outbox.remembered(_mark(store.name)) or FOOTAGE
        async for batch in self._read(store, FOOTAGE, after, read, executor):
            images: list[RowImage] = []
            for _, found in batch:
                if isinstance(found, Bad):
                    self.done.bad.append(found)
                    continue
                images += _images(found, store.name)
                self.done.segments += 1
                self.done.bytes += found.segment.size_bytes
            applied = await self._catalogue.replica.apply(images, "rebuild")
            for image, why in (*applied.refused, *applied.waiting):
                self.done.bad.append(Bad(store.name, str(image.key), f"a row of {image.table}: {why}"))
            self.done.at = batch[-1][0].key
            await self._catalogue.outbox.remember(_mark(store.name), self.done.at)
            self._tell(self.done)

    async def _read(
        self,
        store: ObjectStore,
        prefix: str,
        after: str,
        read: Callable[[ObjectInfo], _T],
        executor: ThreadPoolExecutor,
    ) -> AsyncIterator[list[tuple[ObjectInfo, _T]]]:
        """Objects in the order of their keys, in batches, each with what was read of it."""
        loop = asyncio.get_running_loop()
        listing: Iterator[ObjectInfo] = store.list(prefix, start_after="" if after == prefix else after)
        while True:
            page = await loop.run_in_executor(executor, lambda: list(itertools.islice(listing, self._options.batch)))
            if not page:
                return
            found = await asyncio.gather(*(loop.run_in_executor(executor, read, info) for info in page))
            yield list(zip(page, found, strict=True))


def _images(found: FoundSegment, store: str) -> list[RowImage]:
    segment = found.segment
    copy = Copy(segment.run, segment.number, store, CopyState.VERIFIED, found.modified_ns)
    return [run_image(found.run), segment_image(segment, found.fragments), copy_image(copy)]


def _revs(checkpoint: Checkpoint) -> list[tuple[str, int, int]]:
    """Least revs of Segments that are stored by now: one that was in the spool then had another write since."""
    return [
        (str(run), int(number), int(rev) + (state != SegmentState.STORED.value))
        for run, number, state, rev in checkpoint.kept
    ]


def _mark(store: str) -> str:
    return f"rebuild.{store}"
