"""What a tile may say of itself, pure: live only where the picture is 2 s old or younger, else why not and since when.

Words of the wall protocol: empty, connecting, catching_up, live, pictures, late, reconnecting, offline, forbidden,
unsupported.
"""

from __future__ import annotations

from dataclasses import dataclass

from vms.clock import NS_PER_MS, NS_PER_S
from vms.domain.media import Codec, StreamCondition, StreamState, Track

LIVE_AGE_NS = 2 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a tile. `track`: the video of the Run, None while there is none; `hevc`: the viewer plays H.265;
    `shuffled`: the Stream has B-frames that cannot be left out; `transcode`: what comes of transcoding what the viewer
    cannot be sent as it is: running, busy, failed, or nothing ("") where this node does none; `fault`: why ingest
    cannot be asked; `captured_ns`: of the newest picture sent since the camera was chosen; `was_live`: since then;
    `instead`: sub is shown because main cannot be; `small`: still pictures stand in for video that the line does not
    carry."""

    shown: bool
    track: Track | None = None
    hevc: bool = False
    shuffled: bool = False
    transcode: str = ""
    fault: str = ""
    fault_ns: int = 0
    stream: StreamState | None = None
    captured_ns: int | None = None
    was_live: bool = False
    instead: bool = False
    small: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`since_ns`: when the trouble began, None: when the tile came into this state."""

    state: str
    cause: str | None = None
    why: str = ""
    since_ns: int | None = None
    age_ms: int | None = None


_OFFLINE = {
    StreamCondition.UNREACHABLE: "camera_unreachable",
    StreamCondition.AUTH_FAILED: "auth_failed",
    StreamCondition.DISABLED: "disabled",
}


# H.264 of more than 8 bits or 4:2:0, as ingest/sps names it.
_NO_BROWSER = frozenset({"High 10", "High 4:2:2", "244", "44"})
_TRANSCODE = {
    "busy": (
        "transcoders_busy",
        "This browser cannot play what the camera sends, and the server is transcoding as many cameras as it may.",
    ),
    "failed": ("transcode_failed", "This browser cannot play what the camera sends, and the transcoder fails on it."),
}


def plays(track: Track, *, hevc: bool) -> bool:
    """Whether a viewer of H.264, and of H.265 (Main profile) where `hevc`, decodes this video. One that does not
    name its profile is taken for an usual one."""
    if track.codec is Codec.H265:
        return hevc and track.profile in {"", "Main"}
    return track.profile not in _NO_BROWSER


def judge(facts: Facts, now_ns: int) -> Verdict:
    """The truth about a tile now."""
    if not facts.shown:
        return Verdict("empty")
    age_ns = None if facts.captured_ns is None else max(0, now_ns - facts.captured_ns)
    age_ms = None if age_ns is None else age_ns // NS_PER_MS
    trouble = _trouble(facts, age_ms)
    if trouble is not None:
        return trouble
    if age_ns is None:
        return Verdict("catching_up" if facts.track is not None else "connecting")
    if facts.small:
        return Verdict("pictures", "line", "The line carries no more than still pictures.", age_ms=age_ms)
    if age_ns <= LIVE_AGE_NS:
        return Verdict("live", age_ms=age_ms)
    return Verdict("late" if facts.was_live else "catching_up", age_ms=age_ms)


def _trouble(facts: Facts, age_ms: int | None) -> Verdict | None:
    not_played = facts.track is not None and not plays(facts.track, hevc=facts.hevc)
    if (not_played or facts.shuffled) and facts.transcode in _TRANSCODE:
        return Verdict("unsupported", *_TRANSCODE[facts.transcode])
    if (not_played and not facts.transcode) or (facts.instead and facts.fault == "no_responder"):
        why = "The camera sends H.265 or B-frames, which this screen cannot show, and has no other sub stream."
        return Verdict("unsupported", "unsupported", why)
    if facts.shuffled and not facts.transcode:
        why = "The camera sends B-frames, which no browser shows live: choose a profile without them (Baseline)."
        return Verdict("unsupported", "unsupported", why)
    if facts.fault:
        return _of_fault(facts, age_ms)
    stream = facts.stream
    if stream is None or stream.condition is StreamCondition.LIVE:
        return None
    if stream.condition is StreamCondition.UNSUPPORTED:
        return Verdict("unsupported", "unsupported", stream.why, stream.since_ns, age_ms)
    if stream.condition in _OFFLINE:
        return Verdict("offline", stream.cause or _OFFLINE[stream.condition], stream.why, stream.since_ns, age_ms)
    if stream.condition is StreamCondition.STALLED:
        return Verdict("reconnecting", stream.cause or "stream_stalled", stream.why, stream.since_ns, age_ms)
    state = "connecting" if facts.captured_ns is None else "reconnecting"
    return Verdict(state, stream.cause or None, stream.why, stream.since_ns, age_ms)


def _of_fault(facts: Facts, age_ms: int | None) -> Verdict:
    if facts.fault == "forbidden":
        return Verdict("forbidden", "forbidden", "You may not see this camera.", facts.fault_ns)
    if facts.fault == "no_responder":
        return Verdict("offline", "node_down", "No node serves this camera now.", facts.fault_ns, age_ms)
    return Verdict("reconnecting", "not_reported", "The node of this camera does not answer.", facts.fault_ns, age_ms)
