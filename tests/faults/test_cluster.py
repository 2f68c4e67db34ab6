"""B1, B3, B4 and B5 in full, in parts small enough for SHARD=k/n to share out and to be done again alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import faults
from tests.cluster.netns import unavailable
from tests.faults.record import recorded

pytestmark = [pytest.mark.fault, pytest.mark.servers, pytest.mark.timeout(900)]


@pytest.mark.parametrize("seed", range(12))
async def test_any_process_killed(tmp_path: Path, seed: int) -> None:
    """B1, 25 of 300: nothing committed is lost, no tail is longer than 0.5 s, every hole has its Gap."""
    found = await recorded("B1", lambda: faults.kills(tmp_path / "c", count=25, seed=seed), seed=seed)
    assert found.faults == 25


@pytest.mark.skipif(bool(unavailable()), reason=unavailable())
async def test_three_lines_cut_for_five_minutes(tmp_path: Path) -> None:
    """B3: nothing is lost, and the center has all rows within 60 s of the return."""
    found = await recorded("B3", lambda: faults.cuts(tmp_path / "c", seconds=300), seconds=300)
    assert max(found.times_s) <= faults.ROWS_BAR_S


@pytest.mark.parametrize("seed", range(5))
async def test_a_node_of_two_killed(tmp_path: Path, seed: int) -> None:
    """B4, 10 of 50: its streams are recorded again within 15 s."""
    found = await recorded("B4", lambda: faults.losses(tmp_path / "c", count=10, seed=seed), seed=seed)
    assert sorted(found.times_s)[len(found.times_s) * 95 // 100] <= faults.TAKEOVER_BAR_S


@pytest.mark.parametrize("seed", range(5))
async def test_servers_restarted(tmp_path: Path, seed: int) -> None:
    """B5, 10 of 50 for each server: recording is unaffected, no row is lost."""
    found = await recorded("B5", lambda: faults.restarts(tmp_path / "c", rounds=10, seed=seed), seed=seed)
    assert found.verdict.tails_s == []
