"""Segments and where they lie: the unit of retention, of upload and of proof."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
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
    """One prft+moof+mdat: byte range in the Segment, dts of its first video sample (90 kHz in the Run), wall time,
    length of its video in 90 kHz, and whether it begins with a key frame."""

    offset_bytes: int
    size_bytes: int
    dts_90k: int
    duration_90k: int
    wall_ns: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class Gop:
    """From one key frame to before the next within a Segment: byte range, dts of the key frame (90 kHz in the Run),
    length in 90 kHz, wall time of the key frame, and the size of the fragment that begins with it. What a player asks
    for at once; of a fast replay, that fragment alone."""

    offset_bytes: int
    size_bytes: int
    dts_90k: int
    duration_90k: int
    wall_ns: int
    key_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Segment:
    """One self-contained fMP4. Its identity is (run, number); `init_bytes` is the size of ftyp+moov at its start;
    `previous_root` is the head of the Run's chain before it (vms/proof/chain.py), empty for number 0."""

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


@dataclass(frozen=True, slots=True)
class GopSegment:
    """A Segment with its GOPs alone: what a playlist needs."""

    segment: Segment
    gops: tuple[Gop, ...] = field(default=())


class CopyState(StrEnum):
    """State of one Copy. Wanted: ordered, and not there yet. Doomed: to be deleted as soon as its Store is reached."""

    WANTED = "wanted"
    VERIFIED = "verified"
    DOOMED = "doomed"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Copy:
    """A Segment in a Store. `locked`: it has a legal hold there, so that nobody can delete it."""

    run: str
    number: int
    store: str
    state: CopyState
    verified_ns: int | None = None
    rev: int = 1
    locked: bool = False


class StoreKind(StrEnum):
    """What a Store is made of."""

    FOLDER = "folder"
    S3 = "s3"


@dataclass(frozen=True, slots=True)
class Store:
    """An object storage by name. `location`: folder, or endpoint and bucket; never a secret."""

    name: str
    kind: StoreKind
    location: str
    rev: int = 1


def footage_key(site: str, stream: StreamRef, start_ns: int, run: str) -> str:
    """footage/<site>/<camera>/<stream>/<yyyy>/<mm>/<dd>/<hh>/<start_ms>-<run>.mp4, UTC."""
    at = dt.datetime.fromtimestamp(start_ns // 1_000_000_000, tz=dt.UTC)
    return f"footage/{site}/{stream.camera}/{stream.name}/{at:%Y/%m/%d/%H}/{start_ns // 1_000_000}-{run}.mp4"


def gops_of(fragments: Iterable[Fragment]) -> tuple[Gop, ...]:
    """The GOPs of a fragment index in file order; what comes before the first key frame is left out."""
    groups: list[tuple[Fragment, Fragment]] = []
    for fragment in fragments:
        if fragment.is_key:
            groups.append((fragment, fragment))
        elif groups:
            groups[-1] = (groups[-1][0], fragment)
    return tuple(
        Gop(
            first.offset_bytes,
            last.offset_bytes + last.size_bytes - first.offset_bytes,
            first.dts_90k,
            last.dts_90k + last.duration_90k - first.dts_90k,
            first.wall_ns,
            first.size_bytes,
        )
        for first, last in groups
    )
