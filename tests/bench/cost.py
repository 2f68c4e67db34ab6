"""A6: what ingest and recording of 32 `main` of 3 Mb/s cost, beside 32 ffmpeg that copy to the same disk."""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.bench.process import cpu_over, pss_bytes, running
from tests.bench.report import ROOT, Row
from tests.e2e.system import write_config
from tests.simulator_fixture import running_simulator

CAMERAS = 32
SECONDS = float(os.environ.get("VMS_BENCH_COST_S", "130"))
ROUNDS = int(os.environ.get("VMS_BENCH_COST_ROUNDS", "2"))
FFMPEG = [
    "-f", "segment", "-segment_time", "60", "-segment_format", "mp4",
    "-segment_format_options", "movflags=frag_keyframe+empty_moov+default_base_moof",
]  # fmt: skip


@contextlib.asynccontextmanager
async def _ours(folder: Path, simulator: Any, cameras: int) -> AsyncIterator[int]:
    folder.mkdir()
    config = write_config(folder / "vms.yaml", folder / "data", simulator, cameras, {}, subs=False)
    async with running([sys.executable, "-m", "tests.bench.lone_node", str(config), str(cameras)], cwd=ROOT) as node:
        assert node.stdout is not None
        if not await node.stdout.readline():
            raise AssertionError("the node ended")
        yield node.pid


def _copying(simulator: Any, camera: Any, folder: Path) -> list[str]:
    secret = f"{quote(simulator.username, safe='')}:{quote(simulator.password, safe='')}@"
    url = camera.main.replace("rtsp://", f"rtsp://{secret}")
    return [
        "ffmpeg", "-nostdin", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", url, "-c", "copy", *FFMPEG,
        str(folder / f"{camera.slug}-%05d.mp4"),
    ]  # fmt: skip


@contextlib.asynccontextmanager
async def _theirs(folder: Path, simulator: Any, cameras: int) -> AsyncIterator[list[int]]:
    folder.mkdir()
    async with contextlib.AsyncExitStack() as stack:
        pids = []
        for camera in simulator.cameras[:cameras]:
            process = await stack.enter_async_context(running(_copying(simulator, camera, folder)))
            pids.append(process.pid)
        await cpu_over(pids, 8)
        yield pids


async def beside_ffmpeg(folder: Path) -> Sequence[Row]:
    """CPU per camera and its ratio, medians of alternating rounds; PSS growth per camera, and the whole."""
    ours: list[float] = []
    theirs: list[float] = []
    rival_pss: list[float] = []
    async with running_simulator(cameras=CAMERAS, streams="main", main_kbps=3000) as simulator:
        async with _ours(folder / "one", simulator, 1) as pid:
            await cpu_over([pid], 20)
            small = pss_bytes(pid)
        for number in range(ROUNDS):
            async with _ours(folder / f"ours-{number}", simulator, CAMERAS) as pid:
                await cpu_over([pid], 8)
                ours.append(await cpu_over([pid], SECONDS) / SECONDS / CAMERAS * 100)
                large = pss_bytes(pid)
            async with _theirs(folder / f"theirs-{number}", simulator, CAMERAS) as pids:
                theirs.append(await cpu_over(pids, SECONDS) / SECONDS / CAMERAS * 100)
                rival_pss.append(statistics.mean(pss_bytes(pid) for pid in pids))
    growth = (large - small) / (CAMERAS - 1) / 1e6
    mine, rival = statistics.median(ours), statistics.median(theirs)
    each = statistics.median(rival_pss) / 1e6
    return [
        Row("A6.cpu", "CPU of a core per camera, ingest and record", mine, "%", ROUNDS, "ffmpeg -c copy", rival),
        Row("A6.cpu_ratio", "CPU, ours by ffmpeg's (bar 1.2)", mine / rival, "", ROUNDS),
        Row("A6.pss_growth", "PSS growth per camera, 1 to 32", growth, "MB", 1, "ffmpeg process", each),
        Row("A6.pss_ratio", "PSS growth by an ffmpeg's PSS (bar 0.2)", growth / each, "", 1),
        Row("A6.pss_whole", "PSS of the node with 32 cameras", large / 1e6, "MB", 1, "32 ffmpeg", each * CAMERAS),
    ]
