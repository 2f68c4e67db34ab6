"""H.264 out of an FLV stream as ffmpeg writes it, pure: bytes in any pieces, access units in Annex-B out.

Adobe Flash Video File Format 10.1, annex E: tags of 11 bytes, a body, 4 bytes of length; AVC alone is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vms.errors import VmsError

_HEADER, _TAG = 13, 15
_VIDEO, _AVC = 9, 7
_START = b"\0\0\0\1"
MAX_BODY = 8_000_000


@dataclass(frozen=True, slots=True)
class Unit:
    """An access unit with its presentation time; a key frame holds its parameter sets."""

    pts_ms: int
    is_key: bool
    payload: bytes


class FlvReader:
    """`feed` gives the units that are complete. VmsError where the bytes are no FLV, or a unit is far too large."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._begun = False
        self._sets = b""

    def feed(self, data: bytes) -> Iterator[Unit]:
        """More of the stream."""
        self._buffer += data
        if not self._begun and len(self._buffer) >= _HEADER:
            if not self._buffer.startswith(b"FLV\x01"):
                raise VmsError("the transcoder does not write FLV")
            del self._buffer[:_HEADER]
            self._begun = True
        while self._begun and len(self._buffer) >= _TAG:
            size = int.from_bytes(self._buffer[1:4], "big")
            if size > MAX_BODY:
                raise VmsError("the transcoder writes units that are far too large")
            if len(self._buffer) < _TAG + size:
                return
            kind, dts_ms = self._buffer[0] & 31, int.from_bytes(self._buffer[4:7], "big") | self._buffer[7] << 24
            body = bytes(self._buffer[11 : 11 + size])
            del self._buffer[: _TAG + size]
            unit = self._unit(body, dts_ms) if kind == _VIDEO and size >= 5 and body[0] & 15 == _AVC else None
            if unit is not None:
                yield unit

    def _unit(self, body: bytes, dts_ms: int) -> Unit | None:
        if body[1] == 0:
            self._sets = _parameter_sets(body[5:])
        if body[1] != 1:
            return None
        is_key = body[0] >> 4 == 1
        # Signed, 24 bits; without B-frames it is 0.
        offset_ms = int.from_bytes(body[2:5], "big", signed=True)
        return Unit(dts_ms + offset_ms, is_key, (self._sets if is_key else b"") + _annexb(body, 5))


def _annexb(body: bytes, at: int) -> bytes:
    """NAL units with four bytes of length, with start codes."""
    parts = []
    while at + 4 <= len(body):
        size = int.from_bytes(body[at : at + 4], "big")
        parts.append(_START + body[at + 4 : at + 4 + size])
        at += 4 + size
    return b"".join(parts)


def _parameter_sets(record: bytes) -> bytes:
    """Those of an AVCDecoderConfigurationRecord, ISO/IEC 14496-15 §5.3.3.1."""
    parts, at = [], 5
    for mask in (31, 255):
        if at >= len(record):
            break
        count, at = record[at] & mask, at + 1
        for _ in range(count):
            size = int.from_bytes(record[at : at + 2], "big")
            parts.append(_START + record[at + 2 : at + 2 + size])
            at += 2 + size
    return b"".join(parts)
