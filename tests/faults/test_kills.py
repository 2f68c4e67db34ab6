"""A5 in full: fifty kills at random moments, in shards of ten so that SHARD=k/n divides them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import kills


@pytest.mark.fault
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(5))
async def test_ten_kills_lose_half_a_second_at_most(tmp_path: Path, seed: int) -> None:
    """After ten kills everything can be read, all agrees, and no tail lost more than 0.5 s."""
    found = await kills.measure(tmp_path, kills=10, cameras=3, seed=seed)
    assert found.kills == 10
    assert found.unreadable == []
    assert found.disagreements == []
    assert max(found.tails_s) <= kills.TAIL_BAR_S, sorted(found.tails_s)[-5:]
