"""A disk that is full, read-only or slow: said in an Event within 10 s, nothing corrupt, and over without a restart.

Full and read-only are a real tmpfs of a few megabytes (root only); slow is a file whose writes take 100 ms, in this
process, because no mount here is slow on demand.
"""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from recorder.disk import Disk
from recorder.examine import examine
from recorder.spool import Spool, SpoolOptions
from recorder.troubles import DiskTroubles
from tests.recorder.rig import FOREVER, Rig, new_runs, rig, rows_of, seamless, until, until_async, until_gap
from tests.recorder.synth import NODE, make_run, packets
from vms.clock import NS_PER_S, SystemClock
from vms.domain.event import Event, EventKind
from vms.domain.gap import GapCause, GapState
from vms.domain.media import EndReason
from vms.store.events import Wanted
from vms.sync.events import EventOptions, EventWriter, Places

BAR_S = 10.0
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@asynccontextmanager
async def told(r: Rig) -> AsyncIterator[EventWriter]:
    """The Service that writes the node's Events, beside the recorder."""
    source = DiskTroubles(r.recording, SystemClock(), lambda: None, NODE)
    writer = EventWriter(
        SystemClock(),
        catalogue=r.catalogue,
        bus=r.bus,
        sources=[source],
        places=Places(),
        options=EventOptions(NODE, every_s=0.2),
    )
    task = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        writer.stop()
        await task


async def event(r: Rig, kind: EventKind, *, is_open: bool, timeout_s: float = BAR_S) -> tuple[Event, float]:
    """The Event in the catalogue, and how long it took to be there."""
    begun, found = time.monotonic(), list[Event]()

    async def there() -> bool:
        found[:] = await r.catalogue.events.find(Wanted(kinds=[kind], is_open=is_open), 10)
        return bool(found)

    await until_async(there, timeout_s)
    (one,) = found
    return one, time.monotonic() - begun


async def nothing_is_corrupt(r: Rig) -> None:
    """Every file in the spool reads as it was written, and rows and Gaps are seamless."""
    for key, is_part in r.spool.files():
        assert not is_part
        found = examine(r.spool.path(key))
        assert found is not None
        assert found.closed
    seamless(*await rows_of(r))


@as_root
async def test_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    """Something else fills it: alarm, Gap, and recording again when there is room."""
    spool = Spool(SpoolOptions(small_disk / "spool", limit_bytes=50 << 20, reserve_bytes=0))
    async with rig(tmp_path / "node", spool=spool) as r, told(r):
        run = make_run()
        sent = list(packets(run, seconds=6))
        r.play(run, sent[:60])
        await until(lambda: any(spool.files()))
        ballast = small_disk / "ballast"
        await asyncio.to_thread(_fill, ballast)
        r.publish(sent[60:])
        begun, took_s = await event(r, EventKind.SPOOL_FULL, is_open=True)
        assert took_s < BAR_S
        await until_gap(r, GapCause.SPOOL_FULL, GapState.OPEN)
        ballast.unlink()
        ended, _ = await event(r, EventKind.SPOOL_FULL, is_open=False)
        assert ended.id == begun.id
        await until(lambda: run.id in r.asked)
        new_runs(r, run.start_ns + 20 * NS_PER_S)()
        await until_gap(r, GapCause.CAMERA_UNREACHABLE, GapState.OPEN)
        await until_async(lambda: closed(r))
        await nothing_is_corrupt(r)


@as_root
async def test_a_disk_that_becomes_read_only(tmp_path: Path, small_disk: Path) -> None:
    """The kernel lets it be remounted only while no file is open to be written, so the camera pauses meanwhile."""
    spool = Spool(SpoolOptions(small_disk / "spool", limit_bytes=50 << 20, reserve_bytes=0))
    async with rig(tmp_path / "node", spool=spool) as r, told(r):
        run = make_run()
        r.play(run, packets(run, seconds=3), reason=EndReason.CAMERA_UNREACHABLE)
        await until_async(lambda: closed(r))
        await until(lambda: _remounted(small_disk, "ro"))
        begun, took_s = await event(r, EventKind.DISK_ERROR, is_open=True)
        assert (begun.params, took_s < BAR_S) == ({"cause": "read_only"}, True)
        assert "Read-only" in r.recording.health().why
        again = make_run(start_ns=run.start_ns + 5 * NS_PER_S)
        r.play(again, list(packets(again, seconds=2)))
        await until_gap(r, GapCause.DISK_ERROR, GapState.OPEN)
        assert _remounted(small_disk, "rw")
        ended, _ = await event(r, EventKind.DISK_ERROR, is_open=False)
        assert ended.id == begun.id
        await until(lambda: again.id in r.asked)
        new_runs(r, run.start_ns + 20 * NS_PER_S)()
        await until_gap(r, GapCause.CAMERA_UNREACHABLE, GapState.OPEN)
        await until_async(lambda: closed(r))
        await nothing_is_corrupt(r)


