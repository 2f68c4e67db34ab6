"""RTP payloads of an access unit, pure: H.264 (RFC 6184) and H.265 (RFC 7798), made once per Stream for all viewers.

Single NAL units, parameter sets aggregated (STAP-A, AP), fragments (FU-A, FU). Delimiters, fillers and SEI stay behind:
no browser wants them. No headers, no sequence numbers, no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

PAYLOAD_BYTES = 1200
BATCH = 20

_START = b"\0\0\1"
_STAP_A, _FU_A = 24, 28
_AP, _FU = 48, 49
_H264_SETS = frozenset({7, 8, 13, 15})
_H264_SLICES = range(1, 6)
_H265_SETS = frozenset({32, 33, 34})
_H265_SLICES = range(32)


@dataclass(frozen=True, slots=True)
class Frame:
    """An access unit as RTP payloads. `batches`: (start, end, bytes) of payloads that go in one call: at most BATCH,
    all of one size but the last, which may be smaller (UDP_SEGMENT). `hevc`: H.265."""

    payloads: tuple[bytes, ...]
    batches: tuple[tuple[int, int, int], ...]
    hevc: bool

    @property
    def size_bytes(self) -> int:
        """Of all payloads."""
        return sum(size for _, _, size in self.batches)


def packetize(unit: bytes, *, hevc: bool) -> Frame:
    """The payloads of an access unit in Annex-B; none where it holds no picture and no parameter sets."""
    payloads = tuple(_h265(unit) if hevc else _h264(unit))
    return Frame(payloads, tuple(_batches(payloads)), hevc)


def nal_units(unit: bytes) -> Iterator[bytes]:
    """NAL units of Annex-B bytes, without start codes and trailing zeros (H.264 Annex B)."""
    at = unit.find(_START)
    while at >= 0:
        begin = at + 3
        at = unit.find(_START, begin)
        nal = (unit[begin:] if at < 0 else unit[begin:at]).rstrip(b"\0")
        if nal:
            yield nal


def is_disposable(unit: bytes, *, hevc: bool) -> bool:
    """Whether no other picture refers to this one: nal_ref_idc is 0 (H.264 7.4.1), a sub-layer non-reference picture
    (H.265 table 7-1)."""
    for nal in nal_units(unit):
        kind = _h265_kind(nal) if hevc else nal[0] & 31
        if kind in (_H265_SLICES if hevc else _H264_SLICES):
            return kind < 16 and kind % 2 == 0 if hevc else nal[0] & 0x60 == 0
    return False


def _h264(unit: bytes) -> Iterator[bytes]:
    sets: list[bytes] = []
    for nal in nal_units(unit):
        kind = nal[0] & 31
        if kind in _H264_SETS:
            sets.append(nal)
        elif kind in _H264_SLICES:
            yield from _aggregated(sets, bytes([max((s[0] & 0x60 for s in sets), default=0) | _STAP_A]), _h264_nal)
            sets = []
            yield from _h264_nal(nal)
    yield from _aggregated(sets, bytes([0x60 | _STAP_A]), _h264_nal)


def _h264_nal(nal: bytes) -> Iterator[bytes]:
    if len(nal) <= PAYLOAD_BYTES:
        yield nal
    else:
        yield from _fragments(nal, 1, bytes([nal[0] & 0xE0 | _FU_A]), nal[0] & 31)


def _h265(unit: bytes) -> Iterator[bytes]:
    sets: list[bytes] = []
    for nal in nal_units(unit):
        kind = _h265_kind(nal)
        if len(nal) < 3:
            continue
        if kind in _H265_SETS:
            sets.append(nal)
        elif kind in _H265_SLICES:
            yield from _aggregated(sets, bytes([_AP << 1, 1]), _h265_nal)
            sets = []
            yield from _h265_nal(nal)
    yield from _aggregated(sets, bytes([_AP << 1, 1]), _h265_nal)


def _h265_nal(nal: bytes) -> Iterator[bytes]:
    if len(nal) <= PAYLOAD_BYTES:
        yield nal
    else:
        yield from _fragments(nal, 2, bytes([nal[0] & 0x81 | _FU << 1, nal[1]]), _h265_kind(nal))


def _h265_kind(nal: bytes) -> int:
    return nal[0] >> 1 & 63


def _aggregated(sets: Sequence[bytes], header: bytes, single: Callable[[bytes], Iterator[bytes]]) -> Iterator[bytes]:
    """In one payload where there are several and they fit. What a camera calls a parameter set may be of any size."""
    if len(sets) > 1 and len(header) + sum(2 + len(nal) for nal in sets) <= PAYLOAD_BYTES:
        yield header + b"".join(len(nal).to_bytes(2, "big") + nal for nal in sets)
    else:
        for nal in sets:
            yield from single(nal)


def _fragments(nal: bytes, header_bytes: int, indicator: bytes, kind: int) -> Iterator[bytes]:
    step = PAYLOAD_BYTES - len(indicator) - 1
    last = len(nal) - step
    for at in range(header_bytes, len(nal), step):
        bits = (0x80 if at == header_bytes else 0) | (0x40 if at >= last else 0)
        yield indicator + bytes([bits | kind]) + nal[at : at + step]


def _batches(payloads: Sequence[bytes]) -> Iterator[tuple[int, int, int]]:
    """Middle segments of unequal size would silently be cut anew by the kernel."""
    start = 0
    for n in range(1, len(payloads) + 1):
        full = n == len(payloads) or n - start == BATCH
        if full or len(payloads[n]) > len(payloads[start]) or len(payloads[n - 1]) != len(payloads[start]):
            yield start, n, sum(map(len, payloads[start:n]))
            start = n
