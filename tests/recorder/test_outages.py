"""While the catalogue, the disk or a single Packet fails, whatever can go on does, in bounded memory."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from recorder import facts
from recorder.spool import Spool, SpoolOptions
from tests.recorder.rig import (
    FOREVER,
    HOT,
    Disk,
    Rig,
    camera,
    rig,
    rows_of,
    seamless,
    until,
    until_async,
    until_gap,
    until_spooled,
)
from tests.recorder.synth import CAMERA, STREAM, make_run, packets
from vms.clock import NS_PER_S
from vms.domain.camera import Camera, StreamName, StreamRef
from vms.domain.footage import IndexedSegment
from vms.domain.gap import GapCause, GapState
from vms.domain.media import EndReason, RunEnded
from vms.errors import CatalogueError
from vms.store.cameras import Cameras
from vms.store.segments import Segments


async def hot(r: Rig) -> list[IndexedSegment]:
    """The hot tail."""
    answer = await r.bus.request(HOT, {})
    return list(answer["segments"])


@pytest.mark.parametrize("how", ["told of a change", "met a new Stream"])
async def test_a_change_while_the_catalogue_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Who records goes on recording, in the same Segment; the change is learnt when the catalogue is back."""
    other = StreamRef("cam3333333333333", StreamName.MAIN)
    async with rig(tmp_path, segment_s=60) as r:
        run = make_run()
        sent = list(packets(run, seconds=4))
        r.play(run, sent[:50])
        await until_async(lambda: hot(r))
        await r.catalogue.cameras.add(camera(other.camera))
        real, asked = Cameras.list, 0

        async def away(*_args: object, **_more: object) -> list[Camera]:
            nonlocal asked
            asked += 1
            raise CatalogueError("the catalogue is away")

        monkeypatch.setattr(Cameras, "list", away)
        strange = make_run(stream=other)
        if how == "told of a change":
            r.bus.publish("cameras.changed", {"camera": CAMERA})
        else:
            r.play(strange, packets(strange, seconds=1))
        await until(lambda: asked > 1)
        assert r.recording.health().ok
        r.publish(sent[50:])
        r.publish([RunEnded(STREAM, run.id, run.start_ns + 4 * NS_PER_S, EndReason.CAMERA_UNREACHABLE, 100)])
        await until_spooled(r, 1)
        (one,) = (await rows_of(r))[0]
        assert (one.number, one.end_ns - one.start_ns) == (0, 4 * NS_PER_S)
        monkeypatch.setattr(Cameras, "list", real)

        async def learnt() -> bool:
            return bool(await r.catalogue.gaps.in_interval(other, FOREVER))

        await until_async(learnt)


async def test_a_run_that_cannot_be_written_is_asked_for_anew(tmp_path: Path) -> None:
    """One Packet that no file can hold costs a Gap until the next Run, not the rest of the connection."""
    async with rig(tmp_path) as r:
        run = make_run()
        sent = list(packets(run, seconds=2))
        sent[30] = replace(sent[30], pts_90k=1 << 40)
        r.play(run, sent)
        await until_gap(r, GapCause.STREAM_CORRUPT, GapState.OPEN)
        await until(lambda: r.asked == [run.id])
        again = make_run(start_ns=run.start_ns + 10 * NS_PER_S)
        r.publish([RunEnded(STREAM, run.id, run.start_ns + 2 * NS_PER_S, EndReason.OVERLOAD, 50)])
        r.play(again, packets(again, seconds=2), reason=EndReason.CAMERA_UNREACHABLE)
        await until_gap(r, GapCause.CAMERA_UNREACHABLE, GapState.OPEN)
        await until_spooled(r, 2)
        seamless(*await rows_of(r))


async def test_what_a_full_disk_left_open_is_replayable_at_once(tmp_path: Path) -> None:
    """Until its file can be closed, the hot tail has it."""
    disk = Disk()
    async with rig(tmp_path, segment_s=60, spool=Spool(SpoolOptions(tmp_path / "spool"), write=disk.write)) as r:
        run = make_run()
        sent = list(packets(run, seconds=4))
        r.play(run, sent[:60])

        async def written() -> int:
            return sum(f.duration_90k for one in await hot(r) for f in one.fragments)

        await until_async(lambda: hot(r))
        disk.code = errno.ENOSPC
        r.publish(sent[60:])
        await until_gap(r, GapCause.SPOOL_FULL, GapState.OPEN)
        before = await written()
        assert before > 0
        disk.code = 0
        await until_spooled(r, 1)
        assert await hot(r) == []
        ((one,), gaps) = await rows_of(r)
        assert one.end_ns - one.start_ns == before * 100_000 // 9
        seamless([one], gaps)


async def test_what_could_not_be_synced_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a sync that failed another one proves nothing: the file that is kept is a new one, with the same bytes."""
    async with rig(tmp_path, segment_s=60) as r:
        real, refused = os.fsync, set[int]()

        def fsync(fd: int) -> None:
            found = os.fstat(fd)
            if stat.S_ISREG(found.st_mode) and not refused:
                refused.add(found.st_ino)
                raise OSError(errno.EIO, "Input/output error")
            real(fd)

        monkeypatch.setattr(os, "fsync", fsync)
        run = make_run()
        r.play(run, packets(run, seconds=2), reason=EndReason.CAMERA_UNREACHABLE)
        await until_spooled(r, 1)
        ((one,), gaps) = await rows_of(r)
        path = r.spool.path(one.key)
        assert path.stat().st_ino not in refused
        assert hashlib.sha256(path.read_bytes()).hexdigest() == one.sha256
        assert [key for key, _ in r.spool.files()] == [one.key]
        seamless([one], gaps)


async def test_memory_is_bounded_while_the_catalogue_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above a limit neither the queue nor the hot tail holds indices; they are read from the files again."""
    monkeypatch.setattr(facts, "MAX_WAITING_FRAGMENTS", 12)
    async with rig(tmp_path, segment_s=1) as r:
        real = Segments.put

        async def away(*_args: object) -> bool:
            raise CatalogueError("the catalogue is away")

        monkeypatch.setattr(Segments, "put", away)
        run = make_run()
        r.play(run, packets(run, seconds=8), reason=EndReason.CAMERA_UNREACHABLE)
        await until(lambda: len([1 for _, is_part in r.spool.files() if not is_part]) == 8)

        async def few() -> bool:
            return sum(len(one.fragments) for one in await hot(r)) <= 20

        await until_async(few)
        monkeypatch.setattr(Segments, "put", real)
        await until_spooled(r, 8)
        assert all(one.fragments for one in await r.catalogue.segments.with_index(STREAM, FOREVER))
