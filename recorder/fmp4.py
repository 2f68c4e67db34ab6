"""A Segment's file, byte by byte: ftyp and moov, fragments of prft, moof and mdat, and the closing uuid box. Pure.

ISO/IEC 14496-12: movie fragments (8.8), default-base-is-moof, one trun per track and fragment, decode times of the Run
in tfdt, the wall time of each fragment's first video sample in prft (8.16.5). Laid out in docs/footage-format.md.
No libav: what is hashed is what is written.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from recorder.boxes import KEY_FLAGS, NON_KEY_FLAGS, box, full_box, uuid_box
from recorder.provenance import SegmentHead, SegmentTail, encode_head, encode_tail
from recorder.sample_entries import sample_entry
from vms.domain.media import CLOCK_HZ, RunInfo, Track
from vms.proof.leaf import Sample

NS_PER_S = 1_000_000_000
MOVIE_HZ = 1000
SINCE_1904_S = 2_082_844_800
_SINCE_1900_S = 2_208_988_800
_ERA_S = 1 << 32
MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_UND = 0x55C4

_PRFT = struct.Struct(">I4sIIQQ")
_PRFT_CAPTURED = 24
_BOX = struct.Struct(">I4s")
_MFHD = struct.Struct(">I4sII")
_TRAF = struct.Struct(">I4sI4sIIII4sIQI4sIIiI")
_MFHD_BYTES = 16
# tfhd: default-base-is-moof, default-sample-flags. trun: data offset, first sample's flags, durations, sizes, offsets.
_TFHD = 0x020020
_TRUN = 0x000305
_TRUN_OFFSETS = 0x01000B05


class TrackRun(NamedTuple):
    """The samples of one track in one fragment, and how long the last one lasts in ticks of the track."""

    samples: Sequence[Sample]
    last_duration: int

    @property
    def duration(self) -> int:
        """Ticks from the first sample to the end of the last."""
        return self.samples[-1].dts - self.samples[0].dts + self.last_duration


def ticks(track: Track) -> int:
    """Ticks a second of a track in the file: video 90 kHz, audio its sample rate."""
    return CLOCK_HZ if track.codec.is_video else track.sample_rate or CLOCK_HZ


def init_bytes(info: RunInfo, head: SegmentHead) -> bytes:
    """ftyp and moov. FootageError where a codec's headers cannot be read."""
    brands = [b"iso6", b"iso5", b"mp41"]
    created_s = max(0, head.start_ns // NS_PER_S + SINCE_1904_S)
    tracks = [_trak(track, created_s) for track in info.tracks]
    extends = [full_box(b"trex", 0, 0, struct.pack(">5I", t.number + 1, 1, 0, 0, 0)) for t in info.tracks]
    mvhd = struct.pack(">QQIQIH10x36s24xI", created_s, created_s, MOVIE_HZ, 0, 0x10000, 0x100, MATRIX, _next(info))
    return box(b"ftyp", b"iso6", struct.pack(">I", 1), *brands) + box(
        b"moov", full_box(b"mvhd", 1, 0, mvhd), *tracks, box(b"mvex", *extends), uuid_box(encode_head(head))
    )


def fragment_head(sequence: int, wall_ns: int, runs: Sequence[TrackRun]) -> bytes:
    """prft, moof and the header of mdat; the payloads of `runs` follow, track after track. `runs[0]` is video."""
    sizes = [[len(sample.payload) for sample in run.samples] for run in runs]
    bodies = [_trun_body(run, size) for run, size in zip(runs, sizes, strict=True)]
    moof_bytes = 8 + _MFHD_BYTES + sum(_TRAF.size + len(body) for body, _ in bodies)
    data_bytes = sum(map(sum, sizes))
    first = runs[0].samples[0]
    parts = [
        _PRFT.pack(32, b"prft", 1 << 24 | _PRFT_CAPTURED, first.track + 1, ntp_of(wall_ns), first.dts),
        _BOX.pack(moof_bytes, b"moof"),
        _MFHD.pack(_MFHD_BYTES, b"mfhd", 0, sequence),
    ]
    offset = moof_bytes + 8
    for run, size, (body, flags) in zip(runs, sizes, bodies, strict=True):
        parts.append(_traf_head(run, offset, len(body), flags))
        parts.append(body)
        offset += sum(size)
    parts.append(_BOX.pack(8 + data_bytes, b"mdat"))
    return b"".join(parts)


def closing_box(head: SegmentHead, tail: SegmentTail) -> bytes:
    """The last box of a closed Segment."""
    return uuid_box(encode_tail(head, tail))


def ntp_of(wall_ns: int) -> int:
    """Nanoseconds since 1970 as a 64-bit NTP time (RFC 5905 §6), eras left out; exact both ways."""
    seconds, rest_ns = divmod(wall_ns, NS_PER_S)
    return ((seconds + _SINCE_1900_S) % _ERA_S) << 32 | (rest_ns << 32) // NS_PER_S


def ns_of(ntp: int) -> int:
    """The inverse of ntp_of, for times from 1970 to 2106."""
    seconds = (ntp >> 32) - _SINCE_1900_S
    rest_ns = ((ntp & 0xFFFFFFFF) * NS_PER_S + (1 << 31)) >> 32
    return (seconds if seconds >= 0 else seconds + _ERA_S) * NS_PER_S + rest_ns


def ns_of_90k(span_90k: int) -> int:
    """A span of 90 kHz ticks in nanoseconds, rounded down."""
    return span_90k * 100_000 // 9


def _trun_body(run: TrackRun, sizes: list[int]) -> tuple[bytes, int]:
    samples = run.samples
    count = len(samples)
    durations = [b.dts - a.dts for a, b in pairwise(samples)]
    durations.append(run.last_duration)
    rows: list[int]
    if any(sample.pts != sample.dts for sample in samples):
        rows = [0] * (3 * count)
        rows[::3], rows[1::3], rows[2::3] = durations, sizes, [s.pts - s.dts for s in samples]
        return struct.pack(">" + "IIi" * count, *rows), _TRUN_OFFSETS
    rows = [0] * (2 * count)
    rows[::2], rows[1::2] = durations, sizes
    return struct.pack(f">{2 * count}I", *rows), _TRUN


def _traf_head(run: TrackRun, offset: int, body_bytes: int, flags: int) -> bytes:
    first = run.samples[0]
    video = first.track == 0
    return _TRAF.pack(
        _TRAF.size + body_bytes,
        b"traf",
        20,
        b"tfhd",
        _TFHD,
        first.track + 1,
        NON_KEY_FLAGS if video else KEY_FLAGS,
        20,
        b"tfdt",
        1 << 24,
        first.dts,
        24 + body_bytes,
        b"trun",
        flags,
        len(run.samples),
        offset,
        KEY_FLAGS if first.is_key or not video else NON_KEY_FLAGS,
    )


def _next(info: RunInfo) -> int:
    return max(track.number for track in info.tracks) + 2


def _trak(track: Track, created_s: int) -> bytes:
    empty = [
        full_box(b"stts", 0, 0, bytes(4)),
        full_box(b"stsc", 0, 0, bytes(4)),
        full_box(b"stsz", 0, 0, bytes(8)),
        full_box(b"stco", 0, 0, bytes(4)),
    ]
    return trak(track, created_s, empty)


def trak(
    track: Track, created_s: int, tables: Sequence[bytes], *, shown: int = 0, ticks_long: int = 0, edits: bytes = b""
) -> bytes:
    """A track with its sample tables. `shown`: how long it is shown, in units of mvhd; `ticks_long`: how long its media
    is, in ticks of the track; `edits`: an edts box."""
    video = track.codec.is_video
    tkhd = struct.pack(
        ">QQI4xQ8xHHH2x36sII",
        created_s,
        created_s,
        track.number + 1,
        shown,
        0,
        0 if video else 1,
        0 if video else 0x100,
        MATRIX,
        track.width << 16 if video else 0,
        track.height << 16 if video else 0,
    )
    mdhd = struct.pack(">QQIQHH", created_s, created_s, ticks(track), ticks_long, _UND, 0)
    handler = (b"vide", b"Video\x00") if video else (b"soun", b"Audio\x00")
    media = full_box(b"vmhd", 0, 1, bytes(8)) if video else full_box(b"smhd", 0, 0, bytes(4))
    dinf = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))
    stsd = full_box(b"stsd", 0, 0, struct.pack(">I", 1), sample_entry(track))
    return box(
        b"trak",
        full_box(b"tkhd", 1, 3, tkhd),
        edits,
        box(
            b"mdia",
            full_box(b"mdhd", 1, 0, mdhd),
            full_box(b"hdlr", 0, 0, struct.pack(">I4s12x", 0, handler[0]), handler[1]),
            box(b"minf", media, dinf, box(b"stbl", stsd, *tables)),
        ),
    )
