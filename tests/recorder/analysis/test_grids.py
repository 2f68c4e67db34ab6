"""Change grids on disk: what was appended is read, over days, over damage; what is old goes, a file at a time."""

from __future__ import annotations

from pathlib import Path

from recorder.analysis.grids import Grids
from vms.clock import NS_PER_MS, NS_PER_S

CAMERA = "c" * 16
MIDNIGHT_NS = 1_790_035_200 * NS_PER_S
"""2026-09-22T00:00:00Z."""


def some(start_ns: int, count: int = 30) -> list[tuple[int, bytes]]:
    """A minute of grids."""
    return [(start_ns + 2 * i * NS_PER_S, bytes((i + k) % 7 * 30 for k in range(144))) for i in range(count)]


def test_what_is_kept_is_read_by_time(tmp_path: Path) -> None:
    """Over midnight into two files, and read as one stretch."""
    grids, kept = Grids(tmp_path), some(MIDNIGHT_NS - 20 * NS_PER_S)
    grids.append(CAMERA, kept)
    assert len(list(tmp_path.rglob("*.grid"))) == 2
    assert list(grids.read(CAMERA, MIDNIGHT_NS - 60 * NS_PER_S, MIDNIGHT_NS + 60 * NS_PER_S)) == kept
    assert list(grids.read(CAMERA, kept[3][0], kept[5][0])) == kept[3:5]
    assert list(grids.read("../../etc/passwd", 0, MIDNIGHT_NS)) == []
    assert grids.cameras() == [CAMERA]


def test_torn_and_damaged_blocks_are_left_out(tmp_path: Path) -> None:
    """A block that was cut off by a power failure, and one with a flipped bit, do not hide the others."""
    grids, day = Grids(tmp_path), MIDNIGHT_NS + 3600 * NS_PER_S
    first, second, third = (some(day + i * 60 * NS_PER_S) for i in range(3))
    grids.append(CAMERA, first)
    path = next(tmp_path.rglob("*.grid"))
    size = path.stat().st_size
    grids.append(CAMERA, second)
    data = bytearray(path.read_bytes())
    path.write_bytes(data[:-20])
    grids.append(CAMERA, third)
    assert list(grids.read(CAMERA, day, day + 3600 * NS_PER_S)) == first + third
    data = bytearray(path.read_bytes())
    data[size // 2] ^= 4
    path.write_bytes(data)
    assert list(grids.read(CAMERA, day, day + 3600 * NS_PER_S)) == third


def test_a_minute_is_small(tmp_path: Path) -> None:
    """A quiet minute with a little motion takes some hundred bytes, times to the millisecond."""
    quiet = [(MIDNIGHT_NS + i * 2_003 * NS_PER_MS, bytes(60) + bytes([i, 3 * i]) + bytes(82)) for i in range(30)]
    Grids(tmp_path).append(CAMERA, quiet)
    assert next(tmp_path.rglob("*.grid")).stat().st_size < 400
    assert list(Grids(tmp_path).read(CAMERA, MIDNIGHT_NS, MIDNIGHT_NS + 120 * NS_PER_S)) == quiet


def test_what_is_old_goes_one_day_at_a_time(tmp_path: Path) -> None:
    """The oldest file alone, never one of which a part is still to be kept."""
    grids, day_ns = Grids(tmp_path), 86_400 * NS_PER_S
    for day in range(3):
        grids.append(CAMERA, some(MIDNIGHT_NS + day * day_ns + NS_PER_S))
    assert grids.expire(CAMERA, MIDNIGHT_NS + day_ns // 2) == 0
    assert grids.expire(CAMERA, MIDNIGHT_NS + 30 * day_ns) > 0
    assert len(list(tmp_path.rglob("*.grid"))) == 2
    assert grids.expire(CAMERA, MIDNIGHT_NS + 30 * day_ns) > 0
    assert grids.expire(CAMERA, MIDNIGHT_NS + 30 * day_ns) > 0
    assert grids.expire(CAMERA, MIDNIGHT_NS + 30 * day_ns) == 0
    assert grids.cameras() == []


def test_rows_are_in_order_whenever_they_were_written(tmp_path: Path) -> None:
    """What was filled in later stands where it belongs, and what was written twice is there once."""
    grids, kept = Grids(tmp_path), some(MIDNIGHT_NS - 20 * NS_PER_S)
    grids.append(CAMERA, kept[20:])
    grids.append(CAMERA, kept[:25])
    times_ms, found = grids.rows(CAMERA, 0, MIDNIGHT_NS * 2)
    assert times_ms.tolist() == [at_ns // NS_PER_MS for at_ns, _ in kept]
    assert [row.tobytes() for row in found] == [grid for _, grid in kept]
    times_ms, found = grids.rows(CAMERA, kept[3][0], kept[5][0])
    assert (len(times_ms), found.shape) == (2, (2, 144))
    assert grids.rows(CAMERA, 0, NS_PER_S)[1].shape == (0, 144)
