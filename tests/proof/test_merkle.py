"""Merkle trees and Run chains: golden vectors and laws."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.proof.test_leaf import VECTORS
from vms.proof import chain, merkle

leaves = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=20)


def rfc6962(found: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, recursive as it is written there."""
    if not found:
        return hashlib.sha256(b"").digest()
    if len(found) == 1:
        return hashlib.sha256(b"\x00" + found[0]).digest()
    k = 1 << (len(found) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + rfc6962(found[:k]) + rfc6962(found[k:])).digest()


@pytest.mark.parametrize("tree", VECTORS["trees"])
def test_golden_roots(tree: dict[str, Any]) -> None:
    """A root is what it was."""
    assert merkle.root([bytes.fromhex(leaf) for leaf in tree["leaves"]]).hex() == tree["root"]


@pytest.mark.parametrize("link", VECTORS["chain"])
def test_golden_heads(link: dict[str, Any]) -> None:
    """A Run's head is what it was, and by the letter of docs/footage-format.md."""
    assert chain.head(link["run"], link["number"], link["previous_root"], link["leaf_root"]) == link["head"]
    previous = bytes.fromhex(link["previous_root"]) or bytes(32)
    data = b"\x02" + bytes([len(link["run"])]) + link["run"].encode() + link["number"].to_bytes(8, "big")
    assert hashlib.sha256(data + previous + bytes.fromhex(link["leaf_root"])).hexdigest() == link["head"]


@settings(max_examples=60)
@given(leaves)
def test_roots_are_those_of_rfc_6962(found: list[bytes]) -> None:
    """Promoting an odd node is the split of the RFC."""
    assert merkle.root(found) == rfc6962(found)


@settings(max_examples=60)
@given(leaves, st.data())
def test_every_leaf_has_a_path_and_no_other_place(found: list[bytes], data: st.DataObject) -> None:
    """A path leads to the root from its leaf and place, and from nothing else."""
    at = data.draw(st.integers(0, len(found) - 1))
    siblings, root = merkle.path(found, at), merkle.root(found)
    assert merkle.root_of_path(found[at], at, len(found), siblings) == root
    assert merkle.root_of_path(bytes(31) + b"\x01", at, len(found), siblings) != root
    assert merkle.root_of_path(found[at], at, len(found), [*siblings, bytes(32)]) is None
    assert merkle.root_of_path(found[at], len(found), len(found), siblings) is None
    if siblings:
        assert merkle.root_of_path(found[at], at, len(found), siblings[:-1]) is None


def test_a_path_needs_a_leaf() -> None:
    """There is no path to a leaf that is not there."""
    with pytest.raises(IndexError):
        merkle.path([bytes(32)], 1)


@given(leaves, leaves)
def test_a_head_vouches_for_all_before(first: list[bytes], second: list[bytes]) -> None:
    """Another first Segment gives another head after the second."""
    roots = [merkle.root(first).hex(), merkle.root(second).hex(), merkle.root([bytes(32)]).hex()]
    heads = {chain.head("run", 1, chain.head("run", 0, "", root), roots[1]) for root in {roots[0], roots[1], roots[2]}}
    assert len(heads) == len(set(roots))
