"""Files damaged, of a newer version, unreadable or away for a while: nothing is deleted, nobody is held up."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.examine import examine, finish
from recorder.loss import say_lost
from recorder.spool import Spool
from recorder.sweep import Swept
from tests.recorder.files import closed, write_run
from tests.recorder.rig import FOREVER, Rig, rig, until_async
from tests.recorder.synth import STREAM, make_run, packets
from tests.recorder.test_sweep import part_of, swept
from tests.recorder.test_uploader import yard
from vms.domain.footage import Segment, SegmentState
from vms.domain.gap import Gap, GapCause, GapState
from vms.errors import FootageError, FootageVersionError


async def open_part(r: Rig, spoil: Callable[[bytes], bytes] = bytes) -> tuple[Segment, bytes]:
    """A row that says open, and its `.part`, spoilt; both as a crash leaves them."""
    run = make_run()
    _, events = write_run(r.spool.root, run, packets(run, seconds=8))
    one = closed(events)[0].segment
    path = r.spool.path(one.segment.key)
    data = path.read_bytes()
    path.unlink()
    r.spool.part_path(one.segment.key).write_bytes(spoil(data))
    row = replace(one.segment, state=SegmentState.OPEN, sha256="", leaf_root="", rev=1)
    await r.catalogue.segments.put(replace(row, end_ns=row.start_ns + 200_000_000))
    return row, data


async def lost(r: Rig) -> list[Gap]:
    """All Gaps `lost`."""
    gaps = await r.catalogue.gaps.in_interval(STREAM, FOREVER)
    return [gap for gap in gaps if gap.cause is GapCause.LOST]


def aside(spool: Spool) -> list[Path]:
    """What was put aside."""
    return [path for path in (spool.root / "damaged").rglob("*") if path.is_file()]


async def test_a_damaged_beginning_costs_no_file(tmp_path: Path) -> None:
    """A flipped byte in the head of an open Segment: the file is kept aside, and its time is a Gap `lost`."""
    async with rig(tmp_path, start=False) as r:
        row, data = await open_part(r, lambda data: data[:5] + b"?" + data[6:])
        assert (await swept(r)).damaged == 1
        (kept,) = aside(r.spool)
        assert kept.stat().st_size == len(data)
        (gap,) = await lost(r)
        assert (gap.start_ns, gap.state) == (row.start_ns, GapState.CLOSED)
        found = await r.catalogue.segments.get(row.run, row.number)
        assert found is not None
        assert (found.state, found.end_ns) == (SegmentState.EXPIRED, gap.end_ns)
        assert await swept(r) == Swept()


async def test_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """An older program does not judge, cut or delete what a newer one wrote."""
    async with rig(tmp_path, start=False) as r:
        row, _ = await open_part(r, lambda data: data.replace(b'"version":1', b'"version":9'))
        with pytest.raises(FootageVersionError):
            examine(r.spool.part_path(row.key))
        assert (await swept(r)).damaged == 1
        assert list(r.spool.files()) == [(row.key, True)]
        assert await lost(r) == []


@pytest.mark.parametrize("fragment", [0, 5])
def test_what_no_crash_explains_is_not_cut_off(tmp_path: Path, fragment: int) -> None:
    """Damage before many whole fragments: they are kept, though the Segment ends before it."""
    run = make_run()
    spool, events = write_run(tmp_path / "whole", run, packets(run, seconds=8))
    one = closed(events)[0].segment
    data = bytearray(spool.path(one.segment.key).read_bytes())
    at = one.fragments[fragment].offset_bytes
    data[at + 36] ^= 0xFF
    spoilt = part_of(tmp_path / "spoilt", one.segment.key, bytes(data))
    if fragment == 0:
        with pytest.raises(FootageError):
            finish(spoilt, one.segment.key)
        assert [is_part for _, is_part in spoilt.files()] == [True]
        return
    found = finish(spoilt, one.segment.key)
    assert found is not None
    assert found.segment.fragments == one.fragments[:fragment]
    (rest,) = aside(spoilt)
    assert rest.read_bytes() == bytes(data[at:])


def test_zeros_before_the_end_do_not_count(tmp_path: Path) -> None:
    """Pages reach the disk in any order: a fragment of zeros ends the file though one behind it is whole."""
    run = make_run()
    spool, events = write_run(tmp_path / "whole", run, packets(run, seconds=4))
    one = closed(events)[0].segment
    data = bytearray(spool.path(one.segment.key).read_bytes())
    hurt, last = one.fragments[-3], one.fragments[-1]
    end = hurt.offset_bytes + hurt.size_bytes
    data[end - 60 : end] = bytes(60)
    found = finish(
        part_of(tmp_path / "cut", one.segment.key, bytes(data[: last.offset_bytes + last.size_bytes])), one.segment.key
    )
    assert found is not None
    assert found.segment.fragments == one.fragments[:-3]


@pytest.mark.parametrize("code", [errno.EIO, errno.EMFILE], ids=["EIO", "EMFILE"])
async def test_one_file_that_cannot_be_read_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """A bad sector is lost and said; what may be over soon is tried again; the sweep does the rest."""
    async with rig(tmp_path, start=False) as r:
        bad, _ = await open_part(r)
        good, _ = await open_part(r)
        real = os.pread

        def pread(fd: int, length: int, offset: int) -> bytes:
            if bad.run in str(Path(f"/proc/self/fd/{fd}").readlink()):
                raise OSError(code, os.strerror(code))
            return real(fd, length, offset)

        monkeypatch.setattr(os, "pread", pread)
        found = await swept(r)
        assert (found.closed, found.damaged, found.left) == (1, code == errno.EIO, code != errno.EIO)
        row = await r.catalogue.segments.get(good.run, good.number)
        assert row is not None
        assert row.state is SegmentState.SPOOLED
        assert len(await lost(r)) == (code == errno.EIO)
        monkeypatch.undo()
        if code != errno.EIO:
            r.start()
            await r.ready()

            async def there() -> bool:
                row = await r.catalogue.segments.get(bad.run, bad.number)
                return row is not None and row.state is SegmentState.SPOOLED

            await until_async(there)


async def test_a_spool_that_was_not_mounted_loses_nothing(tmp_path: Path) -> None:
    """Its footage is said to be lost while it is away, and is footage again when it is back; no file is deleted."""
    async with yard(tmp_path, start=False) as y:
        r, away = y.r, tmp_path / "away"
        await r.catalogue.segments.put(replace(y.rows[3], state=SegmentState.OPEN, rev=3))
        r.spool.root.rename(away)
        r.spool.root.mkdir()
        assert (await swept(r)).vanished == 1
        for row in y.rows[:3]:
            await say_lost(r.catalogue, row, row.node)
        assert len(await lost(r)) == 3
        r.spool.root.rmdir()
        away.rename(r.spool.root)
        found = await swept(r)
        assert (found.found, found.entered, found.removed) == (4, 4, 0)
        segments = await r.catalogue.segments.with_index(STREAM, FOREVER)
        assert [one.segment.sha256 for one in segments] == [row.sha256 for row in y.rows]
        assert {gap.state for gap in await lost(r)} == {GapState.REPAIRED}


async def test_a_damaged_file_is_lost_and_does_not_hold_up_the_others(tmp_path: Path) -> None:
    """A bit that flipped in the spool: the file is kept aside, its time is `lost`, the others are stored."""
    async with yard(tmp_path, start=False) as y:
        told = y.r.bus.subscribe("recorder.state")
        path = y.r.spool.path(y.rows[2].key)
        data = bytearray(path.read_bytes())
        data[-2000] ^= 1
        path.write_bytes(data)
        task = asyncio.create_task(y.uploader.run())
        await y.in_state(SegmentState.STORED, 3)
        await y.in_state(SegmentState.EXPIRED, 1)
        y.uploader.stop()
        await task
        assert (await told.get())[1]["kind"] == "damaged"
        assert [kept.read_bytes() for kept in aside(y.r.spool)] == [bytes(data)]
        (gap,) = await lost(y.r)
        assert (gap.start_ns, gap.end_ns) == (y.rows[2].start_ns, y.rows[2].end_ns)
