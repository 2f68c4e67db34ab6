"""kill -9 of a recording process: nothing unreadable, half a second of tail at most, the books in order."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from recorder.examine import examine
from tests.recorder.files import complaints
from tests.recorder.rig import FOREVER, Rig, camera, rig
from tests.recorder.victim import STREAMS
from vms.domain.camera import StreamRef
from vms.domain.footage import SegmentState
from vms.domain.gap import GapState
from vms.domain.interval import Interval, subtract, total_ns

KILLS = 10
LIMIT_90K = 45_000
REGISTERED_NS = time.time_ns()


@contextmanager
def nursery(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that makes victims."""
    command = [sys.executable, "-m", "tests.recorder.victim", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def kill_one(process: subprocess.Popen[str], folder: Path, seconds: float) -> dict[tuple[str, str], int]:
    """Start a victim, kill it after some time; the last decode time sent of each Stream's Run."""
    assert process.stdin is not None
    assert process.stdout is not None
    (folder / "sent").unlink(missing_ok=True)
    process.stdin.write("one\n")
    process.stdin.flush()
    ready, pid = process.stdout.readline().split()
    assert ready == "ready"
    time.sleep(seconds)
    os.kill(int(pid), signal.SIGKILL)
    assert process.stdout.readline() == "gone\n"
    sent: dict[tuple[str, str], int] = {}
    for line in (folder / "sent").read_text().splitlines():
        stream, run, dts = line.split()
        sent[stream, run] = int(dts)
    return sent


async def check_books(r: Rig, stream: StreamRef) -> None:
    """Recorded time and Gaps of a Stream are all of the time since registration."""
    now_ns = time.time_ns()
    recorded = [Interval(s.start_ns, s.end_ns) for s in await r.catalogue.segments.in_interval(stream, FOREVER)]
    gaps = [
        Interval(gap.start_ns, now_ns if gap.end_ns is None else gap.end_ns)
        for gap in await r.catalogue.gaps.in_interval(stream, FOREVER)
        if gap.state is not GapState.REPAIRED
    ]
    everything = Interval(REGISTERED_NS, now_ns)
    assert subtract(everything, [*recorded, *gaps]) == []
    assert sum(one.duration_ns for one in (*recorded, *gaps)) == total_ns([everything])


async def test_ten_kills(tmp_path: Path) -> None:
    """Ten times: killed at a random moment, swept, and checked sample by sample."""
    rng, lost = random.Random(5), []
    async with rig(tmp_path, start=False) as r:
        for stream in STREAMS:
            await r.catalogue.cameras.add(replace(camera(stream.camera), registered_ns=REGISTERED_NS))
    with nursery(tmp_path) as process:
        for _ in range(KILLS):
            sent = await asyncio.to_thread(kill_one, process, tmp_path, 0.25 + rng.random() * 1.2)
            async with rig(tmp_path) as r:
                await r.recording.written()
                replayable: dict[tuple[str, str], int] = defaultdict(lambda: -1)
                for key, is_part in r.spool.files():
                    assert not is_part
                    found = examine(r.spool.path(key))
                    assert found is not None
                    assert found.closed
                    row = await r.catalogue.segments.get(found.head.run.id, found.head.number)
                    assert row is not None
                    assert (row.sha256, row.end_ns, row.leaf_root, row.state) == (
                        found.segment.segment.sha256,
                        found.segment.segment.end_ns,
                        found.segment.segment.leaf_root,
                        SegmentState.SPOOLED,
                    )
                    last = found.segment.fragments[-1]
                    place = (str(row.stream), row.run)
                    replayable[place] = max(replayable[place], last.dts_90k + last.duration_90k - 3600)
                assert await r.catalogue.segments.by_state(SegmentState.OPEN) == []
                assert await r.catalogue.runs.open_on("node222222222222") == []
                lost += [last - replayable[place] for place, last in sent.items()]
                for stream in STREAMS:
                    await check_books(r, stream)
    print(f"tail lost: median {sorted(lost)[len(lost) // 2] / 90_000:.2f} s, max {max(lost) / 90_000:.2f} s")
    assert max(lost) <= LIMIT_90K, f"lost {max(lost) / 90_000:.2f} s"
    paths = sorted((tmp_path / "spool").rglob("*.mp4"))
    assert all(complaints(path) == "" for path in paths[::7])
