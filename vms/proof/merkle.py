"""Merkle trees over leaves as RFC 6962 §2.1 builds them: leaf = SHA-256(0x00 ‖ data), node = SHA-256(0x01 ‖ left ‖
right), split at the largest power of two below the count, which is the same as promoting an odd node. Pure.

The data of a leaf is its 32-byte hash of vms.proof.leaf. The root of no leaves is SHA-256 of nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

_LEAF = b"\x00"
_NODE = b"\x01"


def root(leaves: Sequence[bytes]) -> bytes:
    """The root, 32 bytes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = [_leaf_hash(leaf) for leaf in leaves]
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of one leaf, from its neighbour upwards (RFC 6962 §2.1.1)."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of {len(leaves)}")
    level, siblings = [_leaf_hash(leaf) for leaf in leaves], []
    while len(level) > 1:
        if index ^ 1 < len(level):
            siblings.append(level[index ^ 1])
        level, index = _above(level), index // 2
    return siblings


def root_of_path(leaf: bytes, index: int, count: int, siblings: Sequence[bytes]) -> bytes | None:
    """The root that a leaf and its path lead to, None where the path does not fit that place in such a tree."""
    if not 0 <= index < count:
        return None
    node, left = _leaf_hash(leaf), list(siblings)
    while count > 1:
        if index ^ 1 < count:
            if not left:
                return None
            other = left.pop(0)
            node = _node_hash(other, node) if index & 1 else _node_hash(node, other)
        index, count = index // 2, (count + 1) // 2
    return None if left else node


def _above(level: list[bytes]) -> list[bytes]:
    above = [_node_hash(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
    if len(level) % 2:
        above.append(level[-1])
    return above


def _leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(_LEAF + leaf).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
