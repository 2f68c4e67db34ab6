"""NAL units of H.264 and H.265: finding them in Annex-B, naming their kinds, reading avcC and hvcC. Pure.

ITU-T H.264 annex B and table 7-1, H.265 annex B and table 7-1, ISO/IEC 14496-15 for avcC and hvcC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from vms.domain.media import Codec

START = b"\x00\x00\x00\x01"
MAX_HEAD_NALS = 256
_SHORT_START = b"\x00\x00\x01"


@dataclass(frozen=True, slots=True)
class NalKinds:
    """The NAL types that matter of one codec. `sets`: parameter sets in the order decoders want them."""

    slices: frozenset[int]
    keys: frozenset[int]
    sets: tuple[int, ...]
    aud: int
    hevc: bool

    def kind(self, header: int) -> int:
        """The nal_unit_type in the first byte of a NAL unit."""
        return (header >> 1) & 0x3F if self.hevc else header & 0x1F


# A key frame is where a decoder can start without anything before: IDR in H.264 (an I picture at a recovery point is
# none: what follows may refer behind it), any IRAP picture in H.265.
KINDS = {
    Codec.H264: NalKinds(frozenset(range(1, 6)), frozenset({5}), (7, 8), 9, hevc=False),
    Codec.H265: NalKinds(frozenset(range(32)), frozenset(range(16, 22)), (32, 33, 34), 35, hevc=True),
}


class Scan(NamedTuple):
    """What stands before the first slice of an access unit. `slice_kind` is -1 where there is no slice; `aud_end` is
    where parameter sets may be put: behind the access unit delimiter, if any."""

    slice_kind: int
    sets: tuple[tuple[int, bytes], ...]
    aud_end: int


def scan(unit: bytes, kinds: NalKinds) -> Scan:
    """Look at the NAL units of an Annex-B access unit up to its first slice, no further: slices are long.

    ValueError where more than MAX_HEAD_NALS come before one.
    """
    sets: list[tuple[int, bytes]] = []
    aud_end = 0
    at = unit.find(_SHORT_START)
    seen = 0
    while at >= 0:
        seen += 1
        if seen > MAX_HEAD_NALS:
            raise ValueError("access units full of NAL units without a picture")
        begin = at + 3
        if begin >= len(unit):
            break
        kind = kinds.kind(unit[begin])
        if kind in kinds.slices:
            return Scan(kind, tuple(sets), aud_end)
        after = unit.find(_SHORT_START, begin)
        if kind in kinds.sets:
            nal = unit[begin : len(unit) if after < 0 else after].rstrip(b"\x00")
            if len(nal) > (2 if kinds.hevc else 1):
                sets.append((kind, nal))
        elif kind == kinds.aud:
            end = len(unit) if after < 0 else after
            aud_end = end - 1 if after > 0 and unit[after - 1] == 0 else end
        at = after
    return Scan(-1, tuple(sets), aud_end)


def annexb(nals: Iterator[bytes] | tuple[bytes, ...] | list[bytes]) -> bytes:
    """NAL units with four-byte start codes."""
    return b"".join(START + nal for nal in nals)


def split(stream: bytes) -> list[bytes]:
    """The NAL units of an Annex-B byte stream, empty ones left out."""
    found = (part.rstrip(b"\x00") for part in stream.split(_SHORT_START)[1:])
    return [nal for nal in found if nal]


def parameter_sets(extradata: bytes, kinds: NalKinds) -> tuple[bytes, ...]:
    """The parameter sets in extradata of any form (Annex-B, avcC, hvcC), in order; empty where there are none."""
    if extradata.startswith((START, _SHORT_START)):
        nals = split(extradata)
    elif extradata[:1] == b"\x01":
        nals = _hvcc(extradata) if kinds.hevc else _avcc(extradata)
    else:
        nals = []
    return ordered([(kinds.kind(nal[0]), nal) for nal in nals], kinds)


def ordered(nals: list[tuple[int, bytes]] | tuple[tuple[int, bytes], ...], kinds: NalKinds) -> tuple[bytes, ...]:
    """Parameter sets of all kinds in the order of `kinds.sets`, each once."""
    return tuple(dict.fromkeys(nal for wanted in kinds.sets for kind, nal in nals if kind == wanted))


def _avcc(data: bytes) -> list[bytes]:
    """AVCDecoderConfigurationRecord, ISO/IEC 14496-15 §5.3.3.1; what is cut short is left out."""
    nals: list[bytes] = []
    at = 5
    for mask in (0x1F, 0xFF):
        if at >= len(data):
            break
        count, at = data[at] & mask, at + 1
        at = _take(data, at, count, nals)
    return nals


def _hvcc(data: bytes) -> list[bytes]:
    """HEVCDecoderConfigurationRecord, ISO/IEC 14496-15 §8.3.3.1."""
    nals: list[bytes] = []
    at = 23
    for _ in range(data[22] if len(data) > 22 else 0):
        if at + 3 > len(data):
            break
        count = int.from_bytes(data[at + 1 : at + 3], "big")
        at = _take(data, at + 3, count, nals)
    return nals


def _take(data: bytes, at: int, count: int, nals: list[bytes]) -> int:
    for _ in range(count):
        size = int.from_bytes(data[at : at + 2], "big")
        nal = data[at + 2 : at + 2 + size]
        if size == 0 or len(nal) < size:
            return len(data)
        nals.append(nal)
        at += 2 + size
    return at
