"""Bytes of one Segment from wherever they lie: the spool of its node over the bus, a Store on the executor, or, where
this node does not know that Store, over the bus from a node of the Site that does.

A Segment moves from spool to Store while it is read; each block looks where it is, and looks again when it is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import Executor
from itertools import pairwise

from recorder.stored import stored_subject
from recorder.video_view import VideoView
from vms.bus.base import Bus
from vms.domain.camera import HOME_STORE
from vms.domain.footage import CopyState, Fragment, Segment, SegmentState
from vms.errors import BusError, ObjectError, ObjectMissingError, VmsError
from vms.objects.base import ObjectStore
from vms.store.catalogue import Catalogue


class SegmentSources:
    """Knows the ways to the bytes of any Segment. Event loop."""

    def __init__(
        self,
        catalogue: Catalogue,
        stores: Mapping[str, ObjectStore],
        bus: Bus,
        executor: Executor,
        block_bytes: int,
        timeout_s: float,
        first: str | None = None,
    ) -> None:
        """`first`: which Store is nearest, in a cluster; None on one machine, where nobody else has any."""
        self._first = first
        self._catalogue = catalogue
        self._stores = dict(stores)
        self._bus = bus
        self._executor = executor
        self._timeout_s = timeout_s
        self.block_bytes = block_bytes

    async def read(self, segment: Segment, offset: int, length: int) -> bytes:
        """At most one block, fewer bytes at the end. ObjectMissingError: it is nowhere any more; another ObjectError or
        BusError: where it should be does not answer."""
        failed: list[VmsError] = []
        for place in await self._places(segment):
            try:
                if place is None:
                    return await self._from_spool(segment, offset, length)
                if isinstance(place, str):
                    return await self._asked(stored_subject(place), segment, offset, length)
                return await self._from_store(place, segment, offset, length)
            except ObjectMissingError as error:
                # Gone from the spool is what becomes of every Segment; gone from a Store is news.
                if place is not None:
                    failed.append(error)
            except (ObjectError, BusError) as error:
                failed.append(error)
        raise _most_telling(failed) or ObjectMissingError(f"{segment.key} is nowhere where this node can read it")

    async def _places(self, segment: Segment) -> list[ObjectStore | str | None]:
        """Where to look, most likely first: a Store, the name of one that others have, None: the spool."""
        held = await self._holding(segment)  # one that was open when it was asked for may be stored by now
        return [*held, None] if segment.state is SegmentState.STORED else [None, *held]

    async def _holding(self, segment: Segment) -> list[ObjectStore | str]:
        if self._first is None and len(self._stores) == 1:
            return list(self._stores.values())
        copies = await self._catalogue.copies.of(segment.run, segment.number)
        names = [copy.store for copy in copies if copy.state is CopyState.VERIFIED]
        if not names:
            site = await self._catalogue.sites.get(segment.site)
            names = [] if site is None else [site.home_store]
        near = sorted((name for name in names if name in self._stores), key=lambda name: name != self._first)
        # A Store that this node knows may be beyond a line that is cut for it alone.
        far = [] if self._first is None else [name for name in names if name != HOME_STORE]
        return [*(self._stores[name] for name in near), *far]

    async def _from_store(self, store: ObjectStore, segment: Segment, offset: int, length: int) -> bytes:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, store.get, segment.key, offset, length)

    async def _from_spool(self, segment: Segment, offset: int, length: int) -> bytes:
        return await self._asked(f"recorder.range.{segment.node}", segment, offset, length)

    async def _asked(self, subject: str, segment: Segment, offset: int, length: int) -> bytes:
        value = {"key": segment.key, "offset": offset, "length": length}
        answer = await self._bus.request(subject, value, timeout_s=self._timeout_s)
        return bytes(answer["data"])


def _most_telling(failed: list[VmsError]) -> VmsError | None:
    """A Store that does not answer; else what was said first, where the Segment most likely is."""
    away = (error for error in failed if isinstance(error, ObjectError) and not isinstance(error, ObjectMissingError))
    return next(away, None) or next(iter(failed), None)


class SegmentBytes:
    """One Segment to be read: its row, its size now, its bytes."""

    def __init__(self, segment: Segment, sources: SegmentSources) -> None:
        self.segment = segment
        self._sources = sources

    @property
    def size_bytes(self) -> int:
        """Bytes that can be read; an open Segment grows."""
        return self.segment.size_bytes

    @property
    def final(self) -> bool:
        """Whether its bytes never change any more."""
        return self.segment.state is not SegmentState.OPEN

    async def read(self, offset: int, length: int | None = None) -> bytes:
        """Bytes [offset, offset + length), to the end when None; fewer at the end."""
        return b"".join([block async for block in self.blocks(offset, length)])

    async def blocks(self, offset: int, length: int | None = None) -> AsyncGenerator[bytes, None]:
        """The same in blocks, read as they are taken. ObjectMissingError where the bytes are gone."""
        end = self.size_bytes if length is None else min(self.size_bytes, offset + length)
        while offset < end:
            wanted = min(self._sources.block_bytes, end - offset)
            data = await self._sources.read(self.segment, offset, wanted)
            if not data:
                raise ObjectMissingError(f"{self.segment.key} ends at byte {offset} of {end}")
            offset += len(data)
            yield data


class VideoBytes(SegmentBytes):
    """The same of its video view: sizes and ranges are the Segment's, some bytes are others."""

    def __init__(
        self, segment: Segment, sources: SegmentSources, view: VideoView, fragments: Sequence[Fragment]
    ) -> None:
        super().__init__(segment, sources)
        self._view = view
        self._fragments = fragments

    async def blocks(self, offset: int, length: int | None = None) -> AsyncGenerator[bytes, None]:
        """Whole fragments are read, and what was asked for is cut from them."""
        end = self.size_bytes if length is None else min(self.size_bytes, offset + length)
        for start, parts in self._batches(offset, end):
            data = await self._whole(start, sum(parts))
            yield self._seen(start, parts, data)[max(0, offset - start) : end - start]

    async def _whole(self, start: int, length: int) -> bytes:
        return b"".join([block async for block in super().blocks(start, length)])

    def _batches(self, offset: int, end: int) -> list[tuple[int, list[int]]]:
        """Init data, fragments and the closing box that reach into a range: (where, sizes), of about a block each."""
        edges = [0, *(fragment.offset_bytes for fragment in self._fragments)]
        last = self._fragments[-1] if self._fragments else None
        if last is not None:
            edges.append(last.offset_bytes + last.size_bytes)
        found: list[tuple[int, list[int]]] = []
        for start, stop in pairwise([*edges, max(edges[-1], self.size_bytes)]):
            if stop <= offset or start >= end or start == stop:
                continue
            if found and sum(found[-1][1]) + stop - start <= self._sources.block_bytes:
                found[-1][1].append(stop - start)
            else:
                found.append((start, [stop - start]))
        return found

    def _seen(self, start: int, sizes: list[int], data: bytes) -> bytes:
        begins = {fragment.offset_bytes for fragment in self._fragments}
        out, at = [], 0
        for size in sizes:
            part = data[at : at + size]
            if start + at == 0:
                part = self._view.init(part)
            elif start + at in begins:
                part = self._view.fragment(part)
            out.append(part)
            at += size
        return b"".join(out)
