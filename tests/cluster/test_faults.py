"""B1, B3, B4 and B5 in short; in full they are in tests/faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import faults
from tests.cluster.netns import unavailable

pytestmark = [pytest.mark.servers, pytest.mark.alone, pytest.mark.timeout(400)]


async def test_twenty_kills_lose_nothing(tmp_path: Path) -> None:
    """Whichever process dies: nothing committed is lost, tails are at most 0.5 s, holes have their Gaps."""
    found = await faults.kills(tmp_path / "c", count=20, seed=100)
    found.check()
    assert found.faults == 20


@pytest.mark.skipif(bool(unavailable()), reason=unavailable())
async def test_three_lines_cut_lose_nothing(tmp_path: Path) -> None:
    """Half a minute without a line costs nothing, and the center knows all within a minute of the return."""
    found = await faults.cuts(tmp_path / "c", seconds=30)
    found.check()
    assert max(found.times_s) <= faults.ROWS_BAR_S


async def test_a_lost_node_is_replaced(tmp_path: Path) -> None:
    """What a killed node recorded is recorded by the other within 15 s; nothing overlaps; its footage comes back."""
    found = await faults.losses(tmp_path / "c", count=3, seed=100)
    found.check()
    assert max(found.times_s) <= faults.TAKEOVER_BAR_S


async def test_restarted_servers_cost_nothing(tmp_path: Path) -> None:
    """NATS, PostgreSQL and MinIO restarted three times each: recording does not notice, no row is lost."""
    found = await faults.restarts(tmp_path / "c", rounds=3, seed=100)
    found.check()
    assert (found.faults, found.verdict.tails_s) == (12, [])
