"""Access units as a NUT stream for ffmpeg's standard input: with times, and each one whole as soon as it is written.

Raw Annex-B would have no times, and a unit in it ends only where the next one begins. libav muxes into memory; nothing
waits. Event loop only.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av

from vms.domain.media import Codec, Track

TIME_BASE = Fraction(1, 1000)
_NAMES = {Codec.H264: "h264", Codec.H265: "hevc"}


class _Sheet:
    """What libav writes to."""

    name = "transcode.nut"

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


class NutWriter:
    """Of one track. Times in ms; those of decoding must grow."""

    def __init__(self, track: Track, fps: float) -> None:
        self._sheet = _Sheet()
        self._container: Any = av.open(self._sheet, "w", format="nut", options={"flush_packets": "1"})
        rate = Fraction(fps).limit_denominator(1000)
        self._stream: Any = self._container.add_mux_stream(
            _NAMES[track.codec], rate=rate, width=track.width or 16, height=track.height or 16
        )
        self._stream.time_base = TIME_BASE

    def write(self, payload: bytes, *, pts_ms: int, dts_ms: int, is_key: bool) -> bytes:
        """The bytes of one access unit; those of the header before the first."""
        packet = av.Packet(payload)
        packet.stream, packet.time_base = self._stream, TIME_BASE
        packet.pts, packet.dts, packet.is_keyframe = pts_ms, dts_ms, is_key
        self._container.mux(packet)
        data = bytes(self._sheet.data)
        self._sheet.data.clear()
        return data
