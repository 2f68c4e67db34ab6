"""What a sample entry must say about H.264 and H.265, read from the SPS and nothing else of it. Pure.

ITU-T H.264 7.3.2.1.1 and H.265 7.3.2.2; configuration records: ISO/IEC 14496-15 5.3.3.1 and 8.3.3.1. Extradata is
Annex-B parameter sets. What cannot be read is a FootageError.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from recorder.nal import units
from vms.errors import FootageError

_H264_HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_H265_VPS, _H265_SPS, _H265_PPS = 32, 33, 34


class Bits:
    """Reads bits and Exp-Golomb codes of an RBSP (H.264 9.1)."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def u(self, count: int) -> int:
        """An unsigned number of that many bits."""
        if count > self._left:
            raise FootageError("a parameter set is too short")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def ue(self) -> int:
        """An unsigned Exp-Golomb code."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 32:
                raise FootageError("a parameter set is damaged")
        return (1 << zeros) - 1 + self.u(zeros)


def rbsp(unit: bytes) -> bytes:
    """A NAL unit without emulation prevention bytes (H.264 7.3.1)."""
    return unit.replace(b"\x00\x00\x03", b"\x00\x00")


def h264_sets(extradata: bytes) -> tuple[list[bytes], list[bytes]]:
    """SPS and PPS of Annex-B extradata."""
    found = units(extradata)
    sps = [unit for unit in found if unit[0] & 31 == 7 and len(unit) >= 4]
    pps = [unit for unit in found if unit[0] & 31 == 8]
    if not sps or not pps:
        raise FootageError("H.264 without SPS and PPS", hint="The camera must send them before the first key frame.")
    return sps, pps


def avcc(extradata: bytes) -> bytes:
    """AVCDecoderConfigurationRecord, NAL lengths of 4 bytes."""
    sps, pps = h264_sets(extradata)
    record = bytes([1, *sps[0][1:4], 0xFF, 0xE0 | len(sps)]) + _counted(sps) + bytes([len(pps)]) + _counted(pps)
    if sps[0][1] in _H264_HIGH:
        bits = Bits(rbsp(sps[0])[4:])
        bits.ue()
        chroma = bits.ue()
        if chroma == 3:
            bits.u(1)
        luma_depth, chroma_depth = bits.ue(), bits.ue()
        record += bytes([0xFC | (chroma & 3), 0xF8 | (luma_depth & 7), 0xF8 | (chroma_depth & 7), 0])
    return record


def h265_sets(extradata: bytes) -> dict[int, list[bytes]]:
    """VPS, SPS and PPS of Annex-B extradata by NAL unit type."""
    found: dict[int, list[bytes]] = {_H265_VPS: [], _H265_SPS: [], _H265_PPS: []}
    for unit in units(extradata):
        kind = (unit[0] >> 1) & 63
        if kind in found and len(unit) > 2:
            found[kind].append(unit)
    if not all(found.values()):
        raise FootageError("H.265 without VPS, SPS and PPS", hint="The camera must send them before the key frame.")
    return found


def h265_profile(extradata: bytes) -> bytes:
    """profile_tier_level of the SPS, general part: 12 bytes, profile space to level."""
    sps = rbsp(h265_sets(extradata)[_H265_SPS][0])
    if len(sps) < 15:
        raise FootageError("an H.265 SPS is too short")
    return sps[3:15]


def hvcc(extradata: bytes) -> bytes:
    """HEVCDecoderConfigurationRecord, NAL lengths of 4 bytes, all parameter sets complete."""
    sets = h265_sets(extradata)
    sps = rbsp(sets[_H265_SPS][0])
    sub_layers, nested = (sps[2] >> 1) & 7, sps[2] & 1
    bits = Bits(sps[15:])
    _skip_sub_layers(bits, sub_layers)
    bits.ue()
    chroma = bits.ue()
    if chroma == 3:
        bits.u(1)
    bits.ue()
    bits.ue()
    if bits.u(1):
        for _ in range(4):
            bits.ue()
    luma_depth, chroma_depth = bits.ue(), bits.ue()
    record = b"\x01" + h265_profile(extradata) + struct.pack(">HB", 0xF000, 0xFC)
    record += bytes([0xFC | (chroma & 3), 0xF8 | (luma_depth & 7), 0xF8 | (chroma_depth & 7)])
    record += struct.pack(">HBB", 0, (sub_layers + 1) << 3 | nested << 2 | 3, len(sets))
    for kind, found in sets.items():
        record += struct.pack(">BH", 0x80 | kind, len(found)) + _counted(found)
    return record


def _skip_sub_layers(bits: Bits, count: int) -> None:
    present = [(bits.u(1), bits.u(1)) for _ in range(count)]
    if count:
        bits.u(2 * (8 - count))
    for profile, level in present:
        if profile:
            bits.u(88)
        if level:
            bits.u(8)


def _counted(sets: Sequence[bytes]) -> bytes:
    return b"".join(struct.pack(">H", len(unit)) + unit for unit in sets)