async def test_a_disk_that_takes_100_ms_a_write(tmp_path: Path) -> None:
    """Said within the bar; what is written is whole; over some seconds after it is quick again."""
    slow = Slow()
    slow.delay_s = 0.1
    async with rig(tmp_path, spool=Spool(SpoolOptions(tmp_path / "spool"), write=slow.write)) as r, told(r):
        run = make_run()
        r.play(run, packets(run, seconds=12), reason=EndReason.CAMERA_UNREACHABLE)
        begun, took_s = await event(r, EventKind.DISK_SLOW, is_open=True)
        assert (begun.params, took_s < BAR_S) == ({"write_ms": 100}, True)
        slow.delay_s = 0.0
        await event(r, EventKind.DISK_SLOW, is_open=False, timeout_s=30)
        await until_async(lambda: closed(r))
        await nothing_is_corrupt(r)
        assert not [gap for gap in await gaps_of(r) if gap is GapCause.OVERLOAD]


async def test_an_error_that_is_over_at_once_is_said_too(tmp_path: Path) -> None:
    """One write of one file fails, and the next works: an Event that has ended."""
    slow = Slow()
    async with rig(tmp_path, spool=Spool(SpoolOptions(tmp_path / "spool"), write=slow.write)) as r, told(r):
        run = make_run()
        sent = list(packets(run, seconds=3))
        r.play(run, sent[:40])
        await until(lambda: any(r.spool.files()))
        slow.fail_once = errno.EIO
        r.publish(sent[40:])
        one, _ = await event(r, EventKind.DISK_ERROR, is_open=False)
        assert one.params["cause"] == "io"


class Slow:
    """A write that takes its time, or fails once."""

    delay_s = 0.0
    fail_once = 0

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """As os.write."""
        if self.fail_once:
            code, self.fail_once = self.fail_once, 0
            raise OSError(code, os.strerror(code))
        time.sleep(self.delay_s)  # the slow disk itself, on the executor that waits for it
        return os.write(fd, data)


async def closed(r: Rig) -> bool:
    """Whether the spool holds files, and no open one."""
    files = list(r.spool.files())
    await r.recording.written()
    return bool(files) and not any(is_part for _, is_part in files)


async def gaps_of(r: Rig) -> list[GapCause]:
    """Their causes."""
    _, gaps = await rows_of(r)
    assert FOREVER.end_ns
    return [gap.cause for gap in gaps]


def _fill(path: Path) -> None:
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def _remounted(place: Path, how: str) -> bool:
    done = subprocess.run(["mount", "-o", f"remount,{how}", str(place)], check=False, capture_output=True)
    return done.returncode == 0


# The judgement alone


def test_slow_is_a_matter_of_seconds() -> None:
    """One slow second is none; three of five are, until ten were quick."""
    now = 0

    def mono_ns() -> int:
        return now

    disk = Disk(mono_ns)

    def second(write_ms: int) -> int | None:
        nonlocal now
        with disk.writing():
            now += write_ms * 1_000_000
        return disk.look(lambda: None).slow_ms

    assert [second(ms) for ms in (200, 1, 1, 1, 1, 1, 90, 90)] == [None] * 8
    assert second(90) == 90
    answers = [second(1) for _ in range(14)]
    assert answers[-1] is None
    assert answers[9] is not None


def test_a_write_that_hangs_is_seen_while_it_hangs() -> None:
    """From three seconds on."""
    now = 0
    disk = Disk(lambda: now)
    with disk.writing(sync=True):
        now = 2 * NS_PER_S
        assert disk.hangs_ms() is None
        now = 4 * NS_PER_S
        assert disk.hangs_ms() == 4000
    assert disk.hangs_ms() is None


@pytest.mark.parametrize("probe_works", [True, False])
def test_an_error_is_tried_until_it_is_over(*, probe_works: bool) -> None:
    """Once where writing works again, at each look else."""
    disk, asked = Disk(), list[int]()
    error = OSError(errno.EIO, "Input/output error")

    def probe() -> None:
        asked.append(1)
        if not probe_works:
            raise error

    assert disk.look(probe).error is None
    assert not asked
    disk.failed(error)
    states: list[Callable[[], OSError | None]] = [lambda: disk.look(probe).error for _ in range(3)]
    found = [state() for state in states]
    assert found == [None] * 3 if probe_works else found == [error] * 3
    assert len(asked) == (1 if probe_works else 3)
    assert disk.take_passed() is (error if probe_works else None)
    assert disk.take_passed() is None
