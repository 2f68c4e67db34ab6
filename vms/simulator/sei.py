"""The message every access unit carries: its number since the start and the wall time it was sent at.

user_data_unregistered (H.264 Annex D.1.7, payload type 5) with our UUID, then u64 number, u64 nanoseconds, big endian.
"""

from __future__ import annotations

import struct
import uuid

SEI_UUID = uuid.UUID("6d8a2f1c-4b7e-4f0a-9c35-766d7373656e").bytes
_H264_HEADER = b"\x06"
_H265_PREFIX_HEADER = b"\x4e\x01"
_BODY = struct.Struct(">BB16sQQB")
_PAYLOAD_TYPE = 5
_PAYLOAD_SIZE = 32
_STOP_BIT = 0x80


def build(number: int, sent_ns: int, *, h265: bool = False) -> bytes:
    """The NAL unit, without start code, emulation prevention done."""
    body = _BODY.pack(_PAYLOAD_TYPE, _PAYLOAD_SIZE, SEI_UUID, number, sent_ns, _STOP_BIT)
    return (_H265_PREFIX_HEADER if h265 else _H264_HEADER) + escape(body)


def parse(nal: bytes) -> tuple[int, int] | None:
    """(number, sent_ns) of such a NAL unit, None of any other; only its first message is looked at."""
    start = 1 if nal[:1] == _H264_HEADER else 2 if nal[:2] == _H265_PREFIX_HEADER else 0
    body = unescape(nal[start : start + 80]) if start else b""
    if len(body) < _BODY.size - 1 or body[:2] != bytes((_PAYLOAD_TYPE, _PAYLOAD_SIZE)) or body[2:18] != SEI_UUID:
        return None
    number, sent_ns = struct.unpack_from(">QQ", body, 18)
    return number, sent_ns


def find(annex_b: bytes) -> tuple[int, int] | None:
    """(number, sent_ns) of an access unit in Annex-B form, None where it carries none."""
    at = annex_b.find(SEI_UUID)
    if at < 0:
        return None
    start = annex_b.rfind(b"\x00\x00\x01", 0, at) + 3
    return parse(annex_b[start : start + 96])


def escape(body: bytes) -> bytes:
    """Put 03 into every 00 00 00..03 (H.264 7.4.1)."""
    out = bytearray()
    zeros = 0
    for byte in body:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def unescape(data: bytes) -> bytes:
    """The inverse of `escape`."""
    return data.replace(b"\x00\x00\x03", b"\x00\x00")
