"""Which Node ingests which Camera: everyone has one owner, shares are fair, few move."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from vms.domain.placement import place, shares

CAMERAS = st.integers(0, 60).map(lambda count: [f"camera-{n}" for n in range(count)])
NODES = st.dictionaries(st.sampled_from([f"node-{n}" for n in range(8)]), st.integers(0, 5), min_size=1)
HOLDERS = st.dictionaries(
    st.integers(0, 70).map(lambda n: f"camera-{n}"), st.integers(0, 9).map(lambda n: f"node-{n}"), max_size=60
)


def takers(capacity: dict[str, int]) -> set[str]:
    """Nodes that take any."""
    return {node for node, weight in capacity.items() if weight > 0}


@given(CAMERAS, NODES, HOLDERS)
def test_every_camera_has_one_live_owner_and_shares_are_fair(
    cameras: list[str], capacity: dict[str, int], holders: dict[str, str]
) -> None:
    """Whoever holds what now: nobody has more than a fair share rounded up; and once placed, nothing moves."""
    placed = place(cameras, capacity, holders)
    assert placed.keys() == (set(cameras) if takers(capacity) else set())
    assert set(placed.values()) <= takers(capacity)
    for node in takers(capacity):
        share = Fraction(len(cameras) * capacity[node], sum(capacity.values()))
        assert abs(list(placed.values()).count(node) - share) < 1
    assert place(list(reversed(cameras)), capacity, placed) == placed


@given(CAMERAS, NODES)
def test_who_joins_takes_its_share_and_nothing_else_moves(cameras: list[str], capacity: dict[str, int]) -> None:
    """All that moves, moves to the Node that came; and no more than its share."""
    before = place(cameras, capacity, {})
    joined = capacity | {"node-new": 2}
    after = place(cameras, joined, before)
    moved = [camera for camera, node in before.items() if after[camera] != node]
    assert all(after[camera] == "node-new" for camera in moved)
    assert len(moved) <= Fraction(len(cameras) * 2, sum(joined.values())) + 1


@given(CAMERAS, NODES)
def test_of_one_that_leaves_only_its_own_move(cameras: list[str], capacity: dict[str, int]) -> None:
    """The others keep theirs; equal Nodes share what is left evenly."""
    before = place(cameras, capacity, {})
    for gone in takers(capacity):
        left = {node: weight for node, weight in capacity.items() if node != gone}
        after = place(cameras, left, before)
        assert all(after.get(camera, node) == node for camera, node in before.items() if node != gone)


@given(st.integers(0, 100), NODES)
def test_shares_are_everything(count: int, capacity: dict[str, int]) -> None:
    """Together they are all there is."""
    assert sum(shares(count, capacity, {}).values()) == (count if takers(capacity) else 0)
