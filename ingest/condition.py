"""What became of a connection: a state of the Stream, the reason of its Run's end, whether to try again soon. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from vms.domain.gap import GapCause
from vms.domain.media import EndReason, StreamCondition
from vms.errors import (
    CameraAuthError,
    CameraCorruptError,
    CameraStalledError,
    CameraUnsupportedError,
    InputError,
    VmsError,
)

AUTH_TRIES = 3


class NoKeyFrameError(CameraStalledError):
    """The camera sends pictures, and none that a decoder could start at."""

    code = "no_keyframe"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Condition, Gap cause, why (plain words, no secret), and the end reason of a Run that was under way."""

    condition: StreamCondition
    cause: GapCause
    why: str
    reason: EndReason


_UNREACHABLE = (StreamCondition.UNREACHABLE, GapCause.CAMERA_UNREACHABLE, EndReason.CAMERA_UNREACHABLE)
# The first that fits. A refused URL and an unsupported codec have no Gap cause of their own: nothing is reachable
# behind the one, nothing readable behind the other.
_KINDS: tuple[tuple[type[VmsError], tuple[StreamCondition, GapCause, EndReason]], ...] = (
    (NoKeyFrameError, (StreamCondition.STALLED, GapCause.NO_KEYFRAME, EndReason.STREAM_STALLED)),
    (CameraStalledError, (StreamCondition.STALLED, GapCause.STREAM_STALLED, EndReason.STREAM_STALLED)),
    (CameraAuthError, (StreamCondition.AUTH_FAILED, GapCause.AUTH_FAILED, EndReason.AUTH_FAILED)),
    (CameraCorruptError, (StreamCondition.STALLED, GapCause.STREAM_CORRUPT, EndReason.STREAM_CORRUPT)),
    (CameraUnsupportedError, (StreamCondition.UNSUPPORTED, GapCause.STREAM_CORRUPT, EndReason.STREAM_CORRUPT)),
    (InputError, (StreamCondition.UNSUPPORTED, GapCause.CAMERA_UNREACHABLE, EndReason.CAMERA_UNREACHABLE)),
)


def judge(error: VmsError, *, was_live: bool) -> Verdict:
    """What an ended connection means. After a live one that merely broke, the Stream is *connecting* again, and
    unreachable only when the next try fails too."""
    condition, cause, reason = next((what for kind, what in _KINDS if isinstance(error, kind)), _UNREACHABLE)
    if condition is StreamCondition.UNREACHABLE and was_live:
        condition = StreamCondition.CONNECTING
    return Verdict(condition, cause, f"{error.message} {error.hint}".strip(), reason)


def is_hopeless(error: VmsError, refusals: int) -> bool:
    """Whether only a person can help, so that tries are rare: the third refused password in a row (cameras lock
    accounts), a refused URL, an unsupported codec."""
    if isinstance(error, CameraAuthError):
        return refusals >= AUTH_TRIES
    return isinstance(error, InputError | CameraUnsupportedError)
