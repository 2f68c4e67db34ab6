"""An interval of footage as one plain MP4, streamed: nothing is decoded or encoded, no file is written on the way.

Whole GOPs. The first byte leaves before the second block is read, and memory holds one block, one fragment and the
sample tables. `plan` is pure; blocks are read on the event loop and taken apart on the executor.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from recorder.fmp4_read import Init, ParsedFragment, read_fragment, read_init
from recorder.plain_mp4 import PlainMp4
from recorder.playlist import HOLE_90K, rfc3339
from recorder.segment_reader import SegmentSources
from vms.domain.footage import GopSegment, Segment
from vms.domain.interval import Interval
from vms.domain.media import RunInfo
from vms.errors import FootageError, IntervalError

_HEADER_BYTES = 32 + 8
_HEADS_BYTES = 64 << 10
"""What holds the headers of nearly every fragment."""
OffLoop = Callable[[partial[Any]], Awaitable[Any]]
HearsBytes = Callable[[ParsedFragment, memoryview], None]


@dataclass(frozen=True, slots=True)
class Part:
    """Neighbouring GOPs of one Segment: a byte range, the shown time they span, and whether decode times begin anew."""

    segment: Segment
    offset: int
    size: int
    start_ns: int
    end_ns: int
    fresh: bool


class TakesFragments(Protocol):
    """What hears of each fragment, and where in the new file its first byte lies."""

    def add(self, fragment: ParsedFragment, position: int) -> None: ...


def plan(segments: Iterable[GopSegment], window: Interval, corrections: Mapping[str, int]) -> list[Part]:
    """The byte ranges of all GOPs that reach into the window, in order. `segments` in order of time."""
    parts: list[Part] = []
    run, number, expected_90k = "", -1, 0
    for indexed in segments:
        segment, shift_ns = indexed.segment, corrections.get(indexed.segment.run, 0)
        grown = False
        for gop in indexed.gops:
            start_ns = gop.wall_ns + shift_ns
            end_ns = start_ns + gop.duration_90k * 100_000 // 9
            if start_ns >= window.end_ns or end_ns <= window.start_ns:
                continue
            same = segment.run == run and segment.number in {number, number + 1}
            joins = same and abs(gop.dts_90k - expected_90k) <= HOLE_90K
            if joins and grown and parts[-1].offset + parts[-1].size == gop.offset_bytes:
                last = parts[-1]
                size = last.size + gop.size_bytes
                parts[-1] = Part(segment, last.offset, size, last.start_ns, end_ns, last.fresh)
            else:
                parts.append(Part(segment, gop.offset_bytes, gop.size_bytes, start_ns, end_ns, not joins))
            grown = True
            run, number, expected_90k = segment.run, segment.number, gop.dts_90k + gop.duration_90k
    return parts


class FootageDownload:
    """One MP4 to be sent. `interval`: shown time from its first picture to the end of its last; of what was asked,
    whole GOPs."""

    def __init__(
        self, parts: list[Part], inits: Mapping[str, Init], sources: SegmentSources, off_loop: OffLoop
    ) -> None:
        self.interval = Interval(parts[0].start_ns, max(part.end_ns for part in parts))
        self._parts = parts
        self._inits = inits
        self._sources = sources
        self._off_loop = off_loop

    @classmethod
    async def prepare(cls, parts: list[Part], sources: SegmentSources, off_loop: OffLoop) -> FootageDownload:
        """Read the head of each Run. IntervalError where codec, size or audio change between two: one file can have but
        one of each; it says until when there is one file."""
        inits: dict[str, Init] = {}
        info: RunInfo | None = None
        for part in parts:
            segment = part.segment
            if segment.run in inits:
                continue
            data = await sources.read(segment, 0, segment.init_bytes)
            init = inits[segment.run] = read_init(partial(piece, data, 0))
            if info is not None and info != init.head.run.info:
                start, end = rfc3339(parts[0].start_ns), rfc3339(part.start_ns)
                raise IntervalError(
                    f"the camera changed its picture or sound at {end}: one file cannot hold both",
                    hint=f"Ask for {start} to {end}, and from {end} on.",
                    field="to",
                )
            info = init.head.run.info
        return cls(parts, inits, sources, off_loop)

    async def blocks(self) -> AsyncIterator[bytes]:
        """The bytes of the file, in order. An error on the way ends it without its tables, so nothing takes it for
        whole: ObjectError or BusError where bytes are out of reach, FootageError where they are damaged."""
        info = next(iter(self._inits.values())).head.run.info
        made = PlainMp4(info, sum(part.size for part in self._parts), self.interval.start_ns)
        yield made.head()
        position = made.first_position
        for part in self._parts:
            if part.fresh:
                made.start_run()
            scan = FragmentScan(made, self._inits[part.segment.run], part, position)
            offset, end = part.offset, part.offset + part.size
            while offset < end:
                block = await self._sources.read(part.segment, offset, min(self._sources.block_bytes, end - offset))
                if not block:
                    raise FootageError(f"{part.segment.key} ends at byte {offset} of {end}")
                offset += len(block)
                await self._off_loop(partial(scan.feed, block))
                yield block
            scan.finish()
            position += part.size
        yield await self._off_loop(partial(made.tail))


class FragmentScan:
    """Takes the fragments of one Part from blocks as they come. No block is copied, but for the fragment that lies
    astride two of them."""

    def __init__(
        self, made: TakesFragments, init: Init, part: Part, position: int, hears: HearsBytes | None = None
    ) -> None:
        """`hears`: who is told of each fragment with its bytes, too."""
        self._made = made
        self._init = init
        self._part = part
        self._hears = hears
        self._moved = position - part.offset
        self._at = part.offset
        self._rest = b""

    def feed(self, block: bytes) -> None:
        """Note all fragments that are whole now; keep the beginning of the next."""
        data = memoryview(block)
        if self._rest:
            data = self._astride(data)
        at = 0
        while (size := self._whole(data[at:])) and at + size <= len(data):
            self._take(data[at : at + size])
            at += size
        self._rest += data[at:]

    def finish(self) -> None:
        """FootageError where the last fragment is not whole."""
        if self._rest:
            raise FootageError(f"the index of {self._part.segment.key} does not fit its bytes")

    def _astride(self, data: memoryview) -> memoryview:
        """End the fragment that began in a block before; what is left of this one."""
        size = self._whole(memoryview(self._rest + data[:_HEADS_BYTES])) or self._whole(memoryview(self._rest + data))
        missing = size - len(self._rest)
        if not size or missing > len(data):
            self._rest += data
            return data[:0]
        whole, self._rest = self._rest + data[:missing], b""
        self._take(memoryview(whole))
        return data[missing:]

    def _take(self, data: memoryview) -> None:
        fragment = read_fragment(partial(piece, data, self._at), self._at, self._at + len(data), self._init)
        self._made.add(fragment, self._at + self._moved)
        if self._hears is not None:
            self._hears(fragment, data)
        self._at += fragment.size

    def _whole(self, data: memoryview) -> int:
        """Size of the fragment by the headers of its prft, moof and mdat, 0 where they are not all there yet. No more
        than that it fits is checked here."""
        size = _HEADER_BYTES
        for _ in ("moof", "mdat"):
            if len(data) < size:
                return 0
            size += max(8, int.from_bytes(data[size - 8 : size - 4], "big"))
            if self._at + size - 8 > self._part.offset + self._part.size:
                raise FootageError(f"the index of {self._part.segment.key} does not fit its bytes")
        return size - 8


def piece(data: bytes | memoryview, base: int, offset: int, length: int) -> bytes:
    """Reads from bytes that lie at `base` of a file."""
    return bytes(data[offset - base : offset - base + length])
