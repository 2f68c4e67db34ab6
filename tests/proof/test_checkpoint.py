"""Checkpoints: the golden vector, and that nothing in one can be changed unseen."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tests.proof.test_leaf import VECTORS
from vms.proof.checkpoint import (
    BadCheckpointError,
    Checkpoint,
    broken_links,
    canonical,
    checkpoint_key,
    opened,
    signed,
)
from vms.proof.keys import NodeKey, fingerprint, verifies

GOLDEN: dict[str, Any] = VECTORS["checkpoint"]
KEY = NodeKey.of_seed(bytes.fromhex(GOLDEN["seed_hex"]))


def made(number: int = 0, previous: str = "", **fields: Any) -> Checkpoint:
    """A small one."""
    key = {"fingerprint": KEY.fingerprint, "public_key": KEY.public}
    return Checkpoint("site", "node", number, previous, 1, 2, key, **fields)


def test_the_golden_vector() -> None:
    """The bytes of a Checkpoint are what they were, by the letter of docs/footage-format.md."""
    known = opened(GOLDEN["object"].encode())
    assert known.statement() == GOLDEN["statement"]
    assert known.sha256 == GOLDEN["sha256"]
    assert signed(known, KEY) == GOLDEN["object"].encode()
    text = json.dumps(GOLDEN["statement"], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert hashlib.sha256(text).hexdigest() == GOLDEN["sha256"]
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(GOLDEN["seed_hex"]))
    signature = json.loads(GOLDEN["object"])["signature"]
    private.public_key().verify(bytes.fromhex(signature), b"vms checkpoint v1\n" + text)


def test_the_key_of_its_time() -> None:
    """Ids and the UTC day, no name."""
    assert checkpoint_key("site", "node", 1_790_003_600_123_456_789) == (
        "checkpoints/site/node/2026/09/21/1790003600123.json"
    )


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where there is a plain value."""
    if isinstance(value, dict):
        return [place for name, inner in value.items() for place in places(inner, (*path, name))]
    if isinstance(value, list):
        return [place for i, inner in enumerate(value) for place in places(inner, (*path, i))]
    return [path]


@pytest.mark.parametrize("path", places(json.loads(GOLDEN["object"])), ids=lambda path: ".".join(map(str, path)))
def test_no_value_can_be_changed(path: tuple[Any, ...]) -> None:
    """Every single one."""
    value = copy.deepcopy(json.loads(GOLDEN["object"]))
    inner = value
    for step in path[:-1]:
        inner = inner[step]
    before = inner[path[-1]]
    inner[path[-1]] = before + 1 if isinstance(before, int) else "00" + (before or "")[2:] + "1"
    with pytest.raises(BadCheckpointError):
        opened(canonical(value))


@given(st.binary(max_size=60) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(canonical))
def test_whatever_is_no_checkpoint_is_said_to_be_none(data: bytes) -> None:
    """Never another error."""
    with pytest.raises(BadCheckpointError):
        opened(data)


def test_what_nobody_signed_for() -> None:
    """Another key, another field, a float: refused."""
    other = NodeKey.new()
    with pytest.raises(BadCheckpointError):
        opened(signed(made(), other))
    value = json.loads(signed(made(), KEY))
    statement = value["statement"] | {"more": 1}
    with pytest.raises(BadCheckpointError):
        opened(canonical({"statement": statement, "signature": value["signature"]}))
    with pytest.raises(TypeError):
        signed(made(audit=[1.5]), KEY)


def test_a_chain_with_a_hole() -> None:
    """One that is missing, and one that was put in."""
    chain = [made()]
    for number in (1, 2, 3):
        chain.append(made(number, chain[-1].sha256))
    assert broken_links(chain) == []
    assert broken_links([chain[0], *chain[2:]]) == [chain[2]]
    strange = made(2, "00" * 32)
    assert broken_links([*chain[:2], strange, chain[3]]) == [strange, chain[3]]


def test_keys() -> None:
    """A key survives its file, does not show itself, and signs what only its own public half verifies."""
    key = NodeKey.new()
    again = NodeKey.of_pem(key.pem())
    assert (again.public, again.fingerprint) == (key.public, key.fingerprint)
    assert key.fingerprint == fingerprint(key.public) == hashlib.sha256(bytes.fromhex(key.public)).hexdigest()
    assert key.public not in repr(key)
    signature = key.sign(b"data")
    assert verifies(key.public, signature, b"data")
    assert not verifies(key.public, signature, b"date")
    assert not verifies(KEY.public, signature, b"data")
    assert not verifies(key.public, "zz", b"data")
    assert not verifies("00", signature, b"data")
