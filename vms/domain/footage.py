"""Segments and where they lie: the unit of retention, of upload and of proof."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

from vms.domain.camera import StreamRef


class SegmentState(StrEnum):
    """Where a Segment is in its life."""

    OPEN = "open"
    SPOOLED = "spooled"
    STORED = "stored"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Fragment:
    """One moof+mdat: byte range in the Segment, dts of its first video sample (90 kHz in the Run), wall time, length
    of its video in 90 kHz, and whether it begins with a key frame."""

    offset_bytes: int
    size_bytes: int
    dts_90k: int
    duration_90k: int
    wall_ns: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """One self-contained fMP4. Its identity is (run, number); `init_bytes` is the size of ftyp+moov at its start."""

    run: str
    number: int
    stream: StreamRef
    site: str
    node: str
    epoch: int
    start_ns: int
    end_ns: int
    state: SegmentState
    init_bytes: int = 0
    size_bytes: int = 0
    sha256: str = ""
    leaf_root: str = ""
    previous_root: str = ""
    first_gop: int = 0
    gops: int = 0
    rev: int = 1

    @property
    def key(self) -> str:
        """Object key and path in the spool (DESIGN §6)."""
        return footage_key(self.site, self.stream, self.start_ns, self.run)


@dataclass(frozen=True, slots=True)
class IndexedSegment:
    """A Segment with its fragment index."""

    segment: Segment
    fragments: tuple[Fragment, ...] = field(default=())


class CopyState(StrEnum):
    """State of one Copy."""

    WANTED = "wanted"
    VERIFIED = "verified"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Copy:
    """A Segment in a Store."""

    run: str
    number: int
    store: str
    state: CopyState
    verified_ns: int | None = None
    rev: int = 1


def footage_key(site: str, stream: StreamRef, start_ns: int, run: str) -> str:
    """footage/<site>/<camera>/<stream>/<yyyy>/<mm>/<dd>/<hh>/<start_ms>-<run>.mp4, UTC."""
    at = dt.datetime.fromtimestamp(start_ns // 1_000_000_000, tz=dt.UTC)
    return f"footage/{site}/{stream.camera}/{stream.name}/{at:%Y/%m/%d/%H}/{start_ns // 1_000_000}-{run}.mp4"
