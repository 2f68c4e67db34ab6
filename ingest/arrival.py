"""What every reader of a camera gives, and what it is asked for: the seam between libav's reader and our own. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from vms.domain.media import Codec, Track


@dataclass(frozen=True, slots=True)
class OpenOptions:
    """How to open: `tcp` or `udp`; whether to take audio; seconds for each half of opening, and of silence;
    for the connection alone, None: as long as for the half of opening that it is part of."""

    transport: str = "tcp"
    audio: bool = False
    open_timeout_s: float = 5.0
    read_timeout_s: float = 10.0
    connect_timeout_s: float | None = None


class Arrival(NamedTuple):
    """One access unit with its times in the track's clock, as far as known, and when its first bytes came (monotonic);
    None where the reader does not know."""

    is_video: bool
    data: bytes
    pts: int | None
    dts: int | None
    came_ns: int | None = None


class Reader(Protocol):
    """An open connection with one video track and perhaps one audio track."""

    @property
    def codec(self) -> Codec:
        """Codec of the video."""

    @property
    def extradata(self) -> bytes:
        """What the session description says of parameter sets."""

    @property
    def audio(self) -> Track | None:
        """The audio track, where there is one that is wanted and supported."""

    @property
    def holds_back(self) -> bool:
        """Whether a unit is given only when the next one begins to arrive."""

    def sender_ns(self) -> int | None:
        """The camera's own wall time at the start of the stream, by RTCP sender reports, once one came."""

    def packets(self) -> Iterator[Arrival]:
        """All units until the connection ends, which is always a CameraError: live streams have no end."""

    def close(self) -> None:
        """Say goodbye (TEARDOWN, without waiting for the answer) and give everything back."""
