"""A5: fifty kills at random moments, three cameras recording."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tests.bench.report import Row, percentile
from tests.e2e.kills import measure

KILLS = int(os.environ.get("VMS_BENCH_KILLS", "50"))


async def at_random(folder: Path) -> Sequence[Row]:
    """Tail lost per stream and kill; unreadable files; disagreements between catalogue, spool and Store."""
    found = await measure(folder, kills=KILLS, cameras=3, seed=5)
    n = len(found.tails_s)
    return [
        Row("A5.tail_max", "tail of a stream lost at a kill, worst (bar 0.5)", max(found.tails_s), "s", n),
        Row("A5.tail_p50", "tail of a stream lost at a kill, median", percentile(found.tails_s, 0.5), "s", n),
        Row("A5.unreadable", "unreadable segments (bar 0)", len(found.unreadable), "", found.kills),
        Row(
            "A5.disagreements", "catalogue, spool and Store disagree (bar 0)", len(found.disagreements), "", found.kills
        ),
    ]
