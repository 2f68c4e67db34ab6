"""After a crash: files cut, closed and entered, rows put right, at every place a crash can happen."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.examine import examine, finish
from recorder.spool import Spool, SpoolOptions
from recorder.sweep import Sweep, Swept
from tests.recorder.files import closed, complaints, demuxed, expected, write_run
from tests.recorder.rig import FOREVER, Rig, rig
from tests.recorder.synth import NODE, STREAM, aac_clip, make_run, packets, video_clip, video_track
from vms.domain.footage import Segment, SegmentState
from vms.domain.media import Codec, EndReason, Track
from vms.errors import FootageError


def written(root: Path, *, audio: bool = False) -> tuple[Segment, bytes, int]:
    """A small closed Segment: its row, its bytes, and where its closing box begins."""
    track = [Track(1, Codec.AAC, aac_clip()[0], sample_rate=48_000, channels=1)] if audio else []
    run = make_run(video_track(video_clip(size=(32, 32))), *track)
    sent = packets(run, video_clip(size=(32, 32)), seconds=1.2, audio=aac_clip()[1] if audio else ())
    spool, events = write_run(root, run, sent)
    one = closed(events)[0].segment
    last = one.fragments[-1]
    return one.segment, spool.path(one.segment.key).read_bytes(), last.offset_bytes + last.size_bytes


def part_of(root: Path, key: str, data: bytes) -> Spool:
    """A spool with one `.part` of these bytes."""
    spool = Spool(SpoolOptions(root))
    path = spool.part_path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return spool


@pytest.mark.parametrize("audio", [False, True], ids=["video", "audio too"])
def test_a_file_cut_anywhere_is_closed_at_its_last_whole_fragment(tmp_path: Path, audio: bool) -> None:
    """At every cut point: nothing, or a closed file with every sample up to the last whole fragment."""
    row, data, tail_at = written(tmp_path / "whole", audio=audio)
    whole = examine(tmp_path / "whole" / row.key)
    assert whole is not None
    ends = [fragment.offset_bytes + fragment.size_bytes for fragment in whole.segment.fragments]
    points = {n for end in [whole.segment.segment.init_bytes, *ends] for n in (end - 1, end, end + 1, end + 40)}
    points |= set(range(0, len(data), 331)) | {tail_at + 8, len(data) - 1}
    for cut in sorted(points):
        spool = part_of(tmp_path / "cut", row.key, data[:cut])
        found = finish(spool, row.key)
        kept = sum(end <= cut for end in ends)
        if kept == 0:
            assert found is None
            assert list(spool.files()) == []
            continue
        assert found is not None
        assert found.closed
        assert found.segment.fragments == whole.segment.fragments[:kept]
        again = examine(spool.path(row.key))
        assert again == found
        spool.remove(row.key)


def test_a_cut_file_plays(tmp_path: Path) -> None:
    """ffprobe and ffmpeg have nothing to say of a file that the sweep closed."""
    run = make_run()
    sent = list(packets(run, seconds=3))
    spool, events = write_run(tmp_path / "whole", run, sent)
    key = closed(events)[0].segment.segment.key
    data = spool.path(key).read_bytes()
    cut = part_of(tmp_path / "cut", key, data[: len(data) * 2 // 3])
    assert finish(cut, key) is not None
    assert complaints(cut.path(key)) == ""
    got = demuxed(cut.path(key))
    assert got == expected(sent)[: len(got)]
    assert len(got) > 40


def test_pages_of_zeros_do_not_count(tmp_path: Path) -> None:
    """After a loss of power a fragment can be there by its size and hold zeros: it is cut off."""
    row, data, tail_at = written(tmp_path / "whole")
    zeros = data[: tail_at - 50] + bytes(50)
    found = finish(part_of(tmp_path / "cut", row.key, zeros), row.key)
    assert found is not None
    assert found.whole_bytes < tail_at - 50


def test_it_can_be_killed_at_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever call of the system is the last one, the next sweep ends as if nothing had been."""
    row, data, tail_at = written(tmp_path / "whole")
    reference = finish(part_of(tmp_path / "reference", row.key, data[: tail_at - 10]), row.key)
    for step in range(300):
        spool = part_of(tmp_path / f"step{step}", row.key, data[: tail_at - 10])
        left = step

        class KilledError(BaseException):
            """The process dies here."""

        def counted(name: str):  # type: ignore[no-untyped-def]
            real = getattr(os, name)

            def call(*args, **kwargs):  # type: ignore[no-untyped-def]
                nonlocal left
                if left == 0:
                    raise KilledError
                left -= 1
                return real(*args, **kwargs)

            return call

        with monkeypatch.context() as patch:
            for name in ("open", "pread", "fsync", "rename"):
                patch.setattr(os, name, counted(name))
            try:
                finish(spool, row.key)
                done = True
            except KilledError:
                done = False
        if (found := None if spool.holds(row.key) else finish(spool, row.key)) is None:
            found = examine(spool.path(row.key))
        assert found == reference
        if done:
            return
    pytest.fail("the sweep never came to its end")


