"""Which Node of a Site should ingest which Camera: pure, and the same on every Node that knows the same.

Who has a Camera keeps it while its Node has room; what is left over goes by rendezvous hashing (highest random weight,
Thaler and Ravishankar 1998). So a Node that joins takes its share and nothing else moves, and of one that leaves only
its own Cameras do. Nothing depends on all Nodes knowing the same: the lease service decides who holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from fractions import Fraction


def place(cameras: Collection[str], capacity: Mapping[str, int], holders: Mapping[str, str]) -> dict[str, str]:
    """The Node of each Camera. `capacity`: of the live Nodes, relative to each other; 0 takes none. `holders`: who has
    a Camera now. Empty where no Node takes any."""
    room = shares(len(cameras), capacity, _held(cameras, holders))
    placed: dict[str, str] = {}
    for node in sorted(room):
        mine = [camera for camera in cameras if holders.get(camera) == node]
        mine.sort(key=lambda camera: score(node, camera), reverse=True)
        kept = mine[: room[node]]
        placed |= dict.fromkeys(kept, node)
        room[node] -= len(kept)
    if not room:
        return {}
    for camera in sorted(set(cameras) - placed.keys()):
        node = max((node for node, left in room.items() if left), key=lambda node: score(node, camera))
        placed[camera] = node
        room[node] -= 1
    return placed


def shares(count: int, capacity: Mapping[str, int], held: Mapping[str, int]) -> dict[str, int]:
    """How many of `count` each Node should have: by capacity, the largest remainders rounded up. Between equal
    remainders who has the one more already keeps it, so that the rest never moves."""
    total = sum(capacity.values())
    if total <= 0:
        return {}
    exact = {node: Fraction(count * weight, total) for node, weight in capacity.items() if weight > 0}
    found = {node: int(share) for node, share in exact.items()}
    order = sorted(exact, key=lambda node: (found[node] - exact[node], held.get(node, 0) <= found[node], node))
    for node in order[: count - sum(found.values())]:
        found[node] += 1
    return found


def score(node: str, camera: str) -> int:
    """How well a Node suits a Camera: as good as random, and the same for ever."""
    return int.from_bytes(hashlib.blake2b(f"{node} {camera}".encode(), digest_size=8).digest(), "big")


def _held(cameras: Collection[str], holders: Mapping[str, str]) -> dict[str, int]:
    held: dict[str, int] = {}
    for camera in cameras:
        node = holders.get(camera)
        if node is not None:
            held[node] = held.get(node, 0) + 1
    return held
