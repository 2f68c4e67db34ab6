"""Boxes of ISO/IEC 14496-12: how one is put together, and which type codes Segments use. Pure."""

from __future__ import annotations

import struct
import uuid

_SIZE_TYPE = struct.Struct(">I4s")

# The type of our own boxes: one at the end of moov, one at the end of a closed Segment (docs/footage-format.md).
FOOTAGE_UUID = uuid.UUID("5b0c7f0e-2d53-4a53-9f39-766d73666f6f").bytes

NON_KEY_FLAGS = 0x01010000
KEY_FLAGS = 0x02000000


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box with its 32-bit size."""
    body = b"".join(parts)
    return _SIZE_TYPE.pack(8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and 24 bits of flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def uuid_box(data: bytes) -> bytes:
    """A box of our own."""
    return box(b"uuid", FOOTAGE_UUID, data)
