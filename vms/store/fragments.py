"""The fragment index of one Segment as one packed value: pure, versioned, a few bytes a fragment.

Layout v1: header `<BIQqq` = version 1, count n, offset, dts, wall time of the first fragment; then zlib over columns,
each of n little-endian integers: sizes u32, durations u32 (90 kHz), holes between fragments i64 (bytes; 0 in a file of
ours), dts steps beyond the duration i64, wall steps beyond the nominal i64 (ns), and n key flags u8. Columns and
differences compress to almost nothing; a value is unpacked by C loops, not by a loop per fragment.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise

from vms.domain.footage import Fragment, Gop
from vms.errors import CatalogueError

_HEADER = struct.Struct("<BIQqq")
_VERSION = 1
_ROW_BYTES = 4 + 4 + 8 + 8 + 8 + 1


@dataclass(frozen=True, slots=True)
class _Columns:
    offsets: list[int]
    sizes: array[int]
    dts: list[int]
    durations: array[int]
    walls: list[int]
    keys: bytes


def pack(fragments: Sequence[Fragment]) -> bytes:
    """The index as bytes. Fragments in file order; sizes and durations below 2^32."""
    if not fragments:
        return _HEADER.pack(_VERSION, 0, 0, 0, 0)
    first, pairs = fragments[0], list(pairwise(fragments))
    columns = (
        array("I", [f.size_bytes for f in fragments]),
        array("I", [f.duration_90k for f in fragments]),
        array("q", [0, *(b.offset_bytes - a.offset_bytes - a.size_bytes for a, b in pairs)]),
        array("q", [0, *(b.dts_90k - a.dts_90k - a.duration_90k for a, b in pairs)]),
        array("q", [0, *(b.wall_ns - a.wall_ns - _nominal_ns(a.duration_90k) for a, b in pairs)]),
        array("B", [f.is_key for f in fragments]),
    )
    body = zlib.compress(b"".join(_little(column).tobytes() for column in columns), 6)
    header = _HEADER.pack(_VERSION, len(fragments), first.offset_bytes, first.dts_90k, first.wall_ns)
    return header + body


def unpack(packed: bytes) -> tuple[Fragment, ...]:
    """The fragments; CatalogueError where the value is damaged or of a newer version."""
    c = _columns(packed)
    keys = map(bool, c.keys)
    return tuple(map(Fragment, c.offsets, c.sizes, c.dts, c.durations, c.walls, keys))


def unpack_gops(packed: bytes) -> tuple[Gop, ...]:
    """Only the GOPs: what lies between one key fragment and the next. Much cheaper than `unpack`."""
    c = _columns(packed)
    starts = [i for i, key in enumerate(c.keys) if key]
    if not starts:
        return ()
    last = len(c.keys) - 1
    ends = [*(i - 1 for i in starts[1:]), last]
    return tuple(
        Gop(
            c.offsets[a],
            c.offsets[b] + c.sizes[b] - c.offsets[a],
            c.dts[a],
            c.dts[b] + c.durations[b] - c.dts[a],
            c.walls[a],
            c.sizes[a],
        )
        for a, b in zip(starts, ends, strict=True)
    )


def _columns(packed: bytes) -> _Columns:
    try:
        version, count, offset, dts, wall = _HEADER.unpack_from(packed)
        if version != _VERSION:
            raise CatalogueError(
                f"a fragment index has format {version}, known is {_VERSION}", hint="A newer version wrote it."
            )
        body = zlib.decompress(packed[_HEADER.size :]) if count else b""
    except (struct.error, zlib.error) as error:
        raise CatalogueError("a fragment index is damaged", hint="`vms index rebuild` makes it anew.") from error
    if len(body) != count * _ROW_BYTES:
        raise CatalogueError("a fragment index is damaged", hint="`vms index rebuild` makes it anew.")
    at, columns = 0, []
    for code, width in (("I", 4), ("I", 4), ("q", 8), ("q", 8), ("q", 8)):
        column = array(code)
        column.frombytes(body[at : at + count * width])
        columns.append(_little(column))
        at += count * width
    sizes, durations, holes, dts_steps, wall_steps = columns
    return _Columns(
        list(accumulate(map(int.__add__, chain((offset,), sizes), holes)))[:count],
        sizes,
        list(accumulate(map(int.__add__, chain((dts,), durations), dts_steps)))[:count],
        durations,
        list(accumulate(map(int.__add__, chain((wall,), map(_nominal_ns, durations)), wall_steps)))[:count],
        body[at:],
    )


def _nominal_ns(duration_90k: int) -> int:
    return duration_90k * 100_000 // 9


def _little(column: array[int]) -> array[int]:
    if sys.byteorder == "big":
        column.byteswap()
    return column
