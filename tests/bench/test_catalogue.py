"""The measurement of B10 with few Segments: it runs, and nothing in it walks a whole table."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import catalogue
from tests.bench.report import percentile

pytestmark = pytest.mark.servers
CAMERAS = 20


async def test_coverage_of_a_hundred_thousand_segments(tmp_path: Path) -> None:
    """Far within the bar of ten million, and by indices alone: no question walks a whole table."""
    async with catalogue.filled(tmp_path, 100_000, CAMERAS) as shelf:
        scans = (
            "SELECT sum(seq_scan), sum(idx_scan) FROM pg_stat_user_tables WHERE relname IN ('segments', 'runs', 'gaps')"
        )
        assert len(await catalogue.newest(shelf, 3)) == 3
        walked, _, looked_up = shelf.server.psql(scans).partition("|")
        one, many = await catalogue.coverages(shelf, 20), await catalogue.timelines(shelf, 5)
        await shelf.catalogue.close()  # counts are complete when sessions end
        walked_then, _, looked_up_then = shelf.server.psql(scans).partition("|")
        assert percentile(one, 0.5) < 200
        assert percentile(many, 0.5) < 2000
        assert walked_then == walked
        assert int(looked_up_then) - int(looked_up) >= 3 * (20 + 5 * catalogue.TILES)
