"""The measurement of D5 with an hour of grids: it runs, finds, and is far within the bar."""

from __future__ import annotations

from pathlib import Path

from tests.bench import searching


async def test_an_hour_of_four_cameras(tmp_path: Path) -> None:
    """Hits of every camera, from files alone."""
    async with searching.library(tmp_path, hours=1) as found:
        first, whole, hits = await searching.asked(found)
        assert 0 < first <= whole < 5
        assert hits > 4
        assert found.grid_bytes < 4 * 500_000
