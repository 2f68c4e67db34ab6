"""Sequence parameter sets of H.264 and H.265: size, profile, level, reordering, frame rate. Pure.

ITU-T H.264 §7.3.2.1.1 and annex E; H.265 §7.3.2.2, §7.3.3, annex E. Anything cut short or out of range is a ValueError.
"""

from __future__ import annotations

from dataclasses import dataclass

MIN_SIDE = 16
MAX_SIDE = 16_384
_H264_PROFILES = {66: "Baseline", 77: "Main", 88: "Extended", 100: "High", 110: "High 10", 122: "High 4:2:2"}
_H264_CHROMA_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
_H265_PROFILES = {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Range Extensions"}
_WHOLE_RATIO = 255


@dataclass(frozen=True, slots=True)
class SpsFacts:
    """What a sequence parameter set says. `level` as people write it ("4.1"); `reorder` frames may be out of order
    (None: it does not say); `fps` where it gives one."""

    width: int
    height: int
    profile: str
    level: str
    reorder: int | None = None
    fps: float | None = None


class _Bits:
    """Reads an RBSP, emulation bytes taken out."""

    def __init__(self, nal: bytes, header: int) -> None:
        body = nal[header:].replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(body, "big")
        self._left = len(body) * 8

    def u(self, count: int) -> int:
        if count > self._left:
            raise ValueError("parameter set is cut short")
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.u(1) == 1

    def ue(self) -> int:
        zeros = 0
        while not self.flag():
            zeros += 1
            if zeros > 32:
                raise ValueError("Exp-Golomb code too long")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def parse_h264(nal: bytes) -> SpsFacts:
    """Facts of an H.264 SPS (NAL unit with its header byte)."""
    bits = _Bits(nal, 1)
    profile, constraints, level = bits.u(8), bits.u(8), bits.u(8)
    bits.ue()
    chroma = 1
    if profile in _H264_CHROMA_PROFILES:
        chroma = _h264_chroma(bits)
    bits.ue()
    order = _h264_picture_order(bits)
    bits.ue()
    bits.u(1)
    width, rows = (bits.ue() + 1) * 16, bits.ue() + 1
    frame_only = bits.u(1)
    height = rows * 16 * (2 - frame_only)
    if not frame_only:
        bits.u(1)
    bits.u(1)
    width, height = _cropped(bits, width, height, chroma, 2 - frame_only)
    fps, reorder = _h264_vui(bits) if bits.flag() else (None, None)
    if order == 2 or profile == 66:
        reorder = 0
    name = _H264_PROFILES.get(profile, str(profile))
    if profile == 66 and constraints & 0x40:
        name = "Constrained Baseline"
    return _checked(SpsFacts(width, height, name, f"{level // 10}.{level % 10}", reorder, fps))


def _h264_chroma(bits: _Bits) -> int:
    chroma = bits.ue()
    if chroma == 3:
        bits.u(1)
    bits.ue()
    bits.ue()
    bits.u(1)
    if bits.flag():
        for i in range(12 if chroma == 3 else 8):
            if bits.flag():
                _skip_scaling(bits, 16 if i < 6 else 64)
    return chroma


def _skip_scaling(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following != 0:
            following = (last + bits.se()) % 256
        last = following or last


def _h264_picture_order(bits: _Bits) -> int:
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.u(1)
        bits.se()
        bits.se()
        count = bits.ue()
        if count > 255:
            raise ValueError("too many reference frames in a cycle")
        for _ in range(count):
            bits.se()
    return kind


def _cropped(bits: _Bits, width: int, height: int, chroma: int, fields: int) -> tuple[int, int]:
    if not bits.flag():
        return width, height
    left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
    unit_x = 2 if chroma in {1, 2} else 1
    unit_y = (2 if chroma == 1 else 1) * fields
    return width - unit_x * (left + right), height - unit_y * (top + bottom)


def _vui_head(bits: _Bits) -> None:
    """From aspect_ratio_info_present_flag to the chroma location; the same in both codecs."""
    if bits.flag() and bits.u(8) == _WHOLE_RATIO:
        bits.u(32)
    if bits.flag():
        bits.u(1)
    if bits.flag():
        bits.u(4)
        if bits.flag():
            bits.u(24)
    if bits.flag():
        bits.ue()
        bits.ue()


def _h264_vui(bits: _Bits) -> tuple[float | None, int | None]:
    """Frame rate and reordering; a VUI that is cut short says nothing."""
    fps: float | None = None
    try:
        _vui_head(bits)
        if bits.flag():
            tick, scale = bits.u(32), bits.u(32)
            bits.u(1)
            fps = _rate(scale, tick * 2)
        nal_hrd = _skip_h264_hrd(bits)
        vcl_hrd = _skip_h264_hrd(bits)
        if nal_hrd or vcl_hrd:
            bits.u(1)
        bits.u(1)
        if not bits.flag():
            return fps, None
        bits.u(1)
        for _ in range(4):
            bits.ue()
        return fps, bits.ue()
    except ValueError:
        return fps, None


def _skip_h264_hrd(bits: _Bits) -> bool:
    """Skip HRD parameters where their flag says they are there."""
    if not bits.flag():
        return False
    count = bits.ue() + 1
    if count > 32:
        raise ValueError("too many HRD schedules")
    bits.u(8)
    for _ in range(count):
        bits.ue()
        bits.ue()
        bits.u(1)
    bits.u(20)
    return True


def parse_h265(nal: bytes) -> SpsFacts:
    """Facts of an H.265 SPS (NAL unit with its two header bytes)."""
    bits = _Bits(nal, 2)
    bits.u(4)
    layers = bits.u(3)
    bits.u(1)
    profile, level = _profile_tier_level(bits, layers)
    bits.ue()
    chroma = bits.ue()
    if chroma == 3:
        bits.u(1)
    width, height = bits.ue(), bits.ue()
    width, height = _cropped(bits, width, height, chroma, 1)
    bits.ue()
    bits.ue()
    bits.ue()
    reorder = 0
    for _ in range(layers + 1 if bits.flag() else 1):
        bits.ue()
        reorder = bits.ue()
        bits.ue()
    name = _H265_PROFILES.get(profile, str(profile))
    return _checked(SpsFacts(width, height, name, f"{level // 30}.{level % 30 // 3}", reorder, None))


def _profile_tier_level(bits: _Bits, layers: int) -> tuple[int, int]:
    bits.u(3)
    profile = bits.u(5)
    bits.u(32)
    bits.u(48)
    level = bits.u(8)
    present = [(bits.flag(), bits.flag()) for _ in range(layers)]
    if layers:
        bits.u(2 * (8 - layers))
    for has_profile, has_level in present:
        bits.u((88 if has_profile else 0) + (8 if has_level else 0))
    return profile, level


def _rate(scale: int, tick: int) -> float | None:
    return scale / tick if tick and 0.1 <= scale / tick <= 480 else None


def _checked(facts: SpsFacts) -> SpsFacts:
    if not (MIN_SIDE <= facts.width <= MAX_SIDE and MIN_SIDE <= facts.height <= MAX_SIDE):
        raise ValueError(f"picture size {facts.width}x{facts.height}")
    return facts
