"""Sprites: small pictures of a Camera over an hour, packed into one object beside the footage. Pure.

Packed: `VMT1`, count (u32, little-endian), as many pairs of offset from the hour's start in ms (u32) and size in bytes
(u32), then the JPEGs one after the other, in order of time. They can be made anew from footage.
"""

from __future__ import annotations

import datetime as dt
import struct
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vms.errors import FootageError

HOUR_NS = 3600 * 1_000_000_000
EVERY_NS = 10 * 1_000_000_000
"""From one picture to the next."""
_NS_PER_MS = 1_000_000
_MAGIC = b"VMT1"
_HEAD = struct.Struct("<4sI")
_ENTRY = struct.Struct("<II")
_MAX_PICTURES = 3600

Picture = tuple[int, bytes]
"""When (ns, shown time as of the key frame), and the JPEG."""


@dataclass(frozen=True, slots=True)
class Sprite:
    """One hour of one Camera as one Node saw it; `start_ns`: of the hour, UTC; `end_ns`: its last picture."""

    camera: str
    start_ns: int
    node: str
    site: str
    store: str
    end_ns: int
    pictures: int
    size_bytes: int
    rev: int = 1

    @property
    def key(self) -> str:
        """thumbnails/<site>/<camera>/<yyyy>/<mm>/<dd>/<hh>-<node>.vmt, UTC."""
        at = dt.datetime.fromtimestamp(self.start_ns // 1_000_000_000, dt.UTC)
        return f"thumbnails/{self.site}/{self.camera}/{at:%Y/%m/%d/%H}-{self.node}.vmt"


def hour_of(ns: int) -> int:
    """The start of the hour that an instant lies in."""
    return ns // HOUR_NS * HOUR_NS


def pack(start_ns: int, pictures: Iterable[Picture]) -> bytes:
    """Pictures of the hour that begins then as one object; of two of one time the first."""
    by_ms: dict[int, bytes] = {}
    for at_ns, jpeg in pictures:
        by_ms.setdefault((at_ns - start_ns) // _NS_PER_MS, jpeg)
    order = sorted(by_ms)[:_MAX_PICTURES]
    entries = b"".join(_ENTRY.pack(ms, len(by_ms[ms])) for ms in order)
    return _HEAD.pack(_MAGIC, len(order)) + entries + b"".join(by_ms[ms] for ms in order)


class Sheet:
    """A packed object that was read. FootageError where it is none, or cut off."""

    def __init__(self, start_ns: int, data: bytes) -> None:
        self._data = data
        if len(data) < _HEAD.size:
            raise FootageError("a sprite is cut off")
        magic, count = _HEAD.unpack_from(data)
        at = _HEAD.size + count * _ENTRY.size
        if magic != _MAGIC or count > _MAX_PICTURES or at > len(data):
            raise FootageError("this is no sprite")
        self.times_ns: Sequence[int] = []
        self._places: list[tuple[int, int]] = []
        times = []
        for ms, size in _ENTRY.iter_unpack(data[_HEAD.size : at]):
            times.append(start_ns + ms * _NS_PER_MS)
            self._places.append((at, size))
            at += size
        if at != len(data) or times != sorted(times):
            raise FootageError("a sprite does not add up")
        self.times_ns = times

    @property
    def size_bytes(self) -> int:
        """Of the object."""
        return len(self._data)

    def nearest(self, at_ns: int) -> Picture | None:
        """The picture that was taken nearest to an instant; None of an empty one."""
        if not self.times_ns:
            return None
        after = bisect_left(self.times_ns, at_ns)
        near = [i for i in (after - 1, after) if 0 <= i < len(self.times_ns)]
        found = min(near, key=lambda i: abs(self.times_ns[i] - at_ns))
        offset, size = self._places[found]
        return self.times_ns[found], self._data[offset : offset + size]
