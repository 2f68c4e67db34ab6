"""Derivatives of exports: films beside the originals, marked, with the clock in the picture, masked where asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from recorder.burn_in import MARK, subtitles
from recorder.derivative import films
from recorder.exporter_derivative import command
from recorder.verify import Verdict, verify
from tests.recorder.exporting import exports
from tests.recorder.synth import CAMERA, START_NS, make_run, packets
from tests.recorder.test_export import statement, unpacked
from vms.domain.derivative import DerivativeKind
from vms.domain.interval import Interval
from vms.domain.job import JobState

S = 1_000_000_000
HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def described(name: str, *stretches: tuple[float, float], size: tuple[int, int] = (640, 360)) -> Mapping[str, Any]:
    """A camera as a manifest has it: stretches of one file, [from, to) in seconds of the interval."""
    at, points = 0, []
    for start, end in stretches:
        points.append([at, START_NS + round(start * S), round((end - start) * S)])
        at += round((end - start) * 90_000)
    file = {"member": f"footage/{name}.mp4", "shown_90k": [0, at], "points": points}
    file |= {"tracks": [{"width": size[0], "height": size[1]}]}
    gaps = [{"from_ns": START_NS, "to_ns": START_NS + 100 * S, "cause": "node_down"}]
    return {"id": name, "name": name, "site": {"name": "Sampit"}, "files": [file] if points else [], "gaps": gaps}


def test_a_composite_runs_by_the_clock() -> None:
    """Tiles do not overlap; each stretch is at its time, and what is not recorded has its cause."""
    cameras = [described("a", (0, 10)), described("b", (2, 4), (6, 7)), described("c")]
    (film,) = films(DerivativeKind.COMPOSITE, "exp", cameras, Interval(START_NS, START_NS + 10 * S), {})
    assert [(tile.x, tile.y, tile.width, tile.height) for tile in film.tiles] == [
        (0, 0, 960, 540),
        (960, 0, 960, 540),
        (0, 540, 960, 540),
    ]
    assert (film.width, film.height) == (1920, 1080)
    a, b, c = film.tiles
    assert (a.gaps, a.sources[0].steps) == ((), ((0.0, 0.0),))
    assert b.sources[0].steps == ((0.0, 2.0), (2.0, 4.0))
    assert [gap[:2] for gap in b.gaps] == [(0.0, 2.0), (4.0, 6.0), (7.0, 10.0)]
    assert c.gaps == ((0.0, 10.0, "node_down"),)
    assert film.of == ["footage/a.mp4", "footage/b.mp4"]
    said = subtitles(film)
    assert said.count("recording server down") == 4
    assert f"{MARK} · exp" in said
    words = command("ffmpeg", film, "x.ass")
    assert [words[at + 1] for at, word in enumerate(words) if word == "-i"][1:] == film.of


def test_names_are_words_and_nothing_else() -> None:
    """Whatever a camera is called, it draws nothing and ends no line; masks lie where the picture does."""
    odd = {**described("a", (0, 2), size=(360, 360)), "name": "{\\pos(0,0)}x\nDialogue: 0"}
    interval = Interval(START_NS, START_NS + 2 * S)
    (film,) = films(DerivativeKind.BURNED, "exp", [odd], interval, {"a": [HALF]})
    tile = replace(film.tiles[0], width=640)  # a picture that is narrower than its tile
    said = subtitles(replace(film, tiles=(tile,)))
    assert "\\pos(0,0)}x" not in said
    assert [line.partition(":")[0] for line in said.partition("[Events]\n")[2].splitlines()[1:]] == ["Dialogue"] * 6
    assert "m 140 0 l 320 0 320 360 140 360" in said


async def test_a_film_lies_beside_its_original(tmp_path: Path) -> None:
    """Of the interval by the clock, masked as asked, said to be a derivative and of what; the original is untouched."""
    async with exports(tmp_path) as made:
        run = make_run()
        await made.shelf.record(run, packets(run, seconds=3), segment_s=3)
        known = await made.shelf.catalogue.cameras.get(CAMERA)
        assert known is not None
        await made.shelf.catalogue.cameras.update(replace(known, masks=(HALF,), rev=known.rev + 1))
        window = Interval(START_NS + S, START_NS + 5 * S)
        wanted = {"kind": "burned", "masked": True}
        package = await made.package(window, tmp_path / "package.zip", derivative=wanted)
        found = verify(package, made.key.fingerprint)
        assert (found.verdict, len(found.notes)) == (Verdict.INTACT, 1)
        assert "is a derivative of footage/sampit-pasar-01-main.mp4" in found.notes[0]
        assert "masks applied" in found.notes[0]
        out = unpacked(package, tmp_path / "out")
        (film,) = statement(out)["derivatives"]
        with av.open(str(out / film["member"])) as container:
            pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        assert abs(len(pictures) - 4 * 25) <= 1
        width = pictures[0].shape[1]
        middle = pictures[25][30:60]
        assert np.mean(middle[:, : width // 2 - 4]) < 30 < np.mean(middle[:, width // 2 + 4 :])
        assert np.mean(pictures[90][:20]) < 60  # nothing is recorded any more
        (out / film["member"]).write_bytes(b"another film")
        assert [change.member for change in verify(out).changes] == [film["member"]]
        assert "Turunan" in (out / "report.html").read_text()


async def test_a_film_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no ffmpeg."""
    async with exports(tmp_path) as made:
        run = make_run()
        await made.shelf.record(run, packets(run, seconds=2), segment_s=3)
        monkeypatch.setattr("recorder.exporter_derivative.program", lambda: None)
        window = Interval(START_NS, START_NS + S)
        job = await made.ended(await made.ask(window, derivative={"kind": "composite", "masked": False}))
        assert (job.state, job.reason) == (JobState.FAILED, "export_no_ffmpeg")
