"""Change grids on disk, for searches to come: one file per Camera and day, beside the catalogue of the node.

A file is a row of blocks, appended whole: `VMG1`, then little-endian length of the body, start in ms, count and CRC-32
of the body; the body is zlib over `count` offsets from the start (u32, ms) and as many grids of 144 bytes. A reader
leaves out a block that is torn or damaged. Blocking: runs on the thread of `analysis`.
"""

from __future__ import annotations

import datetime as dt
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from recorder.analysis.change import GRID_BYTES
from vms.clock import NS_PER_MS
from vms.domain.ids import is_id

_MAGIC = b"VMG1"
_HEAD = struct.Struct("<4sIQII")
_MAX_BODY = 1 << 20
_DAY_MS = 86_400_000
_SUFFIX = ".grid"

Grid = tuple[int, bytes]
"""When (ns) a key frame was taken, and what changed up to it."""


class Grids:
    """The grids of this node below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, camera: str, grids: Sequence[Grid]) -> None:
        """Keep them, in their order; those of two days go into two files. OSError."""
        days: dict[str, list[Grid]] = {}
        for grid in grids:
            days.setdefault(_day(grid[0] // NS_PER_MS), []).append(grid)
        for day, some in days.items():
            path = self._folder / camera / f"{day}{_SUFFIX}"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(_block(some))

    def read(self, camera: str, from_ns: int, to_ns: int) -> Iterator[Grid]:
        """Those of [from_ns, to_ns), as they were written. OSError."""
        if not is_id(camera):
            return
        at_ms, last_ms = from_ns // NS_PER_MS, (to_ns - 1) // NS_PER_MS
        while at_ms // _DAY_MS <= last_ms // _DAY_MS:
            with suppress(FileNotFoundError):
                data = (self._folder / camera / f"{_day(at_ms)}{_SUFFIX}").read_bytes()
                yield from (grid for grid in _grids(data) if from_ns <= grid[0] < to_ns)
            at_ms += _DAY_MS

    def cameras(self) -> list[str]:
        """Those of which there are any."""
        with suppress(FileNotFoundError):
            return sorted(path.name for path in self._folder.iterdir() if is_id(path.name))
        return []

    def expire(self, camera: str, before_ns: int) -> int:
        """Delete the oldest file where all of it is older than that; how many bytes that were. One at a time: a clock
        that has jumped must not take everything. OSError."""
        folder, keep = self._folder / camera, _day(before_ns // NS_PER_MS)
        oldest = min((path for path in folder.glob(f"*{_SUFFIX}")), default=None)
        if oldest is None or oldest.stem >= keep:
            return 0
        size = oldest.stat().st_size
        oldest.unlink()
        with suppress(OSError):
            folder.rmdir()
        return size


def _day(ms: int) -> str:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC).strftime("%Y-%m-%d")


def _block(grids: Sequence[Grid]) -> bytes:
    start_ms = min(at_ns for at_ns, _ in grids) // NS_PER_MS
    offsets = struct.pack(f"<{len(grids)}I", *(at_ns // NS_PER_MS - start_ms for at_ns, _ in grids))
    body = zlib.compress(offsets + b"".join(grid for _, grid in grids), 6)
    return _HEAD.pack(_MAGIC, len(body), start_ms, len(grids), zlib.crc32(body)) + body


def _grids(data: bytes) -> Iterator[Grid]:
    at = data.find(_MAGIC)
    while 0 <= at <= len(data) - _HEAD.size:
        _, length, start_ms, count, crc = _HEAD.unpack_from(data, at)
        body = data[at + _HEAD.size : at + _HEAD.size + min(length, _MAX_BODY)]
        if len(body) != length or zlib.crc32(body) != crc:
            at = data.find(_MAGIC, at + 1)
            continue
        plain = zlib.decompress(body)
        for i, offset_ms in enumerate(struct.unpack_from(f"<{count}I", plain)):
            first = 4 * count + i * GRID_BYTES
            yield (start_ms + offset_ms) * NS_PER_MS, plain[first : first + GRID_BYTES]
        at = data.find(_MAGIC, at + _HEAD.size + length)
