"""Reads our own Segment files and nothing else: strict, bounded, never trusting a number in the file.

A size of 0, 1 or beyond its parent, a missing or unknown field, a count that does not fill its box: FootageError, never
a crash, a long loop or a large allocation. Used by sweep, rebuild and verify. Blocking where `read` blocks.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from recorder.boxes import FOOTAGE_UUID, KEY_FLAGS, NON_KEY_FLAGS
from recorder.fmp4 import ns_of, ticks
from recorder.provenance import SegmentHead, SegmentTail, decode_head, decode_tail
from vms.domain.footage import Fragment
from vms.errors import FootageCutOffError, FootageError

Read = Callable[[int, int], bytes]
"""(offset, length) -> the bytes there, fewer at the end of the file."""

MAX_INIT_BYTES = 1 << 20
MAX_MOOF_BYTES = 1 << 20
MAX_DATA_BYTES = 1 << 28
MAX_TAIL_BYTES = 1 << 24
_PRFT = struct.Struct(">I4sIIQQ")
_TFHD = struct.Struct(">III")
_TFDT = struct.Struct(">IQ")
_TRUN = struct.Struct(">IIiI")
_CAPTURED = 1 << 24 | 24


class SampleRef(NamedTuple):
    """A sample: where its bytes lie in the file, and its times in ticks of its track."""

    offset: int
    size: int
    dts: int
    pts: int
    duration: int
    is_key: bool


class TrackSamples(NamedTuple):
    """The samples of one track in a fragment; `track` is the number of RunInfo."""

    track: int
    samples: tuple[SampleRef, ...]


@dataclass(frozen=True, slots=True)
class ParsedFragment:
    """prft, moof and mdat. `tracks[0]` is video."""

    offset: int
    size: int
    sequence: int
    wall_ns: int
    tracks: tuple[TrackSamples, ...]

    def index(self) -> Fragment:
        """Its entry in the fragment index."""
        video = self.tracks[0].samples
        duration = video[-1].dts + video[-1].duration - video[0].dts
        return Fragment(self.offset, self.size, video[0].dts, duration, self.wall_ns, video[0].is_key)


@dataclass(frozen=True, slots=True)
class Init:
    """ftyp and moov: their size, and what our box in moov says."""

    size: int
    head: SegmentHead

    def hz(self, track: int) -> int:
        """Ticks a second of a track."""
        return ticks(self.head.run.info.tracks[track])


def read_init(read: Read) -> Init:
    """The beginning of a Segment's file."""
    ftyp_bytes = _top(read, 0, b"ftyp", MAX_INIT_BYTES)
    moov_bytes = _top(read, ftyp_bytes, b"moov", MAX_INIT_BYTES)
    moov = memoryview(_exactly(read, ftyp_bytes, moov_bytes))[8:]
    head, scales = None, []
    for kind, body in boxes(moov):
        if kind == b"uuid" and body[:16] == FOOTAGE_UUID:
            head = decode_head(bytes(body[16:]))
        elif kind == b"trak":
            scales.append(_timescale(body))
    if head is None:
        raise FootageError("this file is no Segment: it does not say of which Run it is")
    if scales != [(track.number + 1, ticks(track)) for track in head.run.info.tracks]:
        raise FootageError("the tracks of a Segment are not those of its Run")
    return Init(ftyp_bytes + moov_bytes, head)


def read_fragment(read: Read, offset: int, limit: int, init: Init) -> ParsedFragment:
    """The fragment at `offset`, wholly before `limit`."""
    return read_run_fragment(read, offset, limit, len(init.head.run.info.tracks))


def read_run_fragment(read: Read, offset: int, limit: int, count: int) -> ParsedFragment:
    """The same where no more is known than how many tracks there are."""
    first = _exactly(read, offset, 40)
    prft_bytes, kind, flags, track, ntp, media_time = _PRFT.unpack_from(first)
    if (prft_bytes, kind, flags, track) != (32, b"prft", _CAPTURED, 1):
        raise FootageError(f"no fragment at byte {offset}")
    moof_at = offset + 32
    moof_bytes = _size(first[32:], b"moof", MAX_MOOF_BYTES)
    moof = memoryview(_exactly(read, moof_at, moof_bytes + 8))
    data_bytes = _size(moof[moof_bytes:], b"mdat", MAX_DATA_BYTES) - 8
    data_at = moof_at + moof_bytes + 8
    if data_at + data_bytes > limit:
        raise FootageError(f"the fragment at byte {offset} is cut off")
    sequence, tracks = _moof(moof[8:moof_bytes], moof_at, data_at, count)
    if tracks[0].samples[0].dts != media_time or sum(s.size for t in tracks for s in t.samples) != data_bytes:
        raise FootageError(f"the fragment at byte {offset} does not add up")
    return ParsedFragment(offset, data_at + data_bytes - offset, sequence, ns_of(ntp), tracks)


def read_tail(read: Read, offset: int, limit: int) -> tuple[SegmentHead, SegmentTail]:
    """The closing box, which must lie at `offset` and end at `limit`."""
    size = _top(read, offset, b"uuid", MAX_TAIL_BYTES)
    data = _exactly(read, offset + 8, size - 8)
    if offset + size != limit or data[:16] != FOOTAGE_UUID:
        raise FootageError("the closing box of a Segment is cut off or none of ours")
    return decode_tail(data[16:])