def test_a_closed_file_that_is_damaged_is_not_touched(tmp_path: Path) -> None:
    """Evidence is not repaired: a flipped byte in a closed file leaves it as it is, and it is said."""
    row, data, tail_at = written(tmp_path / "whole")
    path = tmp_path / "whole" / row.key
    path.write_bytes(data[: tail_at - 3] + bytes([data[tail_at - 3] ^ 1]) + data[tail_at - 2 :])
    found = examine(path)
    assert found is not None
    assert not found.closed
    with pytest.raises(FootageError):
        finish(part_of(tmp_path / "whole", row.key, data), row.key)


async def swept(r: Rig) -> Swept:
    """One sweep of a rig's spool."""
    with ThreadPoolExecutor(1) as executor:
        return await Sweep(r.catalogue, r.spool, NODE, executor, lambda _run: False).run()


async def test_rows_follow_the_files(tmp_path: Path) -> None:
    """Files without rows, rows without files, rows that say open, Runs without end: all as the files say, once."""
    async with rig(tmp_path, start=False) as r:
        run = make_run()
        _, events = write_run(r.spool.root, run, packets(run, seconds=5), segment_s=1)
        rows = [one.segment.segment for one in closed(events)]
        parts = {one.segment.segment.number: r.spool.path(one.segment.segment.key) for one in closed(events)}
        open_row = replace(rows[1], state=SegmentState.OPEN, sha256="", leaf_root="", rev=1)
        await r.catalogue.runs.put(run)
        await r.catalogue.segments.put(open_row)
        lost = replace(rows[2], state=SegmentState.OPEN, sha256="", leaf_root="", rev=1)
        await r.catalogue.segments.put(lost)
        parts[2].unlink()
        await r.catalogue.segments.put(replace(rows[3], state=SegmentState.STORED, rev=3))
        cut = parts[4].read_bytes()[:-4000]
        r.spool.part_path(rows[4].key).write_bytes(cut)
        parts[4].unlink()
        empty = r.spool.part_path(rows[0].key.replace(run.id, "zzzz"))
        empty.write_bytes(b"\x00\x00")

        first = await swept(r)
        assert first == Swept(closed=1, entered=2, empty=1, vanished=1, removed=1, runs=1)
        found = await r.catalogue.segments.with_index(STREAM, FOREVER)
        states = {one.segment.number: one.segment.state for one in found}
        assert states == {0: SegmentState.SPOOLED, 1: SegmentState.SPOOLED, 4: SegmentState.SPOOLED}
        assert found[0].segment == rows[0]
        assert (found[1].segment.sha256, found[1].segment.rev) == (rows[1].sha256, 2)
        assert found[2].segment.end_ns < rows[4].end_ns
        ended = await r.catalogue.runs.get(run.id)
        assert ended is not None
        assert (ended.end_ns, ended.end_reason) == (rows[3].end_ns, EndReason.NODE_DOWN) or (
            ended.end_ns == found[2].segment.end_ns
        )
        gone = await r.catalogue.segments.get(run.id, 2)
        assert gone is not None
        assert (gone.state, gone.end_ns) == (SegmentState.EXPIRED, gone.start_ns)

        assert await swept(r) == Swept()
        assert [one.segment for one in await r.catalogue.segments.with_index(STREAM, FOREVER)] == [
            one.segment for one in found
        ]


async def test_an_empty_catalogue_is_filled_from_files(tmp_path: Path) -> None:
    """Files alone give Runs and Segments."""
    async with rig(tmp_path, start=False) as r:
        run = make_run()
        _, events = write_run(r.spool.root, run, packets(run, seconds=3), segment_s=1)
        assert (await swept(r)).entered == 3
        found = await r.catalogue.runs.get(run.id)
        assert found is not None
        assert (found.info, found.clock, found.end_reason) == (run.info, run.clock, EndReason.NODE_DOWN)
        assert await r.catalogue.segments.in_interval(STREAM, FOREVER) == [
            one.segment.segment for one in closed(events)
        ]
