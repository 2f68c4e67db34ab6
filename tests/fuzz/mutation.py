"""Bytes made of honest ones by a seed: cut, doubled, flipped, joined, and with numbers and words that hurt. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

MAX_BYTES = 1 << 16
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, (1 << 63) - 1, (1 << 64) - 1)
WORDS = (
    b"\0", b"\r\n", b"\r\n\r\n", b"\n", b"-1", b"0", b"9" * 30, b"1e999", b"NaN", b"null", b"[]", b"{}", b'"', b"'",
    b",", b";", b"=", b":", b"%00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", "\u202e".encode(), b"../", b"$",
    b"<", b"&x;", b"!!python/object:x", b"&a", b"*a", b"#", b"\t", b"[" * 40, b'{"a":' * 40, b"<a>" * 40, b"A" * 300,
    b"@", b"http://",
)  # fmt: skip


def mutated(random: Random, honest: Sequence[bytes]) -> bytes:
    """One of the honest ones after one to six changes."""
    data = bytearray(random.choice(honest))
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        random.choice(_CHANGES)(random, data, honest)
    return bytes(data[:MAX_BYTES])


def _place(random: Random, data: bytearray) -> int:
    return random.randrange(len(data) + 1)


def _span(random: Random, data: bytearray) -> tuple[int, int]:
    at = _place(random, data)
    return at, min(len(data), at + random.choice((1, 1, 2, 4, 8, 40, 400)))


def _flip(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _replace(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] = random.randrange(256)


def _number(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    size, at = random.choice((1, 2, 4, 8)), _place(random, data)
    number = random.choice(NUMBERS) & ((1 << 8 * size) - 1)
    data[at : at + size] = number.to_bytes(size, random.choice(("big", "little")))


def _word(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(random, data)
    data[at : at + random.choice((0, 0, 1, 4))] = random.choice(WORDS)


def _noise(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    at = _place(random, data)
    data[at:at] = random.randbytes(random.choice((1, 2, 16, 200)))


def _cut(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    begin, end = _span(random, data)
    del data[begin:end]


def _end(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    del data[_place(random, data) :]


def _double(random: Random, data: bytearray, _: Sequence[bytes]) -> None:
    begin, end = _span(random, data)
    at = _place(random, data)
    data[at:at] = data[begin:end] * random.choice((1, 1, 2, 50))


def _join(random: Random, data: bytearray, honest: Sequence[bytes]) -> None:
    other = random.choice(honest)
    data[_place(random, data) :] = other[random.randrange(len(other) + 1) :]


_CHANGES: tuple[Callable[[Random, bytearray, Sequence[bytes]], None], ...] = (
    _flip, _replace, _number, _word, _noise, _cut, _end, _double, _join,
)  # fmt: skip