def fragments(read: Read, size: int, init: Init) -> Iterator[ParsedFragment]:
    """All fragments up to the closing box or the end of the file; FootageError at the first that is not whole."""
    at = init.size
    while at < size and _exactly(read, at, 8)[4:] != b"uuid":
        found = read_fragment(read, at, size, init)
        at += found.size
        yield found


def boxes(view: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Type and body of the boxes that fill a view exactly."""
    at = 0
    while at < len(view):
        if len(view) - at < 8:
            raise FootageError("a box is cut off")
        size = int.from_bytes(view[at : at + 4], "big")
        if size < 8 or size > len(view) - at:
            raise FootageError(f"a box has a size of {size}")
        yield bytes(view[at + 4 : at + 8]), view[at + 8 : at + size]
        at += size


def _top(read: Read, offset: int, kind: bytes, limit: int) -> int:
    return _size(_exactly(read, offset, 8), kind, limit)


def _size(header: bytes | memoryview, kind: bytes, limit: int) -> int:
    size = int.from_bytes(header[:4], "big")
    if bytes(header[4:8]) != kind:
        raise FootageError(f"expected {kind.decode()}, found {bytes(header[4:8])!r}")
    if not 8 <= size <= limit:
        raise FootageError(f"{kind.decode()} has a size of {size}")
    return size


def _exactly(read: Read, offset: int, length: int) -> bytes:
    data = read(offset, length)
    if len(data) != length:
        raise FootageCutOffError(f"the file ends at byte {offset + len(data)}, within a box")
    return data


def _child(view: memoryview, path: tuple[bytes, ...]) -> memoryview:
    for name in path:
        found = [body for kind, body in boxes(view) if kind == name]
        if len(found) != 1:
            raise FootageError(f"{name.decode()} is there {len(found)} times")
        view = found[0]
    return view


def _timescale(trak: memoryview) -> tuple[int, int]:
    tkhd, mdhd = _child(trak, (b"tkhd",)), _child(trak, (b"mdia", b"mdhd"))
    if len(tkhd) < 24 or len(mdhd) < 24 or tkhd[0] != 1 or mdhd[0] != 1:
        raise FootageError("a track of a Segment is damaged")
    return int.from_bytes(tkhd[20:24], "big"), int.from_bytes(mdhd[20:24], "big")


def _moof(body: memoryview, moof_at: int, data_at: int, count: int) -> tuple[int, tuple[TrackSamples, ...]]:
    sequence, tracks, at = None, [], data_at
    for kind, part in boxes(body):
        if kind == b"mfhd" and sequence is None and len(part) == 8:
            sequence = int.from_bytes(part[4:], "big")
        elif kind == b"traf" and sequence is not None:
            found = _traf(part, moof_at, at, count)
            at += sum(sample.size for sample in found.samples)
            tracks.append(found)
        else:
            raise FootageError(f"unexpected {kind!r} in moof")
    numbers = [found.track for found in tracks]
    if sequence is None or not numbers or numbers[0] != 0 or sorted(set(numbers)) != numbers:
        raise FootageError("a fragment without video, or with its tracks in disorder")
    return sequence, tuple(tracks)


def _traf(body: memoryview, moof_at: int, data_at: int, count: int) -> TrackSamples:
    parts = list(boxes(body))
    sizes = [len(part) for _, part in parts]
    if [kind for kind, _ in parts] != [b"tfhd", b"tfdt", b"trun"] or sizes[:2] != [12, 12] or sizes[2] < 16:
        raise FootageError("a traf is not as we write it")
    flags, track_id, default_flags = _TFHD.unpack(parts[0][1])
    version, dts = _TFDT.unpack(parts[1][1])
    track = track_id - 1
    if flags != 0x020020 or version != 1 << 24 or not 0 <= track < count:
        raise FootageError("a traf is not as we write it")
    if default_flags != (KEY_FLAGS if track else NON_KEY_FLAGS):
        raise FootageError("a traf is not as we write it")
    return TrackSamples(track, _trun(parts[2][1], data_at - moof_at, data_at, dts, key_always=track > 0))


def _trun(body: memoryview, data_offset: int, at: int, dts: int, *, key_always: bool) -> tuple[SampleRef, ...]:
    flags, count, offset, first_flags = _TRUN.unpack_from(body)
    columns = {0x000305: 2, 0x01000B05: 3}.get(flags)
    if columns is None or offset != data_offset or count == 0 or count * columns * 4 != len(body) - 16:
        raise FootageError("a trun is not as we write it")
    if first_flags not in {KEY_FLAGS, NON_KEY_FLAGS}:
        raise FootageError("a trun is not as we write it")
    rows = struct.iter_unpack(">II" if columns == 2 else ">IIi", body[16:])
    samples, is_key = [], first_flags == KEY_FLAGS
    for duration, size, *shift in rows:
        samples.append(SampleRef(at, size, dts, dts + (shift[0] if shift else 0), duration, is_key))
        at, dts, is_key = at + size, dts + duration, key_always
    return tuple(samples)
