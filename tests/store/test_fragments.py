"""The packed fragment index."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.samples import fragments
from vms.domain.footage import Fragment, gops_of
from vms.errors import CatalogueError
from vms.store.fragments import pack, unpack, unpack_gops

_FRAGMENT = st.builds(
    Fragment,
    offset_bytes=st.integers(0, 2**40),
    size_bytes=st.integers(0, 2**32 - 1),
    dts_90k=st.integers(-(2**40), 2**40),
    duration_90k=st.integers(0, 2**32 - 1),
    wall_ns=st.integers(0, 2**62),
    is_key=st.booleans(),
)


@settings(max_examples=60)
@given(st.lists(_FRAGMENT, max_size=30))
def test_what_is_packed_comes_back(index: list[Fragment]) -> None:
    """Any list of fragments survives, however odd, and its GOPs are those of the rule."""
    packed = pack(index)
    assert unpack(packed) == tuple(index)
    assert unpack_gops(packed) == gops_of(index)


def test_a_minute_takes_little_room() -> None:
    """300 fragments fit in 1.5 KB: ten million Segments in 15 GB."""
    assert len(pack(fragments())) < 1500


def test_gops_reach_to_the_next_key_fragment() -> None:
    """A GOP is the bytes and the time from one key fragment to the next."""
    index = fragments(seconds=4)
    gops = unpack_gops(pack(index))
    assert [g.offset_bytes for g in gops] == [index[0].offset_bytes, index[10].offset_bytes]
    assert gops[0].size_bytes == index[10].offset_bytes - index[0].offset_bytes
    assert gops[0].duration_90k == 180_000
    assert gops[1].offset_bytes + gops[1].size_bytes == index[-1].offset_bytes + index[-1].size_bytes


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "longer", "newer"])
def test_damage_is_said(damage: str) -> None:
    """A damaged or newer index is a CatalogueError, never wrong fragments."""
    good = pack(fragments(seconds=2))
    bad = {
        "empty": b"",
        "cut": good[:-3],
        "flipped": good[:40] + bytes([good[40] ^ 0xFF]) + good[41:],
        "longer": good[:1] + (999).to_bytes(4, "little") + good[5:],
        "newer": b"\x02" + good[1:],
    }[damage]
    with pytest.raises(CatalogueError):
        unpack(bad)
