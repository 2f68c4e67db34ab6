"""A4: 10 cameras for 10 minutes over TCP, one of them closing in order every 30 s; 10 others over UDP without loss."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from tests.bench.report import Row
from tests.e2e.complete import measure

SECONDS = float(os.environ.get("VMS_BENCH_COMPLETE_S", "600"))


async def tcp_and_udp(folder: Path) -> Sequence[Row]:
    """Missing units, and how many were owed; both systems run at the same time."""
    tcp, udp = await asyncio.gather(_rows(folder, "tcp"), _rows(folder, "udp"))
    return [*tcp, *udp]


async def _rows(folder: Path, transport: str) -> Sequence[Row]:
    (folder / transport).mkdir()
    found = await measure(folder / transport, seconds=SECONDS, cameras=10, transport=transport, close_every_s=30)
    return [
        Row(f"A4.{transport}", f"access units missing, {transport} (bar 0)", found.missing, "", found.owed),
        Row(f"A4.{transport}_doubled", f"access units doubled, {transport}", found.doubled, "", found.owed),
    ]
