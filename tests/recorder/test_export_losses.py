"""Exports of footage that is lost, was changed, or lies behind a line that is cut."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from recorder.verify import Verdict, verify
from tests.recorder.exporting import exports
from tests.recorder.files import complaints
from tests.recorder.shelf import Shelf
from tests.recorder.synth import NODE, START_NS, make_run, packets
from tests.recorder.test_export import FOOTAGE, S, presented, statement, unpacked
from vms.domain.interval import Interval
from vms.domain.job import JobState
from vms.errors import ObjectUnavailableError
from vms.objects.folder import FolderStore


async def test_what_is_lost_is_left_out_and_said(tmp_path: Path) -> None:
    """A Segment that is gone and one that is damaged: the rest is a sound file, proved, with two Gaps `lost`."""
    async with exports(tmp_path) as made:
        run = make_run()
        found = await made.shelf.record(run, packets(run, seconds=15), segment_s=3)
        store = made.shelf.stores["home"]
        store.delete(found[0].segment.key)
        path = tmp_path / "objects" / found[2].segment.key
        data = bytearray(path.read_bytes())
        data[found[2].fragments[4].offset_bytes + 4] ^= 1
        path.chmod(0o600)
        path.write_bytes(data)
        package = await made.package(Interval(START_NS, START_NS + 15 * S), tmp_path / "package.zip")
        assert verify(package, made.key.fingerprint).verdict is Verdict.INTACT
    out = unpacked(package, tmp_path / "out")
    assert complaints(out / FOOTAGE) == ""
    assert len(presented(out / FOOTAGE)) == 9 * 25
    gaps = statement(out)["cameras"][0]["gaps"]
    assert [(gap["cause"], (gap["from_ns"] - START_NS) // S) for gap in gaps] == [("lost", 0), ("lost", 6)]


async def test_what_was_changed_in_the_store_is_left_out_and_said(tmp_path: Path) -> None:
    """One group of pictures, or a Segment whose leaves are not the catalogue's; in Job, manifest and notes."""
    async with exports(tmp_path) as made:
        run = make_run()
        found = await made.shelf.record(run, packets(run, seconds=12), segment_s=3)
        path = tmp_path / "objects" / found[1].segment.key
        data = bytearray(path.read_bytes())
        within = found[1].fragments[7]
        data[within.offset_bytes + within.size_bytes - 5] ^= 1
        path.chmod(0o600)
        path.write_bytes(data)
        row = await made.shelf.catalogue.segments.get(run.id, 3)
        assert row is not None
        await made.shelf.catalogue.segments.put(replace(row, leaf_root="ab" * 32, rev=row.rev + 1))
        job = await made.ended(await made.ask(Interval(START_NS, START_NS + 12 * S)))
        said = verify(await made.download(job, tmp_path / "package.zip"), made.key.fingerprint)
    assert (said.verdict, len(said.notes)) == (Verdict.INTACT, 1)
    assert "left out" in said.notes[0]
    out = unpacked(tmp_path / "package.zip", tmp_path / "out")
    assert complaints(out / FOOTAGE) == ""
    assert len(presented(out / FOOTAGE)) == 8 * 25
    left = statement(out)["cameras"][0]["left_out"]
    spans = [(one["gop"], (one["from_ns"] - START_NS) / S, (one["to_ns"] - START_NS) / S) for one in left]
    assert spans == [(4, 4.0, 5.0), (None, 9.0, 12.0)]
    assert [one["gop"] for one in job.result["left_out"]] == [4, None]
    assert "Left out" in (out / "report.html").read_text()


class Away(FolderStore):
    """A Store behind a line that may be cut."""

    cut = False

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        if self.cut and key.startswith("footage/"):
            raise ObjectUnavailableError("it does not answer")
        return super().get(key, offset, length)


async def test_an_export_waits_for_a_line_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so meanwhile, keeps nobody else from being made, and can be cancelled."""
    monkeypatch.setattr("recorder.export_wait.LOOK_S", 0.05)
    store = Away("home", tmp_path / "objects")
    shelf = await Shelf.build(tmp_path, {"home": store}, NODE)
    async with exports(tmp_path, shelf) as made:
        run = make_run()
        await shelf.record(run, packets(run, seconds=4), segment_s=3)
        window = Interval(START_NS, START_NS + 3 * S)
        store.cut = True
        jobs = [await made.ask(window) for _ in range(3)]  # one more than are made at a time
        for job in jobs:
            async with asyncio.timeout(10):
                while (found := await shelf.catalogue.jobs.get(job.id)) is None or found.reason != "export_waits":
                    await asyncio.sleep(0.02)
            assert (found.state, "Sampit" in found.why) == (JobState.RUNNING, True)
        await shelf.catalogue.jobs.cancel(jobs[2].id, 1)
        store.cut = False
        done = [await made.ended(job) for job in jobs]
        assert [job.state for job in done] == [JobState.DONE, JobState.DONE, JobState.CANCELLED]
        assert (done[0].why, done[0].reason) == ("", "")
        assert verify(await made.download(done[0], tmp_path / "p.zip"), made.key.fingerprint).verdict is Verdict.INTACT
    await shelf.close()
