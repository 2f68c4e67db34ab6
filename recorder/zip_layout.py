"""A ZIP of members that lie as files of their own: its bytes are reckoned, never written, so that any range of it can
be sent and a package takes its room on the disk once. Pure.

PKWARE APPNOTE 6.3.9: stored, not compressed (4.4.5); sizes and CRC-32 known beforehand, no data descriptor; ZIP64
(4.5.3) where a size, an offset or the count needs it; names UTF-8 (bit 11).
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END64 = struct.Struct("<IQHHIIQQQQ")
_LOCATOR = struct.Struct("<IIQI")
_END = struct.Struct("<IHHHHIIH")
_UTF8 = 0x0800
_MAX_16, _MAX_32 = 0xFFFF, 0xFFFFFFFF
_REGULAR = 0o100644 << 16
_UNIX = 3 << 8


class ZipMember(NamedTuple):
    """A file that goes in whole."""

    name: str
    size: int
    crc32: int


@dataclass(frozen=True, slots=True)
class ZipPiece:
    """A stretch of the ZIP: bytes of its own, or [start, start + size) of a member."""

    size: int
    data: bytes = b""
    member: str = ""
    start: int = 0


class ZipLayout:
    """Where everything lies. `made_ns`: the time that the members carry."""

    def __init__(self, members: Sequence[ZipMember], made_ns: int) -> None:
        at = max(dt.datetime(1980, 1, 1, tzinfo=dt.UTC), dt.datetime.fromtimestamp(made_ns // 10**9, dt.UTC))
        self._time = at.hour << 11 | at.minute << 5 | at.second // 2
        self._date = (at.year - 1980) << 9 | at.month << 5 | at.day
        self._pieces: list[tuple[int, ZipPiece]] = []
        self.size = 0
        directory = []
        for member in members:
            offset = self.size
            self._add(self._local(member))
            self._pieces.append((self.size, ZipPiece(member.size, member=member.name)))
            self.size += member.size
            directory.append(self._central(member, offset))
        start, listed = self.size, b"".join(directory)
        self._add(listed)
        self._add(_ending(len(members), start, len(listed)))

    def pieces(self, offset: int, length: int) -> Iterator[ZipPiece]:
        """What bytes [offset, offset + length) are made of, in order."""
        end = min(self.size, offset + length)
        for start, piece in self._pieces:
            low, high = max(offset, start) - start, min(end, start + piece.size) - start
            if low >= high:
                continue
            data = piece.data[low:high] if piece.data else b""
            yield ZipPiece(high - low, data, piece.member, low if piece.member else 0)

    def _add(self, data: bytes) -> None:
        self._pieces.append((self.size, ZipPiece(len(data), data)))
        self.size += len(data)

    def _local(self, member: ZipMember) -> bytes:
        name, large = member.name.encode(), member.size >= _MAX_32
        extra = struct.pack("<HHQQ", 1, 16, member.size, member.size) if large else b""
        size = _MAX_32 if large else member.size
        head = (0x04034B50, 45 if large else 20, _UTF8, 0, self._time, self._date)
        return _LOCAL.pack(*head, member.crc32, size, size, len(name), len(extra)) + name + extra

    def _central(self, member: ZipMember, offset: int) -> bytes:
        name, large, far = member.name.encode(), member.size >= _MAX_32, offset >= _MAX_32
        values = [member.size, member.size] * large + [offset] * far
        extra = struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values) if values else b""
        size, version = _MAX_32 if large else member.size, 45 if values else 20
        head = (0x02014B50, _UNIX | version, version, _UTF8, 0, self._time, self._date, member.crc32, size, size)
        tail = (len(name), len(extra), 0, 0, 0, _REGULAR, _MAX_32 if far else offset)
        return _CENTRAL.pack(*head, *tail) + name + extra


def _ending(count: int, start: int, size: int) -> bytes:
    large = count >= _MAX_16 or start >= _MAX_32 or size >= _MAX_32
    data = b""
    if large:
        data = _END64.pack(0x06064B50, 44, _UNIX | 45, 45, 0, 0, count, count, size, start)
        data += _LOCATOR.pack(0x07064B50, 0, start + size, 1)
    shown = min(count, _MAX_16)
    return data + _END.pack(0x06054B50, 0, 0, shown, shown, min(size, _MAX_32), min(start, _MAX_32), 0)
