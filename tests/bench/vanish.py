"""C6: viewers that go without a word, again and again: how long the server keeps what was theirs, and what it keeps."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.fanout import Subject, lone_streamer
from tests.bench.receiver import Receiver
from tests.bench.report import Row

VIEWERS = int(os.environ.get("VMS_BENCH_VANISH", "500"))
AT_ONCE = 50
_LIMIT_S = 40


async def without_a_word(_folder: Path) -> Sequence[Row]:
    """Half of them WHEP, half walls of four tiles, fifty at a time; the first fifty are not counted."""
    freed: list[float] = []
    async with lone_streamer(300, 4) as subject:
        await _batch(subject, AT_ONCE)
        empty = await subject.ask(do="settled")
        gone = 0
        while gone < VIEWERS:
            count = min(AT_ONCE, VIEWERS - gone)
            freed.append(await _batch(subject, count))
            gone += count
        after = await subject.ask(do="settled")
    growth_mb = (after["rss_kb"] - empty["rss_kb"]) / 1000
    return [
        Row("C6.freed", "gone without a word to all freed, worst batch (bar 15)", max(freed), "s", gone),
        Row("C6.files", "descriptors more than before (bar 0)", after["files"] - empty["files"], "", gone),
        Row("C6.memory", "memory in use more than before (bar 0)", growth_mb, "MB", gone),
    ]


async def _batch(subject: Subject, count: int) -> float:
    """Seconds until the last of them is freed."""
    receivers = [Receiver(1 if n % 2 else 4) for n in range(count)]
    for receiver in receivers:
        await subject.open(receiver)
    async with asyncio.timeout(10):
        while not all(len(receiver.first_s) == receiver.videos for receiver in receivers):
            await asyncio.sleep(0.05)
    for receiver in receivers:
        receiver.vanish()
    began = time.monotonic()
    async with asyncio.timeout(_LIMIT_S):
        while (await subject.ask(do="sessions"))["sessions"]:
            await asyncio.sleep(0.1)
    return time.monotonic() - began
