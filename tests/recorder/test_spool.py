"""The spool: files, folders, how full it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from recorder.spool import Spool, SpoolOptions, Usage, start_ms
from tests.recorder.synth import NODE, STREAM
from vms.domain.footage import footage_key
from vms.errors import InputError, ObjectMissingError

KEY = footage_key("site", STREAM, 1_790_000_000_000_000_000, "run1")
LATER = footage_key("site", STREAM, 1_790_000_060_000_000_000, "run1")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """An empty spool of 1000 bytes."""
    return Spool(SpoolOptions(tmp_path, limit_bytes=1000, reserve_bytes=0))


def test_a_file_goes_from_part_to_its_name(spool: Spool) -> None:
    """Open it can be read, closed it has its name, removed it leaves no folder."""
    part = spool.create(KEY)
    part.append(b"hello ")
    assert spool.read(KEY, 0, 100) == b"hello "
    assert list(spool.files()) == [(KEY, True)]
    assert not spool.holds(KEY)
    part.append(b"world")
    spool.settle(part)
    assert list(spool.files()) == [(KEY, False)]
    assert spool.read(KEY, 6, 3) == b"wor"
    spool.remove(KEY)
    spool.remove(KEY)
    assert list(spool.root.iterdir()) == []
    with pytest.raises(ObjectMissingError):
        spool.read(KEY, 0, 1)


def test_a_key_is_used_once(spool: Spool) -> None:
    """Nothing is written over."""
    spool.create(KEY)
    with pytest.raises(FileExistsError):
        spool.create(KEY)


@pytest.mark.parametrize(
    "key", ["", "../etc/passwd", "/etc/passwd", KEY + "/..", "footage/a", KEY.replace("site", ".."), KEY + ".part"]
)
def test_only_keys_of_footage_are_paths(spool: Spool, key: str) -> None:
    """Nothing outside, and nothing that is no Segment, can be named."""
    with pytest.raises(InputError):
        spool.read(key, 0, 1)


def test_alarms_full_and_room_again(spool: Spool) -> None:
    """Levels at 70, 85 and 95 %, full at 100 %, and room only once it is below 95 %."""
    part = spool.create(KEY)
    levels = []
    for size in (699, 1, 150, 100, 50):
        part.append(bytes(size))
        levels.append(spool.usage().level)
    assert levels == [0, 1, 2, 3, 4]
    spool.settle(part)
    later = spool.create(LATER)
    later.append(bytes(960))
    spool.remove(KEY)
    assert spool.usage().full
    later.append(b"")
    spool.settle(later)
    spool.remove(LATER)
    last = spool.create(KEY)
    last.append(bytes(940))
    assert not spool.usage().full


def test_what_lay_there_counts(spool: Spool) -> None:
    """A new process measures what it finds, `.part` files too, and knows the oldest."""
    for key, size in ((LATER, 20), (KEY, 300)):
        part = spool.create(key)
        part.append(bytes(size))
        if key == KEY:
            spool.settle(part)
        else:
            part.close()
    again = Spool(SpoolOptions(spool.root, limit_bytes=1000, reserve_bytes=0))
    again.measure()
    assert again.usage() == Usage(320, 1000, full=False, oldest_ms=start_ms(KEY))


def test_a_disk_without_reserve_is_full(tmp_path: Path) -> None:
    """Below the reserve the spool is full, whatever its limit."""
    assert Spool(SpoolOptions(tmp_path, limit_bytes=10**9, reserve_bytes=1 << 60)).usage().full


def test_without_a_limit_it_takes_most_of_the_disk(tmp_path: Path) -> None:
    """Nine tenths of what is free and what it has."""
    usage = Spool(SpoolOptions(tmp_path, reserve_bytes=0)).usage()
    assert usage.limit_bytes > 1 << 20
    assert usage.level == 0


def test_other_files_are_left_alone(spool: Spool) -> None:
    """What is no Segment is not seen and not counted."""
    folder = spool.root / "footage" / NODE
    folder.mkdir(parents=True)
    (folder / "notes.mp4").write_bytes(bytes(10))
    (spool.root / "alive").touch()
    spool.measure()
    assert list(spool.files()) == []
    assert spool.usage().used_bytes == 0


def test_what_is_settled_is_sealed_until_it_is_gone(spool: Spool) -> None:
    """With the SHA-256 of what was appended; not where the file has another size than that, nor for who opens anew."""
    part = spool.create(KEY)
    part.append(b"hello")
    spool.settle(part, "ab")
    seal = spool.seal(KEY)
    assert seal is not None
    assert seal.holds("ab", spool.path(KEY).stat())
    assert not seal.holds("cd", spool.path(KEY).stat())
    other = spool.create(LATER)
    other.append(b"hello")
    with other.path.open("ab") as file:
        file.write(b"!")
    spool.settle(other, "ab")
    assert spool.seal(LATER) is None
    assert Spool(SpoolOptions(spool.root)).seal(KEY) is None
    spool.remove(KEY)
    assert spool.seal(KEY) is None
