"""Leaf v1: the SHA-256 of one GOP, over its samples and not over the container, so that a remux changes nothing.

Pure and incremental: samples are hashed as they come. Bytes that are hashed, all integers big-endian:

    header    version u8 = 1 · length of the run id u8 · run id, ASCII · number of the GOP in the Run u64
              · wall_ns of its key frame i64
    sample*   track number of RunInfo u16 · key u8 (1 or 0) · size u32 · payload[size]
              · pts i64 · dts i64, both relative to the key frame's dts

Samples come in the order of (dts, track), dts compared as time. Video counts in 90 kHz; audio in its sample rate, from
floor(key dts * rate / 90000). Payload as stored in the Segment: video as NAL units with 4-byte lengths, in-band
parameter sets kept; audio raw. Audio belongs to the GOP whose [dts, next key dts) holds it. All times are those of the
Run, which the Segment's tfdt keeps and an Export keeps too. Golden vectors: tests/proof/vectors.json.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

VERSION = 1
VIDEO_HZ = 90_000
_HEAD = struct.Struct(">HBI")
_TAIL = struct.Struct(">qq")

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class LeafHeader:
    """What a leaf says of its GOP beside the samples."""

    run: str
    gop: int
    wall_ns: int

    def encode(self) -> bytes:
        """The header's bytes; ValueError where the run id is not 1 to 255 ASCII characters."""
        run = self.run.encode("ascii")
        if not 0 < len(run) < 256:
            raise ValueError(f"run id of {len(run)} characters")
        return struct.pack(f">BB{len(run)}sQq", VERSION, len(run), run, self.gop, self.wall_ns)


class Sample(NamedTuple):
    """One sample as stored: times of the Run in ticks of its track, `hz` a second (video 90 kHz, audio its rate)."""

    track: int
    hz: int
    is_key: bool
    pts: int
    dts: int
    payload: Buffer


class LeafHash:
    """The leaf of a GOP under way. `key_dts_90k` is the dts of its key frame in the Run."""

    def __init__(self, header: LeafHeader, key_dts_90k: int) -> None:
        self.header = header
        self.key_dts_90k = key_dts_90k
        self.samples = 0
        self._hash = hashlib.sha256(header.encode())
        self._base = {VIDEO_HZ: key_dts_90k}

    def add(self, samples: Sequence[Sample]) -> None:
        """Hash samples in the order of (dts, track)."""
        parts: list[Buffer] = []
        for sample in samples:
            base = self._base.get(sample.hz)
            if base is None:
                base = self._base[sample.hz] = base_ticks(self.key_dts_90k, sample.hz)
            parts.append(_HEAD.pack(sample.track, sample.is_key, len(sample.payload)))
            parts.append(sample.payload)
            parts.append(_TAIL.pack(sample.pts - base, sample.dts - base))
        self.samples += len(samples)
        # One update: hashlib gives the GIL away at each large one, and taking it back costs more than the copy.
        self._hash.update(b"".join(parts))

    def digest(self) -> bytes:
        """The leaf, 32 bytes, over what was added so far."""
        return self._hash.digest()


def base_ticks(key_dts_90k: int, hz: int) -> int:
    """Where a track of `hz` ticks a second begins to count in a GOP."""
    return key_dts_90k * hz // VIDEO_HZ


def in_order(samples: Iterable[Sample]) -> list[Sample]:
    """Samples by (dts, track); dts compared as exact time, whatever the ticks; equal ones as they came."""
    found = list(samples)
    common = math.lcm(*{sample.hz for sample in found}) if found else 1
    return sorted(found, key=lambda sample: (sample.dts * (common // sample.hz), sample.track))


def leaf(header: LeafHeader, key_dts_90k: int, samples: Iterable[Sample]) -> bytes:
    """The leaf of a whole GOP, its samples in any order."""
    hashing = LeafHash(header, key_dts_90k)
    hashing.add(in_order(samples))
    return hashing.digest()
