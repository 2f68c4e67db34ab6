"""Gaps: what of a registered Stream is not replayable, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vms.domain.camera import StreamRef


class GapCause(StrEnum):
    """Causes; the last three are nobody's fault."""

    CAMERA_UNREACHABLE = "camera_unreachable"
    AUTH_FAILED = "auth_failed"
    STREAM_STALLED = "stream_stalled"
    STREAM_CORRUPT = "stream_corrupt"
    NO_KEYFRAME = "no_keyframe"
    NODE_DOWN = "node_down"
    OVERLOAD = "overload"
    NO_MOTION = "no_motion"
    SPOOL_FULL = "spool_full"
    DISK_ERROR = "disk_error"
    CLOCK_STEP = "clock_step"
    NOT_REPORTED = "not_reported"
    LOST = "lost"
    UNKNOWN = "unknown"
    SCHEDULE = "schedule"
    DISABLED = "disabled"
    EXPIRED = "expired"


NOBODYS_FAULT = frozenset({GapCause.SCHEDULE, GapCause.DISABLED, GapCause.EXPIRED, GapCause.NO_MOTION})
"""Causes of Gaps in which nothing should have been recorded, or is kept no more."""


class GapState(StrEnum):
    """open: goes on; closed: ended; repaired: footage for it arrived later."""

    OPEN = "open"
    CLOSED = "closed"
    REPAIRED = "repaired"


@dataclass(frozen=True, slots=True)
class Gap:
    """[start_ns, end_ns) of one Stream; `end_ns` None while open."""

    id: str
    stream: StreamRef
    site: str
    node: str
    start_ns: int
    end_ns: int | None
    cause: GapCause
    state: GapState
    rev: int = 1
