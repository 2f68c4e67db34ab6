"""Only the key frames of an interval, for a replay faster than anybody decodes, or backwards: one answer, in order.

A row of records, each of a header `>4sIdd` (kind, length of what follows, from, until: ms since 1970, shown times) and
its bytes: `init` is the ftyp and moov of the Run whose key frames follow, without times; `keyf` the fragment (prft,
moof, mdat) that begins with a key frame, which is the newest from `from` until the end of its GOP.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from recorder.segment_reader import SegmentSources
from vms.domain.footage import Gop, GopSegment, Segment
from vms.domain.interval import Interval
from vms.errors import ObjectMissingError

HEADER = struct.Struct(">4sIdd")
_NS_PER_MS = 1e6
_BLOCK_BYTES = 256_000


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key frame to be read, and when it shows."""

    segment: Segment
    gop: Gop
    shown: Interval


def key_records(segments: Sequence[GopSegment], window: Interval, corrections: Mapping[str, int]) -> list[KeyRecord]:
    """Those that are the newest at some moment of the window (shown times). `segments` in order of time."""
    found = []
    for one in segments:
        shift_ns = corrections.get(one.segment.run, 0)
        for gop in one.gops:
            start_ns = gop.wall_ns + shift_ns
            shown = Interval(start_ns, start_ns + max(1, gop.duration_90k * 100_000 // 9))
            if gop.key_bytes and shown.clip(window):
                found.append(KeyRecord(one.segment, gop, shown))
    return found


class KeyStream:
    """The answer, made while it is taken."""

    def __init__(self, frames: Sequence[KeyRecord], sources: SegmentSources) -> None:
        self._frames = frames
        self._sources = sources

    async def blocks(self) -> AsyncIterator[bytes]:
        """The records, several at once where they are small. ObjectMissingError where bytes are gone."""
        run, held, size = "", [], 0
        for frame in self._frames:
            segment = frame.segment
            if segment.run != run:
                run = segment.run
                held.append(record(b"init", await self._read(segment, 0, segment.init_bytes)))
            data = await self._read(segment, frame.gop.offset_bytes, frame.gop.key_bytes)
            held.append(record(b"keyf", data, frame.shown))
            size += len(data)
            if size >= _BLOCK_BYTES:
                yield b"".join(held)
                held, size = [], 0
        if held:
            yield b"".join(held)

    async def _read(self, segment: Segment, offset: int, length: int) -> bytes:
        read = bytearray()
        while len(read) < length:
            wanted = min(self._sources.block_bytes, length - len(read))
            data = await self._sources.read(segment, offset + len(read), wanted)
            if not data:
                raise ObjectMissingError(f"{segment.key} ends at byte {offset + len(read)}")
            read += data
        return bytes(read)


def record(kind: bytes, data: bytes, shown: Interval | None = None) -> bytes:
    """One record."""
    start_ns, end_ns = (shown.start_ns, shown.end_ns) if shown else (0, 0)
    return HEADER.pack(kind, len(data), start_ns / _NS_PER_MS, end_ns / _NS_PER_MS) + data
