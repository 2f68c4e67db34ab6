"""Range requests (RFC 9110 §14): one range of bytes, else 416; and what a safe file name for a download is. Pure.

A header with a comma is refused without being parsed, whatever its length: many ranges cost nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

_ONE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)
_HEADER_MAX = 64


class RangeNotSatisfiableError(Exception):
    """The answer is 416 with `Content-Range: bytes */size`."""

    def __init__(self, size: int) -> None:
        super().__init__(f"no single range inside {size} bytes")
        self.size = size


@dataclass(frozen=True, slots=True)
class ByteRange:
    """[start, end) of `size` bytes; `partial` where only a part was asked for."""

    start: int
    end: int
    size: int
    partial: bool

    @property
    def length(self) -> int:
        """Bytes in the range."""
        return self.end - self.start

    @property
    def content_range(self) -> str:
        """Value of the Content-Range header."""
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


def wants_many(header: str | None) -> bool:
    """Whether a Range header asks for more than one range, which nothing here serves."""
    return header is not None and "," in header


def byte_range(header: str | None, size: int) -> ByteRange:
    """The range a Range header asks for; the whole where there is none. RangeNotSatisfiableError for anything else."""
    if header is None:
        return ByteRange(0, size, size, partial=False)
    match = _ONE.fullmatch(header.strip()) if len(header) <= _HEADER_MAX else None
    if match is None or not any(match.groups()):
        raise RangeNotSatisfiableError(size)
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
    if start >= end:
        raise RangeNotSatisfiableError(size)
    return ByteRange(start, end, size, partial=True)


def content_disposition(filename: str) -> str:
    """An attachment of that name: RFC 6266 with an ASCII name for old programs and the full one by RFC 8187."""
    ascii_name = re.sub(r"[^A-Za-z0-9._-]+", "_", filename).lstrip(".") or "footage.mp4"
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(filename, safe='')}"
