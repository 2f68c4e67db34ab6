"""A4: 10 cameras for 10 minutes over TCP, one of them closing in order every 30 s; then over UDP without loss."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tests.bench.report import Row
from tests.e2e.complete import measure

SECONDS = float(os.environ.get("VMS_BENCH_COMPLETE_S", "600"))


async def tcp_and_udp(folder: Path) -> Sequence[Row]:
    """Missing units, and how many were owed."""
    rows = []
    for transport in ("tcp", "udp"):
        (folder / transport).mkdir()
        found = await measure(folder / transport, seconds=SECONDS, cameras=10, transport=transport, close_every_s=30)
        rows.append(Row(f"A4.{transport}", f"access units missing, {transport} (bar 0)", found.missing, "", found.owed))
        rows.append(Row(f"A4.{transport}_doubled", f"access units doubled, {transport}", found.doubled, "", found.owed))
    return rows
