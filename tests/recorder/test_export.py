"""Exports: packages of footage, what players present of them, and how a Job lives (bar D7)."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import random
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from recorder.export_file import FilePlan
from recorder.export_plan import after
from recorder.footage import Part
from recorder.verify import Verdict, verify
from recorder.zip_layout import ZipLayout, ZipMember
from tests.recorder.exporting import exports
from tests.recorder.files import complaints
from tests.recorder.shelf import Shelf
from tests.recorder.synth import NODE, START_NS, STREAM, Unit, make_run, packets, video_clip, video_track
from vms.domain.footage import Segment, SegmentState
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.interval import Interval
from vms.domain.job import JobState
from vms.objects.folder import FolderStore

S = 1_000_000_000
FOOTAGE = "footage/sampit-pasar-01-main.mp4"
RANDOM_EXPORTS = 20


def unpacked(path: Path, into: Path) -> Path:
    """The members as files; the ZIP is sound."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(into)
    return into


def statement(folder: Path) -> dict[str, Any]:
    """What the manifest states."""
    return dict(json.loads((folder / "manifest.json").read_bytes())["statement"])


def presented(path: Path) -> list[bytes]:
    """Pictures that a player shows, in order, with the edit list applied: what decodes and is not to be thrown away."""
    with av.open(str(path)) as container:
        pictures = [frame for frame in container.decode(video=0) if frame.pts is not None and frame.pts >= 0]
    return [hashlib.sha256(frame.to_ndarray(format="gray").tobytes()).digest() for frame in pictures]


async def test_a_package_is_a_closed_list_of_plain_files(tmp_path: Path) -> None:
    """Each member is in the manifest with size and SHA-256; footage has no complaint; gaps and names are said."""
    async with exports(tmp_path) as made:
        run = make_run()
        await made.shelf.record(run, packets(run, seconds=10), segment_s=3)
        gap = Gap(
            "g" * 16, STREAM, run.site, run.node, START_NS + 10 * S, None, GapCause.CAMERA_UNREACHABLE, GapState.OPEN
        )
        await made.shelf.catalogue.gaps.put(gap)
        window = Interval(START_NS + 2_500_000_000, START_NS + 12 * S)
        out = unpacked(await made.package(window, tmp_path / "package.zip"), tmp_path / "out")
    said = statement(out)
    there = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    listed = {name: (size, sha256) for name, size, sha256 in said["members"]}
    assert set(there) == {*listed, "manifest.json"}
    for name, (size, sha256) in listed.items():
        data = there[name].read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (size, sha256)
    assert complaints(out / FOOTAGE) == ""
    assert (said["reason"], said["person"]["name"], said["cameras"][0]["name"]) == (
        "Kasus 12",
        "Ratna <Penyidik>",
        "Pasar Besar",
    )
    assert [gap["cause"] for gap in said["cameras"][0]["gaps"]] == ["camera_unreachable"]
    assert said["runs"][0]["checkpoint"] in listed
    for page in ("index.html", "report.html"):
        text = (out / page).read_text()
        assert "Pasar Besar" in text
        assert "<Penyidik>" not in text
        assert "http" not in text.replace("http-equiv", "")


