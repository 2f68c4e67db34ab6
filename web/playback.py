"""The narrow port on the recorder's read side: what the API asks of footage. recorder.playback implements it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from vms.domain.camera import Camera, StreamName
from vms.domain.footage import Segment
from vms.domain.gap import GapCause, GapState
from vms.domain.interval import Interval


class Missing(Protocol):
    """A stretch that is not replayable, and why."""

    @property
    def start_ns(self) -> int: ...
    @property
    def end_ns(self) -> int: ...
    @property
    def cause(self) -> GapCause: ...
    @property
    def state(self) -> GapState: ...


class Coverage(Protocol):
    """What of a window is recorded; `window` is None where nothing of the interval can be."""

    @property
    def window(self) -> Interval | None: ...
    @property
    def intervals(self) -> Sequence[Interval]: ...
    @property
    def gaps(self) -> Sequence[Missing]: ...
    @property
    def recorded_ns(self) -> int: ...


class Lack(Protocol):
    """Gaps that a timeline draws as one."""

    @property
    def start_ns(self) -> int: ...
    @property
    def end_ns(self) -> int: ...
    @property
    def cause(self) -> GapCause: ...
    @property
    def state(self) -> GapState: ...
    @property
    def count(self) -> int: ...
    @property
    def missing_ns(self) -> int: ...


class Strip(Protocol):
    """Coverage of a camera, nothing finer than a step; `window` as of Coverage."""

    @property
    def camera(self) -> str: ...
    @property
    def window(self) -> Interval | None: ...
    @property
    def recorded(self) -> Sequence[Interval]: ...
    @property
    def lacks(self) -> Sequence[Lack]: ...


class SegmentFile(Protocol):
    """A Segment to read ranges of; `final` where its bytes never change any more."""

    @property
    def segment(self) -> Segment: ...
    @property
    def size_bytes(self) -> int: ...
    @property
    def final(self) -> bool: ...
    async def read(self, offset: int, length: int | None = None) -> bytes:
        """Bytes [offset, offset + length), all at once."""

    def blocks(self, offset: int, length: int | None = None) -> AsyncIterator[bytes]:
        """The same in blocks, read as they are taken."""


class Download(Protocol):
    """Footage of an interval as one MP4, made while it is taken."""

    def blocks(self) -> AsyncIterator[bytes]:
        """The file, in order."""


class ThumbnailSource(Protocol):
    """Small pictures of past moments."""

    async def nearest(self, camera: str, at_ns: int, within_ns: int) -> tuple[int, bytes] | None:
        """Time and JPEG of the one nearest to an instant; None: there is none so near."""


class Playback(Protocol):
    """Reads footage. All raise NotFoundError and IntervalError."""

    @property
    def thumbnails(self) -> ThumbnailSource:
        """What is stored of small pictures."""

    async def coverage(self, camera: str, stream: StreamName, interval: Interval) -> Coverage:
        """What of an interval is recorded."""

    async def strips(
        self, cameras: Sequence[Camera], stream: StreamName, interval: Interval, step_ns: int
    ) -> Sequence[Strip]:
        """The coverage of several cameras as a timeline draws it, in their order."""

    async def playlist(self, camera: str, stream: StreamName, interval: Interval) -> str:
        """HLS of the interval."""

    async def key_frames(self, camera: str, stream: StreamName, interval: Interval) -> Download:
        """The key frames of the interval, as records (recorder/key_stream.py)."""

    async def segment(self, run: str, number: int, view: str | None = None) -> SegmentFile:
        """One Segment, or a view of it."""

    async def footage(self, camera: str, stream: StreamName, interval: Interval) -> Download:
        """One MP4 of the interval."""
