"""D6 to D8: an hour exported beside `ffmpeg -c copy` over the same objects; frames that exports present; tampering.

The hour is of 25 frames and about 3 Mb/s, its frames made large by filler NAL units, in Segments of a minute in a
folder Store. ffmpeg reads the same files by its concat demuxer and writes one MP4 to the same disk. Both read a warm
cache, one after the other, three times; the medians count. Exports include planning, hashes, proof, pages and manifest.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import psutil

from recorder.verify import Verdict, verify
from tests.bench.report import Row
from tests.recorder.exporting import Exports, exports
from tests.recorder.synth import START_NS, make_run, packets, video_clip, video_track
from tests.recorder.test_export import FOOTAGE, decoded, presented, unpacked
from tests.recorder.test_verify import change_at_random, recorded
from vms.clock import NS_PER_S
from vms.domain.interval import Interval
from vms.domain.job import JobState
from vms.domain.media import Packet, Run

HOUR_S, SEGMENT_S = 3600, 60
FRAME_BYTES = 15_000
TRIES = 3
EXPORTS, CHANGES, UNTOUCHED = 200, 1000, 200
_FILLER = b"\x00\x00\x00\x01\x0c"


async def an_hour(folder: Path) -> Sequence[Row]:
    """D6: seconds for an hour, those of ffmpeg, and by how much memory grows from ten minutes to an hour."""
    async with exports(folder) as made:
        run = make_run()
        await made.shelf.record(run, _large(run, HOUR_S), segment_s=SEGMENT_S)
        objects = sorted((folder / "objects").rglob("*.mp4"))
        whole = sum(path.stat().st_size for path in objects)
        ours, theirs = [], []
        for _ in range(TRIES):
            ours.append(await _exported(made, HOUR_S))
            theirs.append(await _copied(objects, folder))
        short = await _grown(made, 600)
        long = await _grown(made, HOUR_S)
    mine, rival = statistics.median(ours), statistics.median(theirs)
    return [
        Row("D6.export", f"export of an hour, {whole / 1e6:.0f} MB", mine, "s", TRIES, "ffmpeg -c copy", rival),
        Row("D6.speed", "speed of the export, of ffmpeg -c copy", rival / mine, "", TRIES),
        Row("D6.memory", "memory: an hour above ten minutes", (long - short) / 1e6, "MB", 1),
    ]


async def random_exports(folder: Path) -> Sequence[Row]:
    """D7: exports of random intervals whose presented frames are just those that were asked for."""
    right, chance = 0, random.Random(77)
    for b_frames in (0, 2):
        clip = video_clip(b_frames=b_frames, preset="medium" if b_frames else "ultrafast")
        known = {picture: number for number, picture in enumerate(decoded(clip))}
        late_90k = min(unit.pts_90k for unit in clip)
        times = [START_NS + (late_90k + 3600 * k) * 100_000 // 9 for k in range(1500)]
        place = folder / str(b_frames)
        place.mkdir()
        async with exports(place) as made:
            run = make_run(video_track(clip))
            await made.shelf.record(run, packets(run, clip, seconds=60), segment_s=7)
            for _ in range(EXPORTS // 2):
                start = START_NS + round(chance.uniform(0.2, 50) * NS_PER_S)
                end = start + round(chance.uniform(0.05, 8) * NS_PER_S)
                path = await made.package(Interval(start, end), place / "package.zip")
                shutil.rmtree(place / "out", ignore_errors=True)
                out = unpacked(path, place / "out")
                wanted = [k % 50 for k, at in enumerate(times) if start <= at < end]
                right += [known.get(picture) for picture in presented(out / FOOTAGE)] == wanted
    return [Row("D7.right", "exports that present just the frames asked for", right, f"of {EXPORTS}", EXPORTS)]


async def random_changes(folder: Path) -> Sequence[Row]:
    """D8: random changes that are found with their member named, and untouched packages that are said to be changed."""
    chance, found, alarms = random.Random(88), 0, 0
    async with exports(folder) as made:
        await recorded(made)
        window = Interval(START_NS + 1_300_000_000, START_NS + 43 * NS_PER_S)
        package = unpacked(await made.package(window, folder / "package.zip"), folder / "out")
        for n in range(CHANGES):
            shutil.rmtree(folder / "work", ignore_errors=True)
            shutil.copytree(package, folder / "work")
            _, member = change_at_random(folder / "work", chance, n)
            said = verify(folder / "work", made.key.fingerprint)
            found += said.verdict is Verdict.CHANGED and member in {change.member for change in said.changes}
        for _ in range(UNTOUCHED):
            start = START_NS + round(chance.uniform(-1, 42) * NS_PER_S)
            whole = await made.package(
                Interval(start, start + round(chance.uniform(2, 30) * NS_PER_S)), folder / "p.zip"
            )
            alarms += verify(whole, made.key.fingerprint).verdict is not Verdict.INTACT
    return [
        Row("D8.found", "random changes found, the member named", found, f"of {CHANGES}", CHANGES),
        Row("D8.false_alarms", "untouched packages said to be changed", alarms, f"of {UNTOUCHED}", UNTOUCHED),
    ]


def _large(run: Run, seconds: float) -> Iterator[Packet]:
    filler = _FILLER + b"\xff" * FRAME_BYTES + b"\x80"
    for packet in packets(run, seconds=seconds):
        yield replace(packet, payload=packet.payload + filler)


async def _exported(made: Exports, seconds: float) -> float:
    """Seconds from asking to done; the package goes."""
    started = time.monotonic()
    job = await made.ended(await made.ask(Interval(START_NS, START_NS + round(seconds * NS_PER_S))), limit_s=600)
    took = time.monotonic() - started
    if job.state is not JobState.DONE:
        raise RuntimeError(job.why)
    while not (made.folder / job.id / "settled").exists():  # so that the rival has the disk for itself
        await asyncio.sleep(0.05)
    await asyncio.to_thread(shutil.rmtree, made.folder / job.id)
    return took


async def _copied(objects: Sequence[Path], folder: Path) -> float:
    listed, out = folder / "list.txt", folder / "copied.mp4"
    listed.write_text("".join(f"file '{path}'\n" for path in objects))
    command = ["ffmpeg", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(listed), "-c", "copy", str(out)]
    started = time.monotonic()
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait():
        raise RuntimeError("ffmpeg failed")
    took = time.monotonic() - started
    out.unlink()
    return took


async def _grown(made: Exports, seconds: float) -> int:
    """How much memory an export takes at most, beyond what the process had."""
    process = psutil.Process()
    before = most = process.memory_info().rss
    export = asyncio.create_task(_exported(made, seconds))
    while not export.done():
        most = max(most, process.memory_info().rss)
        await asyncio.sleep(0.02)
    await export
    return int(most - before)
