"""Leaf v1: golden vectors, and the laws that make it a proof."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vms.proof.leaf import LeafHash, LeafHeader, Sample, in_order, leaf

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors.json").read_text())
HEADER = LeafHeader("aaaaaaaaaaaaaaaa", 7, 1_790_000_000_000_000_000)


def sample_of(value: dict[str, Any]) -> Sample:
    """A Sample of the vectors."""
    payload = bytes.fromhex(value["payload_hex"])
    return Sample(value["track"], value["hz"], value["is_key"], value["pts"], value["dts"], payload)


def straightforward(gop: dict[str, Any]) -> str:
    """The hash by the letter of docs/footage-format.md, written apart from the code under test."""
    run = gop["run"].encode()
    data = bytes([1, len(run)]) + run + struct.pack(">Qq", gop["gop"], gop["wall_ns"])
    key = gop["key_dts_90k"]
    for s in sorted(gop["samples"], key=lambda s: (s["dts"] / s["hz"], s["track"])):
        base = key * s["hz"] // 90_000
        payload = bytes.fromhex(s["payload_hex"])
        data += struct.pack(">HBI", s["track"], s["is_key"], len(payload)) + payload
        data += struct.pack(">qq", s["pts"] - base, s["dts"] - base)
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("gop", VECTORS["gops"])
def test_golden_vectors(gop: dict[str, Any]) -> None:
    """A leaf is what it was when the first footage was recorded."""
    header = LeafHeader(gop["run"], gop["gop"], gop["wall_ns"])
    assert header.encode().hex() == gop["header_hex"]
    assert leaf(header, gop["key_dts_90k"], map(sample_of, gop["samples"])).hex() == gop["leaf"]
    assert straightforward(gop) == gop["leaf"]


samples = st.lists(
    st.builds(
        lambda track, dts, delta, is_key, payload: Sample(
            track, 48_000 if track else 90_000, is_key or track > 0, dts + delta, dts, payload
        ),
        st.integers(0, 2),
        st.integers(0, 10**9),
        st.integers(-(10**5), 10**5),
        st.booleans(),
        st.binary(max_size=20),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda s: (s.dts, s.track),
)


@settings(max_examples=60)
@given(samples, st.randoms())
def test_order_of_arrival_does_not_matter(found: list[Sample], random: Any) -> None:
    """The samples of a GOP give one leaf, however they are interleaved in a container."""
    shuffled = list(found)
    random.shuffle(shuffled)
    assert leaf(HEADER, 0, shuffled) == leaf(HEADER, 0, found)


@settings(max_examples=60)
@given(samples, st.integers(0, 12))
def test_incremental_is_the_same(found: list[Sample], at: int) -> None:
    """Hashing in two steps gives the leaf of all."""
    ordered = in_order(found)
    hashing = LeafHash(HEADER, 0)
    hashing.add(ordered[:at])
    hashing.add(ordered[at:])
    assert hashing.digest() == leaf(HEADER, 0, found)
    assert hashing.samples == len(found)


@settings(max_examples=60)
@given(samples, st.data())
def test_any_change_changes_the_leaf(found: list[Sample], data: st.DataObject) -> None:
    """A changed byte, time, flag or track, or a missing sample, is another leaf."""
    at = data.draw(st.integers(0, len(found) - 1))
    one = found[at]
    changed = data.draw(
        st.sampled_from(
            [
                one._replace(pts=one.pts + 1),
                one._replace(is_key=not one.is_key),
                one._replace(track=one.track + 3),
                one._replace(payload=bytes(one.payload) + b"\x00"),
                None,
            ]
        )
    )
    others = [*found[:at], *([] if changed is None else [changed]), *found[at + 1 :]]
    assert leaf(HEADER, 0, others) != leaf(HEADER, 0, found)


@given(st.text(min_size=1, max_size=5), st.integers(0, 2**64 - 1), st.integers(-(2**63), 2**63 - 1))
def test_headers_are_distinct(run: str, gop: int, wall_ns: int) -> None:
    """A header says which Run, GOP and time it is; what is not ASCII is refused."""
    if not run.isascii():
        with pytest.raises(ValueError):
            LeafHeader(run, gop, wall_ns).encode()
        return
    encoded = LeafHeader(run, gop, wall_ns).encode()
    assert encoded[2 : 2 + len(run)] == run.encode()
    assert struct.unpack(">Qq", encoded[2 + len(run) :]) == (gop, wall_ns)


@pytest.mark.parametrize("run", ["", "x" * 256])
def test_a_run_id_has_a_length(run: str) -> None:
    """An empty or endless run id is refused."""
    with pytest.raises(ValueError):
        LeafHeader(run, 0, 0).encode()
