"""Annex-B to length prefixes: edge cases of start codes, and the law that nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.nal import join_lengths, ranges, split_lengths, to_annexb, to_lengths, units

unit = st.binary(min_size=1, max_size=30).filter(
    lambda u: u[-1] != 0 and all(code not in u for code in (b"\x00\x00\x00", b"\x00\x00\x01", b"\x00\x00\x02"))
)
pieces = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([3, 4]), unit), min_size=1, max_size=6)


@settings(max_examples=150)
@given(pieces, st.integers(0, 3))
def test_units_come_out_as_they_went_in(found: list[tuple[int, int, bytes]], trailing: int) -> None:
    """Start codes of 3 or 4 bytes and zeros between and behind units are no part of them."""
    stream = b"".join(bytes(zeros) + bytes(length - 1) + b"\x01" + u for zeros, length, u in found) + bytes(trailing)
    expected = [u for _, _, u in found]
    assert units(stream) == expected
    assert [bytes(u) for u in split_lengths(to_lengths(stream))] == expected
    assert to_lengths(stream) == join_lengths(expected)
    assert units(to_annexb(to_lengths(stream))) == expected


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"", []),
        (b"\x00\x00\x01", []),
        (b"\x00\x00\x00\x01\x00\x00\x01", []),
        (b"\x00\x00\x01\x65\x00\x00\x00", [b"\x65"]),
        (b"\x65\x88", [b"\x65\x88"]),
        (b"\x00\x00\x01\x09\xf0\x00\x00\x00\x01\x65\x00\x00\x03\x01", [b"\x09\xf0", b"\x65\x00\x00\x03\x01"]),
        (b"\x00\x00\x01\x00\x00\x01\x41", [b"\x41"]),
    ],
)
def test_edges(stream: bytes, expected: list[bytes]) -> None:
    """Empty streams and units, trailing zeros, no start code at all, emulation prevention."""
    assert units(stream) == expected
    assert len(ranges(stream)) == len(expected)


@pytest.mark.parametrize("sample", [b"\x00", b"\x00\x00\x00\x00", b"\x00\x00\x00\x05\x41", b"\xff\xff\xff\xff\x41"])
def test_lengths_must_add_up(sample: bytes) -> None:
    """A length of zero or beyond the sample is an error."""
    with pytest.raises(ValueError):
        split_lengths(sample)


@given(st.binary(max_size=200))
def test_any_bytes_are_handled(stream: bytes) -> None:
    """Whatever a camera sends, the sample's lengths add up."""
    split_lengths(to_lengths(stream))
