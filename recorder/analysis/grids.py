"""Change grids on disk, for searches: one file per Camera and day, beside the catalogue of the node.

A file is a row of blocks, appended whole, in any order: `VMG1`, then little-endian length of the body, start in ms,
count and CRC-32 of the body; the body is zlib over `count` offsets from the start (u32, ms) and as many grids of 144
bytes, of one hour at most. A reader leaves out a block that is torn or damaged. Blocking: on threads of `analysis`.
"""

from __future__ import annotations

import datetime as dt
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recorder.analysis.change import GRID_BYTES
from vms.clock import NS_PER_MS
from vms.domain.ids import is_id

_MAGIC = b"VMG1"
_HEAD = struct.Struct("<4sIQII")
_MAX_BODY = 1 << 20
_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_SUFFIX = ".grid"

Grid = tuple[int, bytes]
"""When (ns) a key frame was taken, and what changed up to it."""
Rows = tuple[NDArray[np.int64], NDArray[np.uint8]]
"""The same of many: times in ms, and grids of n x 144."""


class Grids:
    """The grids of this node below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, camera: str, grids: Sequence[Grid]) -> None:
        """Keep them, in their order; those of two days go into two files. OSError."""
        hours: dict[int, list[Grid]] = {}
        for grid in grids:
            hours.setdefault(grid[0] // NS_PER_MS // _HOUR_MS, []).append(grid)
        for hour, some in hours.items():
            path = self._folder / camera / f"{_day(hour * _HOUR_MS)}{_SUFFIX}"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(_block(some))

    def read(self, camera: str, from_ns: int, to_ns: int) -> Iterator[Grid]:
        """Those of [from_ns, to_ns), as they were written. OSError."""
        for times_ms, grids in self._blocks(camera, from_ns // NS_PER_MS, (to_ns - 1) // NS_PER_MS):
            for at_ms, grid in zip(times_ms.tolist(), grids, strict=True):
                if from_ns <= at_ms * NS_PER_MS < to_ns:
                    yield at_ms * NS_PER_MS, grid.tobytes()

    def rows(self, camera: str, from_ns: int, to_ns: int) -> Rows:
        """Those of [from_ns, to_ns) in order of time, each time once. OSError."""
        blocks = list(self._blocks(camera, from_ns // NS_PER_MS, (to_ns - 1) // NS_PER_MS))
        if not blocks:
            return np.zeros(0, np.int64), np.zeros((0, GRID_BYTES), np.uint8)
        times_ms, first = np.unique(np.concatenate([times for times, _ in blocks]), return_index=True)
        inside = (times_ms * NS_PER_MS >= from_ns) & (times_ms * NS_PER_MS < to_ns)
        return times_ms[inside], np.concatenate([grids for _, grids in blocks])[first[inside]]

    def _blocks(self, camera: str, from_ms: int, last_ms: int) -> Iterator[Rows]:
        """Whole blocks that may reach into [from_ms, last_ms]."""
        if not is_id(camera):
            return
        for day in range(from_ms // _DAY_MS, last_ms // _DAY_MS + 1):
            with suppress(FileNotFoundError):
                data = (self._folder / camera / f"{_day(day * _DAY_MS)}{_SUFFIX}").read_bytes()
                yield from _blocks_in(data, from_ms, last_ms)

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


def _blocks_in(data: bytes, from_ms: int, last_ms: int) -> Iterator[Rows]:
    at = data.find(_MAGIC)
    while 0 <= at <= len(data) - _HEAD.size:
        _, length, start_ms, count, crc = _HEAD.unpack_from(data, at)
        body = data[at + _HEAD.size : at + _HEAD.size + min(length, _MAX_BODY)]
        if len(body) != length or zlib.crc32(body) != crc:
            at = data.find(_MAGIC, at + 1)
            continue
        if from_ms - _HOUR_MS < start_ms <= last_ms:
            plain = np.frombuffer(zlib.decompress(body), np.uint8)
            offsets = plain[: 4 * count].view("<u4").astype(np.int64)
            yield start_ms + offsets, plain[4 * count :].reshape(count, GRID_BYTES)
        at = data.find(_MAGIC, at + _HEAD.size + length)
