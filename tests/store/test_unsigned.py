"""The row of the key that a Node signs with: entered once, certified when the installation says so."""

from __future__ import annotations

from dataclasses import replace

from vms.domain.node import NodeSigningKey
from vms.store.catalogue import Catalogue

NODE = "n" * 16
KEY = NodeSigningKey("f" * 64, NODE, "ab" * 32, made_ns=1)


async def test_a_nodes_key_is_entered_once(catalogue: Catalogue) -> None:
    """Said again later it stays as it was, also beside an older key of the same Node."""
    await catalogue.unsigned.add_key(replace(KEY, fingerprint="e" * 64))
    assert await catalogue.unsigned.own_key(KEY) == KEY
    assert await catalogue.unsigned.own_key(replace(KEY, made_ns=9)) == KEY
    assert [one.fingerprint for one in await catalogue.unsigned.keys(NODE)] == ["e" * 64, "f" * 64]


async def test_a_certificate_comes_to_a_key_and_none_takes_it_away(catalogue: Catalogue) -> None:
    """A newer word for the key goes into its row; who has no word, or the same, changes nothing."""
    await catalogue.unsigned.own_key(KEY)
    certified = replace(KEY, certificate="first", rev=2)
    assert await catalogue.unsigned.own_key(replace(KEY, made_ns=5, certificate="first")) == certified
    for again in ("", "first"):
        assert await catalogue.unsigned.own_key(replace(KEY, certificate=again)) == certified
    newer = replace(KEY, certificate="second", rev=3)
    assert await catalogue.unsigned.own_key(replace(KEY, certificate="second")) == newer
    assert await catalogue.unsigned.keys(NODE) == [newer]
