"""What a writer leaves on the disk, in order and after errors."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from recorder.examine import examine, finish
from recorder.segmenter import CutOptions, Segmenter
from recorder.spool import Spool, SpoolOptions
from recorder.writer import Closed, Opened, RunWriter, Stopped, WriterEvent
from tests.recorder.files import closed, demuxed, expected, write_run
from tests.recorder.synth import make_run, packets
from vms.domain.footage import SegmentState
from vms.proof import chain


class FailingDisk:
    """os.write that fails once `left` bytes are written, until `mend`ed."""

    def __init__(self, left: int, code: int = errno.ENOSPC) -> None:
        self.left: int | None = left
        self._code = code

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """As os.write; the last one before the failure is short, as a full disk makes it."""
        if self.left is None:
            return os.write(fd, data)
        if self.left == 0:
            raise OSError(self._code, os.strerror(self._code))
        done = os.write(fd, data[: self.left])
        self.left -= done
        return done

    def mend(self) -> None:
        """The disk works again."""
        self.left = None


def run_on(disk: FailingDisk, root: Path, seconds: float) -> tuple[Spool, RunWriter, list[WriterEvent]]:
    """Write a Run to a disk that fails somewhere."""
    root.mkdir(exist_ok=True)
    spool, events, run = Spool(SpoolOptions(root), write=disk.write), list[WriterEvent](), make_run()
    writer, segmenter = RunWriter(run, spool, {}, events.append), Segmenter(run.info, CutOptions(segment_s=1))
    for packet in packets(run, seconds=seconds):
        writer.append(segmenter.push(packet))
    writer.append(segmenter.finish())
    writer.stop()
    return spool, writer, events


def test_hashes_roots_and_chain_are_those_of_the_file(tmp_path: Path) -> None:
    """What the row will say is what reading the file says, and each Segment names the head before it."""
    run = make_run()
    spool, events = write_run(tmp_path, run, packets(run, seconds=6), segment_s=2)
    found = [one.segment for one in closed(events)]
    for one in found:
        path = spool.path(one.segment.key)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == one.segment.sha256
        read = examine(path)
        assert read is not None
        assert read.closed
        assert read.segment == one
        assert read.head.names == {"camera": "Pasar Besar"}
    assert [(one.segment.first_gop, one.segment.gops) for one in found] == [(0, 2), (2, 2), (4, 2)]
    assert found[0].segment.previous_root == ""
    for a, b in pairwise(one.segment for one in found):
        assert b.previous_root == chain.head(run.id, a.number, a.previous_root, a.leaf_root)


def test_the_hot_tail_grows_and_is_open(tmp_path: Path) -> None:
    """While it is written a Segment shows what is whole in the file, and a closed one until it is known."""
    spool, events, run = Spool(SpoolOptions(tmp_path)), list[WriterEvent](), make_run()
    writer, segmenter = RunWriter(run, spool, {}, events.append), Segmenter(run.info, CutOptions(segment_s=1))
    seen = []
    for packet in packets(run, seconds=2.5):
        writer.append(segmenter.push(packet))
        seen.append([(one.segment.number, len(one.fragments)) for one in writer.snapshots()])
    assert seen[0] == []
    assert [(0, 5), (1, 5), (2, 2)] in seen
    for one in writer.snapshots():
        assert one.segment.state is SegmentState.OPEN
        assert one.segment.sha256 == ""
        data = spool.read(one.segment.key, 0, 1 << 30)
        assert len(data) >= one.segment.size_bytes
        assert one.fragments[-1].offset_bytes + one.fragments[-1].size_bytes <= one.segment.size_bytes
    writer.settled(0)
    assert [one.segment.number for one in writer.snapshots()] == [1, 2]
    writer.stop()
    assert [type(event) for event in events[-2:]] == [Closed, Stopped]


@pytest.mark.parametrize("left", [0, 10, 3_000, 20_000, 60_000])
def test_a_full_disk_stops_the_writer_once(tmp_path: Path, left: int) -> None:
    """It says where footage ends; the rest is closed when there is room again, and every sample told of is there."""
    disk = FailingDisk(left)
    spool, _, events = run_on(disk, tmp_path / "spool", 4)
    stops = [event for event in events if isinstance(event, Stopped)]
    assert len(stops) == 1
    assert isinstance(stops[0].error, OSError)
    for event in events:
        if isinstance(event, Closed):
            spool.settle(event.part)
    disk.mend()
    for key, is_part in list(spool.files()):
        if is_part:
            assert stops[0].left is not None
            assert key == stops[0].left.key
            assert (found := finish(spool, key)) is not None
            assert found.segment.segment.end_ns == stops[0].end_ns
    files = [spool.path(key) for key, _ in spool.files()]
    sent = expected(packets(make_run(), seconds=4))
    got = [sample for path in files for sample in demuxed(path)]
    assert got == sent[: len(got)]
    assert (len(got) > 0) == (left >= 10_000)
    assert len(files) == len([event for event in events if isinstance(event, Opened)])


def test_a_failure_of_sync_stops_the_writer(tmp_path: Path) -> None:
    """What fdatasync could not make durable is told by the next append."""
    spool, events, run = Spool(SpoolOptions(tmp_path)), list[WriterEvent](), make_run()
    writer, segmenter = RunWriter(run, spool, {}, events.append), Segmenter(run.info, CutOptions())

    def broken(_fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    for n, packet in enumerate(packets(run, seconds=2)):
        writer.append(segmenter.push(packet))
        if n == 20:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(os, "fdatasync", broken)
                spool.sync()
    (stop,) = [event for event in events if isinstance(event, Stopped)]
    assert isinstance(stop.error, OSError)
    assert stop.left is not None


def test_what_no_file_can_hold_ends_the_run(tmp_path: Path) -> None:
    """A presentation time beyond 32 bits of offset: the Run ends there, what was before it is kept."""
    run = make_run()
    sent = list(packets(run, seconds=2))
    sent[30] = replace(sent[30], pts_90k=1 << 40)
    spool, events, segmenter = Spool(SpoolOptions(tmp_path)), list[WriterEvent](), Segmenter(run.info, CutOptions())
    writer = RunWriter(run, spool, {}, events.append)
    for packet in sent:
        writer.append(segmenter.push(packet))
    (stop,) = [event for event in events if isinstance(event, Stopped)]
    assert not isinstance(stop.error, OSError)
    assert stop.left is not None
    assert [one.segment for one in writer.snapshots()] == [stop.left]
    found = finish(spool, stop.left.key)
    assert found is not None
    assert found.segment.segment.end_ns == stop.end_ns == run.start_ns + 30 * 40_000_000
