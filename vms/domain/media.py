"""What moves: Packets, the Runs they belong to, and what is known of a Stream's state. All immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vms.domain.camera import StreamRef

CLOCK_HZ = 90_000


class Codec(StrEnum):
    """Codecs that are recorded; what a browser plays of them is the streamer's and the player's business."""

    H264 = "h264"
    H265 = "h265"
    AAC = "aac"
    PCMU = "pcmu"
    PCMA = "pcma"

    @property
    def is_video(self) -> bool:
        """Video or audio."""
        return self in {Codec.H264, Codec.H265}


@dataclass(frozen=True, slots=True)
class Track:
    """One track of a Run. `extradata`: video: parameter sets in Annex-B order; AAC: AudioSpecificConfig."""

    number: int
    codec: Codec
    extradata: bytes = b""
    width: int = 0
    height: int = 0
    sample_rate: int = 0
    channels: int = 0
    profile: str = ""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What a decoder must know: immutable for the whole Run; a change ends the Run. Track 0 is video."""

    tracks: tuple[Track, ...]

    @property
    def video(self) -> Track:
        """The video track."""
        return self.tracks[0]


class EndReason(StrEnum):
    """Why a Run ended. Where a Gap follows, most of these name its cause too."""

    CAMERA_UNREACHABLE = "camera_unreachable"
    AUTH_FAILED = "auth_failed"
    STREAM_STALLED = "stream_stalled"
    STREAM_CORRUPT = "stream_corrupt"
    INFO_CHANGED = "info_changed"
    OVERLOAD = "overload"
    CLOCK_STEP = "clock_step"
    DISABLED = "disabled"
    NODE_DOWN = "node_down"
    LEASE_LOST = "lease_lost"


@dataclass(frozen=True, slots=True)
class ClockState:
    """The clock of the node when a Run took its anchor, so that its times can be corrected later (DESIGN §5.9)."""

    boot_id: str
    mono_ns: int
    wall_ns: int
    synchronized: bool
    offset_ns: int | None = None
    rtcp_sender_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of one RTSP connection under one lease epoch with one RunInfo. It begins at a key frame."""

    id: str
    stream: StreamRef
    site: str
    node: str
    epoch: int
    info: RunInfo
    start_ns: int
    clock: ClockState
    anchor_ns: int
    end_ns: int | None = None
    end_reason: EndReason | None = None
    correction_ns: int | None = None
    rev: int = 1


@dataclass(frozen=True, slots=True)
class Packet:
    """One encoded access unit. seq counts from 0 over all tracks of the Run; pts and dts in 90 kHz, relative to the
    Run's first key frame's dts (which is 0); wall_ns stamped once. Payload: video Annex-B with parameter sets at every
    key frame; AAC without ADTS; G.711 raw."""

    stream: StreamRef
    run: str
    track: int
    seq: int
    pts_90k: int
    dts_90k: int
    wall_ns: int
    is_key: bool
    payload: bytes


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A Run begins; its first Packet, a key frame, follows."""

    run: Run

    @property
    def stream(self) -> StreamRef:
        """The Stream of the Run."""
        return self.run.stream


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A Run is over. `end_ns`: wall time of its last video Packet plus one frame. `packets`: how many there were."""

    stream: StreamRef
    run: str
    end_ns: int
    reason: EndReason
    packets: int


class StreamCondition(StrEnum):
    """States of a Stream at ingest; the last is said by whoever does not hear of it any more."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"
    AUTH_FAILED = "auth_failed"
    UNREACHABLE = "unreachable"
    UNSUPPORTED = "unsupported"
    DISABLED = "disabled"
    NOT_REPORTED = "not_reported"


@dataclass(frozen=True, slots=True)
class StreamState:
    """Condition of a Stream since when, and why in plain words without any secret (empty when live). `cause` is the
    GapCause value of a Gap that this condition makes, empty when live. `reason`, `params`: as in VmsError."""

    stream: StreamRef
    condition: StreamCondition
    since_ns: int
    why: str = ""
    cause: str = ""
    reason: str = ""
    params: Mapping[str, str] = field(default_factory=dict, hash=False)


HubItem = Packet | RunStarted | RunEnded | StreamState
