"""NAL units: Annex-B byte streams to 4-byte length prefixes, as a Segment stores them. Pure; nothing is decoded.

Annex-B (ITU-T H.264 and H.265, annex B): each unit follows 00 00 01; zeros before a start code belong to no unit, for a
unit never ends in 00. Parameter sets, delimiters and SEI stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterable

_START = b"\x00\x00\x01"


def ranges(stream: bytes) -> list[tuple[int, int]]:
    """[start, end) of each unit that is not empty. A stream without any start code is one unit. Looks from the end:
    CPython's rfind takes a third of the time of its find for a needle as short as this (3 of 9 µs for 15 KB)."""
    at, end = stream.rfind(_START), len(stream)
    start = 0 if at < 0 else at + 3
    found = []
    while True:
        while end > start and stream[end - 1] == 0:
            end -= 1
        if end > start:
            found.append((start, end))
        end, at = at, stream.rfind(_START, 0, max(at, 0))
        if at < 0:
            break
        start = at + 3
    found.reverse()
    return found


def units(stream: bytes) -> list[bytes]:
    """The units of an Annex-B stream."""
    return [stream[start:end] for start, end in ranges(stream)]


def to_lengths(stream: bytes) -> bytes:
    """Annex-B as units with 4-byte big-endian lengths before them."""
    found = ranges(stream)
    view = memoryview(stream)
    parts: list[bytes | memoryview] = []
    for start, end in found:
        parts.append((end - start).to_bytes(4, "big"))
        parts.append(view[start:end])
    return b"".join(parts)


def join_lengths(found: Iterable[bytes]) -> bytes:
    """Units with 4-byte lengths before them."""
    return b"".join(part for unit in found for part in (len(unit).to_bytes(4, "big"), unit))


def to_annexb(sample: bytes) -> bytes:
    """The inverse of `to_lengths`, with 4-byte start codes; ValueError where lengths do not add up."""
    return b"".join(part for unit in split_lengths(sample) for part in (b"\x00" + _START, unit))


def split_lengths(sample: bytes | memoryview) -> list[memoryview]:
    """The units of a sample with 4-byte lengths; ValueError where lengths do not add up or a unit is empty."""
    view, at, found = memoryview(sample), 0, []
    while at < len(view):
        size = int.from_bytes(view[at : at + 4], "big")
        at += 4
        if size == 0 or at + size > len(view):
            raise ValueError(f"a NAL unit of {size} bytes at {at} in a sample of {len(view)}")
        found.append(view[at : at + size])
        at += size
    return found
