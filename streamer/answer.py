"""The SDP answer, pure: text from what was offered and what our transport is. RFC 8829, 9143 (BUNDLE), 8839 (ICE)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from streamer.negotiation import MID_URI, PLAYOUT_URI, AudioFormat, MediaOffer, Offer, VideoFormat


@dataclass(frozen=True, slots=True)
class Sending:
    """One video or sound that is sent: its SSRCs and track id; `rtx_ssrc` counts only where RTX was offered."""

    ssrc: int
    rtx_ssrc: int
    track_id: str


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """Our end of the one transport: ICE user name and password, DTLS fingerprint, (address, port, priority) of each
    host candidate, best first."""

    ufrag: str
    pwd: str
    fingerprint: tuple[str, str]
    candidates: tuple[tuple[str, int, int], ...]


def make_answer(offer: Offer, sending: Sequence[Sending | None], transport: LocalTransport, *, session: int) -> str:
    """The answer: `sending[i]` is what m-line i gets, None refuses it. `session`: the number in the o-line."""
    taken = [media.mid for media, what in zip(offer.media, sending, strict=True) if what is not None]
    lines = [
        "v=0",
        f"o=- {session} 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {' '.join(taken)}",
        "a=msid-semantic:WMS *",
        "a=ice-options:trickle",
    ]
    for media, what in zip(offer.media, sending, strict=True):
        if what is None:
            lines += _refused(media)
        elif media.audio is not None:
            lines += _heard(media, media.audio, what, transport, offer.answer_setup)
        elif media.video is not None:
            lines += _served(media, media.video, what, transport, offer.answer_setup)
    return "\r\n".join(lines) + "\r\n"


def _refused(media: MediaOffer) -> list[str]:
    return [
        f"m={media.kind} 0 {media.protocol} {media.first_format}",
        "c=IN IP4 0.0.0.0",
        "a=inactive",
        f"a=mid:{media.mid}",
    ]


def _served(media: MediaOffer, video: VideoFormat, what: Sending, transport: LocalTransport, setup: str) -> list[str]:
    formats = [video] if media.hevc is None else [video, media.hevc]
    numbers = " ".join(str(n) for f in formats for n in (f.payload_type, f.rtx) if n is not None)
    lines = [f"m=video 9 {media.protocol} {numbers}", *_sent(media, what, transport, setup)]
    for name, chosen in zip(("H264", "H265"), formats, strict=False):
        lines += _format(name, chosen)
    if media.mid_extension is not None:
        lines.append(f"a=extmap:{media.mid_extension} {MID_URI}")
    if media.playout_extension is not None:
        lines.append(f"a=extmap:{media.playout_extension} {PLAYOUT_URI}")
    lines.append(f"a=ssrc:{what.ssrc} cname:{what.track_id}")
    if any(f.rtx is not None for f in formats):
        lines += [f"a=ssrc-group:FID {what.ssrc} {what.rtx_ssrc}", f"a=ssrc:{what.rtx_ssrc} cname:{what.track_id}"]
    return lines + _candidates(transport)


def _heard(media: MediaOffer, audio: AudioFormat, what: Sending, transport: LocalTransport, setup: str) -> list[str]:
    lines = [
        f"m=audio 9 {media.protocol} {audio.pcmu} {audio.pcma}",
        *_sent(media, what, transport, setup),
        f"a=rtpmap:{audio.pcmu} PCMU/8000",
        f"a=rtpmap:{audio.pcma} PCMA/8000",
        f"a=ssrc:{what.ssrc} cname:{what.track_id}",
    ]
    return lines + _candidates(transport)


def _sent(media: MediaOffer, what: Sending, transport: LocalTransport, setup: str) -> list[str]:
    return [
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        f"a=ice-ufrag:{transport.ufrag}",
        f"a=ice-pwd:{transport.pwd}",
        f"a=fingerprint:{transport.fingerprint[0]} {transport.fingerprint[1]}",
        f"a=setup:{setup}",
        f"a=mid:{media.mid}",
        "a=sendonly",
        "a=rtcp-mux",
        # A stream of its own for each: the browser then never tries to keep two of them in step.
        f"a=msid:{what.track_id} {what.track_id}",
    ]


def _candidates(transport: LocalTransport) -> list[str]:
    """One transport, and yet candidates with each of its m-lines: aiortc as a viewer reads those of the last alone."""
    lines = [
        f"a=candidate:{number} 1 udp {priority} {address} {port} typ host"
        for number, (address, port, priority) in enumerate(transport.candidates, 1)
    ]
    return [*lines, "a=end-of-candidates"]


def _format(name: str, video: VideoFormat) -> list[str]:
    pt = video.payload_type
    lines = [f"a=rtpmap:{pt} {name}/90000", f"a=fmtp:{pt} {video.fmtp}"]
    lines += [f"a=rtcp-fb:{pt} {feedback}" for feedback in video.feedback]
    if video.rtx is not None:
        lines += [f"a=rtpmap:{video.rtx} rtx/90000", f"a=fmtp:{video.rtx} apt={pt}"]
    return lines
