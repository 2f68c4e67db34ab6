"""Reads the plain MP4 files that exports make, as a player does: by their tables. Strict and bounded, blocking.

No number in the file is trusted: a table that does not fill its box, a sample beyond the file, a count too large is a
FootageError, never a crash, a long loop or a large allocation. ISO/IEC 14496-12: stts, ctts, stss, stsz, stsc, co64.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from recorder.fmp4_read import Read, boxes
from vms.errors import FootageError

MAX_MOOV_BYTES = 256 << 20
_MAX_SAMPLES = 20_000_000
_MAX_BOXES = 16
_HEADER = struct.Struct(">I4s")


class FileSample(NamedTuple):
    """A sample: where it lies, and its times in ticks of its track from the first sample's dts on."""

    offset: int
    size: int
    dts: int
    pts: int
    is_key: bool


@dataclass(frozen=True)
class TrackTables:
    """The samples of one track as columns; `hz`: ticks a second; `number`: of RunInfo."""

    number: int
    hz: int
    sizes: array[int]
    offsets: array[int]
    durations: Sequence[tuple[int, int]]
    shifts: Sequence[tuple[int, int]]
    keys: frozenset[int] | None

    def samples(self) -> Iterator[FileSample]:
        """In the order of the file."""
        dts = 0
        steps, shifts = _unrolled(self.durations), _unrolled(self.shifts)
        for at, (offset, size) in enumerate(zip(self.offsets, self.sizes, strict=True), 1):
            is_key = self.keys is None or at in self.keys
            yield FileSample(offset, size, dts, dts + next(shifts, 0), is_key)
            dts += next(steps, 0)


def read_tables(read: Read, size: int) -> dict[int, TrackTables]:
    """All tracks by number. FootageError: it is none of ours, or it is damaged."""
    at, moov, count = 0, None, 0
    while at < size:
        count += 1
        if count > _MAX_BOXES:
            raise FootageError("it has more boxes than any export has")
        kind, body_at, end = _top(read, at, size)
        if kind == b"moov":
            if moov is not None or end - body_at > MAX_MOOV_BYTES:
                raise FootageError("its tables are there twice, or too large")
            moov = read(body_at, end - body_at)
        elif kind not in {b"ftyp", b"mdat"}:
            raise FootageError(f"a box {kind!r} that no export has")
        at = end
    if moov is None:
        raise FootageError("it has no tables: it is cut off")
    found: dict[int, TrackTables] = {}
    for kind, body in boxes(memoryview(moov)):
        if kind == b"trak":
            tables = _trak(body, size)
            if tables.number in found:
                raise FootageError("a track is there twice")
            found[tables.number] = tables
    if 0 not in found:
        raise FootageError("it has no video")
    return found


def _top(read: Read, at: int, size: int) -> tuple[bytes, int, int]:
    head = read(at, 16)
    if len(head) < 8:
        raise FootageError("it is cut off")
    length, kind = _HEADER.unpack_from(head)
    body = at + 8
    if length == 1 and len(head) == 16:
        length, body = int.from_bytes(head[8:], "big"), at + 16
    if length < body - at or at + length > size:
        raise FootageError(f"a box has a size of {length}")
    return kind, body, at + length


def _trak(trak: memoryview, size: int) -> TrackTables:
    tkhd = _one(trak, b"tkhd")
    mdia = _one(trak, b"mdia")
    mdhd = _one(mdia, b"mdhd")
    stbl = {kind: bytes(body) for kind, body in boxes(_one(_one(mdia, b"minf"), b"stbl"))}
    if len(tkhd) < 24 or len(mdhd) < 24 or tkhd[0] != 1 or mdhd[0] != 1:
        raise FootageError("a track is damaged")
    hz, number = int.from_bytes(mdhd[20:24], "big"), int.from_bytes(tkhd[20:24], "big") - 1
    sizes = _sizes(stbl)
    count = len(sizes)
    keys = frozenset(_column(stbl[b"stss"], "I")) if b"stss" in stbl else None
    return TrackTables(
        number,
        hz,
        sizes,
        _offsets(stbl, sizes, size),
        _pairs(stbl.get(b"stts", b""), count),
        _pairs(stbl[b"ctts"], count, signed=True) if b"ctts" in stbl else [(count, 0)],
        keys,
    )


def _one(view: memoryview, kind: bytes) -> memoryview:
    found = [body for name, body in boxes(view) if name == kind]
    if len(found) != 1:
        raise FootageError(f"{kind.decode()} is there {len(found)} times")
    return found[0]


def _sizes(stbl: Mapping[bytes, bytes]) -> array[int]:
    body = stbl.get(b"stsz", b"")
    if len(body) < 12 or body[4:8] != bytes(4):
        raise FootageError("a track does not say how large its samples are")
    return _column(body[:4] + body[8:], "I")


def _offsets(stbl: Mapping[bytes, bytes], sizes: array[int], size: int) -> array[int]:
    chunks, groups = _column(stbl.get(b"co64", b""), "Q"), stbl.get(b"stsc", b"")
    rows = list(struct.iter_unpack(">III", groups[8:])) if len(groups) >= 8 and not (len(groups) - 8) % 12 else []
    if not rows or int.from_bytes(groups[4:8], "big") != len(rows) or rows[0][0] != 1:
        raise FootageError("a track does not say where its samples lie")
    offsets, at = array("Q"), 0
    for index, (first, per_chunk, _entry) in enumerate(rows):
        last = rows[index + 1][0] if index + 1 < len(rows) else len(chunks) + 1
        if not first < last <= len(chunks) + 1 or at + per_chunk * (last - first) > len(sizes):
            raise FootageError("a track does not say where its samples lie")
        for chunk in range(first - 1, last - 1):
            offset = chunks[chunk]
            for _ in range(per_chunk):
                offsets.append(offset)
                offset += sizes[at]
                at += 1
            if offset > size:
                raise FootageError("a sample lies beyond the end of the file")
    if at != len(sizes):
        raise FootageError("a track does not say where its samples lie")
    return offsets


def _column(body: bytes, kind: str) -> array[int]:
    column = array(kind)
    count = int.from_bytes(body[4:8], "big")
    if len(body) < 8 or count > _MAX_SAMPLES or len(body) - 8 != count * column.itemsize:
        raise FootageError("a table does not fill its box")
    column.frombytes(body[8:])
    if sys.byteorder == "little":
        column.byteswap()
    return column


def _pairs(body: bytes, count: int, *, signed: bool = False) -> list[tuple[int, int]]:
    if len(body) < 8 or (len(body) - 8) % 8 or int.from_bytes(body[4:8], "big") != (len(body) - 8) // 8:
        raise FootageError("a table does not fill its box")
    found = [(int(times), int(value)) for times, value in struct.iter_unpack(">Ii" if signed else ">II", body[8:])]
    if sum(times for times, _ in found) != count:
        raise FootageError("a table has another count than its track has samples")
    return found


def _unrolled(rows: Sequence[tuple[int, int]]) -> Iterator[int]:
    for times, value in rows:
        for _ in range(times):
            yield value