@pytest.mark.parametrize("b_frames", [0, 2])
async def test_a_player_presents_just_what_was_asked(tmp_path: Path, b_frames: int) -> None:
    """Random intervals: the frames shown are those whose time lies in it, whatever the order of decoding."""
    chance = random.Random(7 + b_frames)
    clip = video_clip(b_frames=b_frames, preset="medium" if b_frames else "ultrafast")
    known = {picture: number for number, picture in enumerate(decoded(clip))}
    late_90k = min(unit.pts_90k for unit in clip)
    times = [START_NS + (late_90k + 3600 * k) * 100_000 // 9 for k in range(300)]
    async with exports(tmp_path) as made:
        run = make_run(video_track(clip))
        await made.shelf.record(run, packets(run, clip, seconds=12), segment_s=3)
        for n in range(RANDOM_EXPORTS // 2):
            start = START_NS + round(chance.uniform(0.5, 9) * S)
            end = start + round(chance.uniform(0.1, 2.5) * S)
            out = unpacked(await made.package(Interval(start, end), tmp_path / f"{n}.zip"), tmp_path / f"out{n}")
            wanted = [k % 50 for k, at in enumerate(times) if start <= at < end]
            assert [known.get(picture) for picture in presented(out / FOOTAGE)] == wanted, n
            if n == 0:
                assert complaints(out / FOOTAGE) == ""


def decoded(clip: tuple[Unit, ...]) -> list[bytes]:
    """The pictures of a clip in the order in which they are shown."""
    decoder = av.CodecContext.create("h264", "r")
    frames = [frame for unit in clip for frame in decoder.decode(av.Packet(unit.payload))] + decoder.decode(None)
    return [hashlib.sha256(frame.to_ndarray(format="gray").tobytes()).digest() for frame in frames]


async def test_runs_of_another_size_are_files_of_their_own(tmp_path: Path) -> None:
    """In order of time, each sound, all of it proved; Runs of one size follow each other in one file."""
    async with exports(tmp_path) as made:
        small, large = video_clip(), video_clip(size=(192, 112))
        for start_s, clip, size in ((0, small, (160, 96)), (10, small, (160, 96)), (20, large, (192, 112))):
            run = make_run(video_track(clip, size=size), start_ns=START_NS + start_s * S)
            await made.shelf.record(run, packets(run, clip, seconds=4), segment_s=3)
        path = await made.package(Interval(START_NS + S, START_NS + 23 * S), tmp_path / "package.zip")
        assert verify(path, made.key.fingerprint).verdict is Verdict.INTACT
    out = unpacked(path, tmp_path / "out")
    files = [file["member"] for file in statement(out)["cameras"][0]["files"]]
    assert files == [FOOTAGE, FOOTAGE.replace(".mp4", "-2.mp4")]
    assert [len(presented(out / name)) for name in files] == [175, 75]
    for name in files:
        assert complaints(out / name) == ""


async def test_what_was_finished_before_a_restart_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Job goes on by itself; the file that was whole keeps its bytes and its time."""
    shelf = await Shelf.build(tmp_path, {"home": FolderStore("home", tmp_path / "objects")}, NODE)
    run = make_run()
    await shelf.record(run, packets(run, seconds=4), segment_s=3)
    async with exports(tmp_path, shelf) as made:
        whole = asyncio.Event()

        async def never(_extents: Any) -> Any:
            whole.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(made.exporter._parts.search, "prove", never)
        job = await made.ask(Interval(START_NS, START_NS + 3 * S))
        await asyncio.wait_for(whole.wait(), 20)
        before = (made.folder / job.id / FOOTAGE).stat()
    async with exports(tmp_path, shelf) as made:
        done = await made.ended(job)
        after = (made.folder / job.id / FOOTAGE).stat()
        assert (done.state, before.st_mtime_ns, before.st_ino) == (JobState.DONE, after.st_mtime_ns, after.st_ino)
        assert verify(await made.download(done, tmp_path / "p.zip"), made.key.fingerprint).verdict is Verdict.INTACT
        settled = made.folder / job.id / "settled"
        async with asyncio.timeout(10):
            while not settled.exists():
                await asyncio.sleep(0.01)
    settled.unlink()  # as if the power had failed before all of it was on the disk
    async with exports(tmp_path, shelf) as made:
        async with asyncio.timeout(20):
            while not settled.exists():
                await asyncio.sleep(0.01)
        assert (await made.ended(job)).state is JobState.DONE
        assert (made.folder / job.id / FOOTAGE).stat().st_mtime_ns > after.st_mtime_ns
    await shelf.close()


async def test_what_comes_to_be_known_too_late_is_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that arrive while files are made: the manifest does not claim footage that is in none of them."""
    async with exports(tmp_path) as made:
        run = make_run()
        await made.shelf.record(run, packets(run, seconds=4), segment_s=3)
        prove = made.exporter._parts.search.prove

        async def late(extents: Any) -> Any:
            other = make_run(start_ns=START_NS + 10 * S)
            await made.shelf.record(other, packets(other, seconds=4), segment_s=3)
            return await prove(extents)

        monkeypatch.setattr(made.exporter._parts.search, "prove", late)
        window = Interval(START_NS, START_NS + 14 * S)
        out = unpacked(await made.package(window, tmp_path / "package.zip"), tmp_path / "out")
    (camera,) = statement(out)["cameras"]
    missing = sum(gap["to_ns"] - gap["from_ns"] for gap in camera["gaps"])
    assert (camera["recorded_ns"] + missing, missing) == (14 * S, 10 * S)


def test_a_file_that_was_finished_is_known_by_all_that_it_is_made_of() -> None:
    """Not by its size: another Segment of as many bytes, or a clock that was corrected since, is another file."""
    run = make_run()
    segment = Segment(run.id, 0, run.stream, run.site, run.node, 1, 0, 60 * S, SegmentState.STORED)
    part = Part(segment, 100, 300, 0, 3 * S, fresh=True)
    plan = FilePlan("footage/a.mp4", "proof/a.jsonl", [part], {}, {run.id: 0, "other": 7}, Interval(0, 3 * S))
    others = [
        replace(plan, parts=[replace(part, segment=replace(segment, number=1))]),
        replace(plan, parts=[replace(part, offset=200)]),
        replace(plan, corrections={run.id: 5}),
        replace(plan, interval=Interval(1, 3 * S)),
    ]
    assert len({plan.made_of, *(one.made_of for one in others)}) == 5
    assert replace(plan, corrections={}).made_of == plan.made_of


async def test_packages_under_way_share_the_room(tmp_path: Path) -> None:
    """What another has yet to write is not free; when it has ended its room is given back."""
    async with exports(tmp_path) as made:
        run = make_run()
        await made.shelf.record(run, packets(run, seconds=4), segment_s=3)
        parts = made.exporter._parts
        found = os.statvfs(tmp_path)
        parts.reserved[tmp_path / "another"] = found.f_bavail * found.f_frsize
        window = Interval(START_NS, START_NS + 3 * S)
        refused = await made.ended(await made.ask(window))
        assert (refused.state, refused.reason) == (JobState.FAILED, "export_room")
        assert list(parts.reserved) == [tmp_path / "another"]
        parts.reserved.clear()
        assert (await made.ended(await made.ask(window))).state is JobState.DONE
        assert parts.reserved == {}


async def test_a_job_that_nobody_foresaw_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not begun again for ever, and the next one is made."""
    async with exports(tmp_path) as made:
        run = make_run()
        await made.shelf.record(run, packets(run, seconds=4), segment_s=3)

        async def broken(*_arguments: Any) -> Any:
            raise IndexError("list index out of range")

        monkeypatch.setattr(made.exporter._parts.planner, "plan", broken)
        window = Interval(START_NS, START_NS + 3 * S)
        failed = await made.ended(await made.ask(window), 10)
        monkeypatch.undo()
        assert (failed.state, failed.why) == (JobState.FAILED, "IndexError")
        assert (await made.ended(await made.ask(window))).state is JobState.DONE


async def test_checkpoints_of_a_former_home_store_vouch(tmp_path: Path) -> None:
    """A Site that has another home Store by now: what was recorded before is proved as before."""
    stores = {"home": FolderStore("home", tmp_path / "objects"), "former": FolderStore("former", tmp_path / "former")}
    shelf = await Shelf.build(tmp_path, stores, NODE)
    async with exports(tmp_path, shelf) as made:
        run = make_run()
        await shelf.record(run, packets(run, seconds=4), segment_s=3)
        window = Interval(START_NS, START_NS + 3 * S)
        await made.package(window, tmp_path / "first.zip")
        for listed in list(stores["home"].list("checkpoints/")):
            data = stores["home"].get(listed.key)
            stores["former"].put_bytes(listed.key, data, metadata={}, content_type="application/json")
            stores["home"].delete(listed.key)
        found = verify(await made.package(window, tmp_path / "second.zip"), made.key.fingerprint)
        assert (found.verdict, found.notes) == (Verdict.INTACT, [])
    await shelf.close()


async def test_a_cancelled_export_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does one of which nothing is recorded, and that says so."""
    async with exports(tmp_path) as made:
        run = make_run()
        await made.shelf.record(run, packets(run, seconds=4), segment_s=3)
        hold, held = asyncio.Event(), asyncio.Event()
        plain = made.exporter._parts.planner.plan

        async def slow(*arguments: Any) -> Any:
            held.set()
            await hold.wait()
            return await plain(*arguments)

        monkeypatch.setattr(made.exporter._parts.planner, "plan", slow)
        job = await made.ask(Interval(START_NS, START_NS + 3 * S))
        await asyncio.wait_for(held.wait(), 20)
        assert await made.shelf.catalogue.jobs.cancel(job.id, 1)
        hold.set()
        monkeypatch.undo()
        nothing = await made.ended(await made.ask(Interval(START_NS - 60 * S, START_NS - 30 * S)))
        assert (nothing.state, nothing.reason) == (JobState.FAILED, "export_empty")
        found = await made.ended(job)
        assert found.state is JobState.CANCELLED
        async with asyncio.timeout(10):
            while list(made.folder.iterdir()):
                await asyncio.sleep(0.01)


async def test_a_zip_of_any_size_opens() -> None:
    """Headers of members beyond 4 GB and beyond 65,535 of them are those that other programs read (ZIP64)."""
    layout = ZipLayout([ZipMember("a", 3, 1), ZipMember("large", 6 << 30, 2), ZipMember("b", 5, 3)], START_NS)
    start = layout.size - 400
    tail = b"".join(piece.data for piece in layout.pieces(start, 400))
    assert b"PK\x06\x06" in tail
    whole = list(layout.pieces(0, layout.size))
    assert sum(piece.size for piece in whole) == layout.size
    assert [piece.member for piece in whole if piece.member] == ["a", "large", "b"]
    many = ZipLayout([ZipMember(str(n), 0, 0) for n in range(70_000)], START_NS)
    data = b"".join(piece.data for piece in many.pieces(0, many.size))
    assert len(zipfile.ZipFile(io.BytesIO(data)).namelist()) == 70_000


def test_what_two_windows_have_is_exported_once() -> None:
    """The group of pictures that reaches over the end of a window; what goes on there goes on in the file too."""
    run = make_run()
    segment = Segment(run.id, 0, run.stream, run.site, run.node, 1, 0, 60 * S, SegmentState.STORED)
    before = Part(segment, 100, 300, 0, 3 * S, fresh=True)
    again = Part(segment, 300, 500, 2 * S, 8 * S, fresh=True)
    other = Part(replace(segment, number=1), 100, 50, 8 * S, 9 * S, fresh=False)
    (rest, same) = after(before, [again, other])
    assert (rest.offset, rest.size, rest.start_ns, rest.end_ns, rest.fresh) == (400, 400, 3 * S, 8 * S, False)
    assert same == other
    assert after(before, [Part(segment, 300, 100, 2 * S, 3 * S, fresh=True)]) == []
