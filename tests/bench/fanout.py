"""C3, C4, C5: what fan-out costs and how late it is, seen by receivers of our own over loopback; aiortc beside it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import janus
from tests.bench.process import running
from tests.bench.receiver import Receiver, feed_back
from tests.bench.report import ROOT, Row, percentile

SECONDS = float(os.environ.get("VMS_BENCH_FANOUT_S", "20"))
ROUNDS = int(os.environ.get("VMS_BENCH_FANOUT_ROUNDS", "3"))
NACK = 0.02
ADDRESS = "127.0.0.1"


class Subject:
    """A lone streamer, asked by lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    async def ask(self, **order: Any) -> dict[str, Any]:
        """One order, its answer."""
        async with self._turn:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            line = await self._process.stdout.readline()
        if not line:
            raise AssertionError("the streamer ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def open(self, receiver: Receiver) -> None:
        """A viewer of the first stream, or a wall of the first streams."""
        answer = await self.ask(do="open", sdp=await receiver.offer(), tiles=receiver.videos)
        await receiver.connect(answer["sdp"])


@contextlib.asynccontextmanager
async def lone_streamer(
    kbps: int, streams: int = 1, *, extra: Sequence[str] = (), address: str = ADDRESS, prefix: Sequence[str] = ()
) -> AsyncIterator[Subject]:
    """A process with one streamer; `prefix` goes before its command, `extra` (`aiortc`, `times`) behind."""
    command = [*prefix, sys.executable, "-m", "tests.bench.lone_streamer", str(kbps), str(streams), address]
    async with running([*command, *extra], cwd=ROOT, stdin=True) as process:
        yield Subject(process)


@dataclass
class Load:
    """One measured stretch."""

    packets: int
    cpu_s: float
    wall_s: float
    delays_ms: list[float]
    lags_ms: list[float]
    recovered: float

    @property
    def packet_us(self) -> float:
        """CPU of the server for each RTP packet that arrived."""
        return self.cpu_s / self.packets * 1e6

    @property
    def core(self) -> float:
        """Share of one core, %."""
        return self.cpu_s / self.wall_s * 100


async def load(viewers: int, kbps: int, *extra: str, seconds: float = SECONDS) -> Load:
    """So many viewers of one stream."""
    async with lone_streamer(kbps, extra=extra) as subject:
        receivers = [Receiver(nack=NACK, seed=n) for n in range(viewers)]
        for receiver in receivers:
            await subject.open(receiver)
        telling = asyncio.create_task(feed_back(receivers))
        await asyncio.sleep(3)
        before, asked, got = (sum(getattr(r, what) for r in receivers) for what in ("packets", "asked", "recovered"))
        await subject.ask(do="begin")
        await asyncio.sleep(seconds)
        figures = await subject.ask(do="figures")
        packets = sum(r.packets for r in receivers) - before
        asked, got = sum(r.asked for r in receivers) - asked, sum(r.recovered for r in receivers) - got
        telling.cancel()
        for receiver in receivers:
            receiver.vanish()
        return Load(
            packets, figures["cpu_s"], figures["wall_s"], figures["delays_ms"], figures["lags_ms"], got / max(1, asked)
        )


async def cost(_folder: Path) -> Sequence[Row]:
    """C3. Medians of rounds that alternate between ours, aiortc's and Janus."""
    ours: dict[int, list[Load]] = {20: [], 60: [], 100: []}
    old, theirs = list[float](), dict[int, list[float]]()
    for _ in range(ROUNDS):
        old.append((await load(20, 3000, "aiortc")).packet_us)
        for viewers, found in ours.items():
            found.append(await load(viewers, 3000))
            if janus.available():
                theirs.setdefault(viewers, []).append(await janus.packet_us(viewers, 3000, SECONDS, NACK))
    rows = []
    for viewers, found in ours.items():
        mine = statistics.median(each.packet_us for each in found)
        rival = statistics.median(theirs[viewers]) if theirs else None
        name = f"CPU per RTP packet, {viewers} viewers of 3 Mb/s" + (" (bar 10)" if viewers > 20 else "")
        rows.append(Row(f"C3.cpu_{viewers}", name, mine, "us", ROUNDS, "Janus streaming" if theirs else None, rival))
        if rival is not None:
            words = f"CPU per packet by Janus', {viewers} viewers (bar 1.5)"
            rows.append(Row(f"C3.janus_{viewers}", words, mine / rival, "", ROUNDS))
    first, reference = statistics.median(each.packet_us for each in ours[20]), statistics.median(old)
    rows.append(
        Row("C3.ratio_20", "CPU per packet by aiortc's, 20 viewers (bar 0.25)", first / reference, "", ROUNDS,
            "aiortc, us", reference)
    )  # fmt: skip
    worst = min(each.recovered for found in ours.values() for each in found)
    rows.append(Row("C3.recovered", "share of NACKed packets sent again, worst round", worst * 100, "%", ROUNDS))
    for kbps, bar in ((600, 20), (150, 15)):
        share = statistics.median([(await load(100, kbps)).core for _ in range(ROUNDS)])
        name = f"100 viewers of {kbps} kb/s, of one core (bar {bar})"
        rows.append(Row(f"C3.core_{kbps}", name, share, "%", ROUNDS))
    return rows


async def added_delay(_folder: Path) -> Sequence[Row]:
    """C4. Each viewer's last send of each unit, and the loop."""
    found = [await load(50, 3000, "times") for _ in range(ROUNDS)]
    delays = [value for each in found for value in each.delays_ms]
    lags = [value for each in found for value in each.lags_ms]
    return [
        Row("C4.delay_p99", "unit's arrival to its last send, 50 viewers (bar 20)", percentile(delays, 0.99), "ms",
            len(delays)),
        Row("C4.delay_p50", "the same, median", percentile(delays, 0.5), "ms", len(delays)),
        Row("C4.lag_p99", "event-loop lag, 50 viewers (bar 10)", percentile(lags, 0.99), "ms", len(lags)),
    ]  # fmt: skip


async def many_tiles(_folder: Path) -> Sequence[Row]:
    """C5. From the offer to the first packet of the last of 64 tiles; then the CPU of the whole process."""
    setups, cores = [], []
    for _ in range(ROUNDS):
        async with lone_streamer(300, 64) as subject:
            receiver = Receiver(64, nack=NACK)
            sdp = await receiver.offer()
            began = time.monotonic()
            answer = await subject.ask(do="open", sdp=sdp, tiles=64)
            await receiver.connect(answer["sdp"])
            async with asyncio.timeout(20):
                while len(receiver.first_s) < 64:
                    await asyncio.sleep(0.005)
            setups.append(time.monotonic() - began)
            telling = asyncio.create_task(feed_back([receiver]))
            await asyncio.sleep(2)
            await subject.ask(do="begin")
            await asyncio.sleep(SECONDS)
            figures = await subject.ask(do="figures")
            cores.append(figures["cpu_s"] / figures["wall_s"] * 100)
            telling.cancel()
            receiver.vanish()
    return [
        Row("C5.setup", "offer to the first packet of the last of 64 tiles, worst (bar 1.5)", max(setups), "s", ROUNDS),
        Row("C5.core", "64 tiles of 300 kb/s, whole process, of one core (bar 30)", statistics.median(cores), "%",
            ROUNDS),
    ]  # fmt: skip
