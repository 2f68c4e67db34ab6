"""SDP offers of viewers, pure: what is read of them, what is refused, which H.264 and H.265 formats are taken.

Only what the streamer needs is looked at. Candidates are not: a viewer's checks tell its address (peer-reflexive), and
so no offer can make the server send to a third party or wait for a name that nobody resolves. RFC 8866, 8829, 9143.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vms.errors import InputError

MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid"
PLAYOUT_URI = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
FINGERPRINT_BYTES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_DIRECTIONS = {"sendrecv", "sendonly", "recvonly", "inactive"}
_MEDIA_MAX = 256
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PWD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_HEX = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2})*")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,64}")
_PROFILE = re.compile(r"[0-9a-f]{6}")
# H.264 profiles by how surely a browser decodes them in hardware or software; constrained baseline first.
_PROFILE_RANK = {"42e0": 0, "42c0": 0, "4200": 1, "4d00": 2, "4d40": 2, "640c": 3, "6400": 4}


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """A payload format as offered, H.264 with packetization-mode 1 (RFC 6184) or H.265 (RFC 7798), with its RTX (RFC
    4588) if any."""

    payload_type: int
    fmtp: str
    rtx: int | None
    feedback: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Payload types of G.711 (RFC 3551) as offered."""

    pcmu: int
    pcma: int


@dataclass(frozen=True, slots=True)
class MediaOffer:
    """One m-line. `video`: the H.264 format taken; None where the viewer cannot receive it here. `hevc`: that of H.265
    beside it, None where the viewer has none; `audio`: G.711 of an m-line of sound, None where it is not received."""

    kind: str
    mid: str
    protocol: str
    first_format: str
    video: VideoFormat | None
    mid_extension: int | None
    playout_extension: int | None
    hevc: VideoFormat | None = None
    audio: AudioFormat | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer that can be answered. `setup`: the DTLS role offered; `fingerprints`: (algorithm, value)."""

    ufrag: str
    pwd: str
    fingerprints: tuple[tuple[str, str], ...]
    setup: str
    media: tuple[MediaOffer, ...]

    @property
    def answer_setup(self) -> str:
        """Our DTLS role: active unless the viewer insists on it (RFC 8842 §5.3)."""
        return "passive" if self.setup == "active" else "active"

    def videos(self) -> list[int]:
        """The m-lines that can be sent to, by index."""
        return [i for i, media in enumerate(self.media) if media.video is not None]


@dataclass(slots=True)
class _Section:
    """The lines of the session (kind empty) or of one m-line, by attribute."""

    kind: str
    protocol: str
    formats: list[str]
    refused: bool
    attributes: dict[str, list[str]]

    def first(self, name: str) -> str | None:
        found = self.attributes.get(name)
        return found[0] if found else None


def parse_offer(text: object, *, max_bytes: int, max_videos: int) -> Offer:
    """Read an offer. InputError where it is too large, not SDP, or lacks what a secure answer needs."""
    if not isinstance(text, str) or len(text) > max_bytes or len(text.encode("utf-8", "replace")) > max_bytes:
        raise InputError(f"the SDP offer is not text of at most {max_bytes} bytes", field="sdp")
    session, sections = _sections(text)
    videos = sum(section.kind == "video" for section in sections)
    if not sections or len(sections) > _MEDIA_MAX:
        raise InputError("the SDP offer has no media, or far too many", field="sdp")
    if videos > max_videos:
        raise InputError(f"the SDP offer has {videos} videos, at most {max_videos} are served", field="sdp")
    bundle = _bundle(session)
    media = tuple(_media(section, session, bundle) for section in sections)
    mids = [m.mid for m in media]
    if len(set(mids)) != len(mids):
        raise InputError("the SDP offer names two media alike (a=mid)", field="sdp")
    # With BUNDLE the transport is that of the first m-line of the group that is served.
    served = [s for s, m in zip(sections, media, strict=True) if m.video is not None]
    if not served:
        hint = "A browser that plays H.264 (packetization-mode 1), with BUNDLE and RTCP multiplexing, is needed."
        raise InputError("the SDP offer has no video that can be served as H.264", field="sdp", hint=hint)
    return _with_transport(served[0], session, media)


def _with_transport(section: _Section, session: _Section, media: tuple[MediaOffer, ...]) -> Offer:
    def either(name: str) -> list[str]:
        return section.attributes.get(name) or session.attributes.get(name) or []

    ufrag, pwd = "".join(either("ice-ufrag")[:1]), "".join(either("ice-pwd")[:1])
    if not _UFRAG.fullmatch(ufrag) or not _PWD.fullmatch(pwd):
        raise InputError("the SDP offer has no ICE user name and password", field="sdp")
    fingerprints = tuple(_fingerprints(either("fingerprint")))
    if not fingerprints:
        raise InputError("the SDP offer has no DTLS fingerprint (sha-256 or better)", field="sdp")
    setup = "".join(either("setup")[:1]) or "actpass"
    if setup not in {"actpass", "active", "passive"}:
        raise InputError("the SDP offer has an unknown DTLS role (a=setup)", field="sdp")
    return Offer(ufrag, pwd, fingerprints, setup, media)


def _sections(text: str) -> tuple[_Section, list[_Section]]:
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0] != "v=0":
        raise InputError("the SDP offer does not begin with v=0", field="sdp")
    session = current = _Section("", "", [], False, {})
    sections: list[_Section] = []
    for line in lines:
        if line.startswith("m="):
            kind, port, protocol, *formats = [*line[2:].split(" "), "", "", ""]
            formats = [f for f in formats if f]
            if not _TOKEN.fullmatch(kind) or not port.split("/", maxsplit=1)[0].isdecimal() or not formats:
                raise InputError("the SDP offer has an m-line that cannot be read", field="sdp")
            current = _Section(kind, protocol, formats, port == "0", {})
            sections.append(current)
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            current.attributes.setdefault(name, []).append(value.strip())
    return session, sections


def _bundle(session: _Section) -> set[str]:
    for group in session.attributes.get("group", []):
        semantics, *mids = group.split()
        if semantics == "BUNDLE":
            return set(mids)
    return set()


def _media(section: _Section, session: _Section, bundle: set[str]) -> MediaOffer:
    mid = section.first("mid")
    if mid is None or not _TOKEN.fullmatch(mid):
        raise InputError("the SDP offer has media without a name (a=mid)", field="sdp")
    if not re.fullmatch(r"[A-Za-z0-9/]{1,32}", section.protocol) or not _TOKEN.fullmatch(section.formats[0]):
        raise InputError("the SDP offer has an m-line that cannot be read", field="sdp")
    directions = [d for d in _DIRECTIONS if d in section.attributes]
    direction = directions[0] if directions else next((d for d in _DIRECTIONS if d in session.attributes), "sendrecv")
    wanted = (
        not section.refused
        and section.protocol == "UDP/TLS/RTP/SAVPF"
        and direction in {"recvonly", "sendrecv"}
        and "rtcp-mux" in section.attributes
        and mid in bundle
    )
    if section.kind != "video":
        audio = _g711(section) if wanted and section.kind == "audio" else None
        return MediaOffer(section.kind, mid, section.protocol, section.formats[0], None, None, None, None, audio)
    video = choose_video(section.formats, section.attributes, _h264_rank, _h264_fmtp) if wanted else None
    hevc = choose_video(section.formats, section.attributes, _h265_rank, _h265_fmtp) if video is not None else None
    mid_extension, playout = _extension(section, MID_URI), _extension(section, PLAYOUT_URI)
    return MediaOffer(section.kind, mid, section.protocol, section.formats[0], video, mid_extension, playout, hevc)


def _g711(section: _Section) -> AudioFormat | None:
    """Both laws, by their static payload types, which all browsers use."""
    return AudioFormat(0, 8) if {"0", "8"} <= set(section.formats) else None


def _extension(section: _Section, wanted: str) -> int | None:
    for value in section.attributes.get("extmap", []):
        number, _, uri = value.partition(" ")
        number = number.partition("/")[0]
        # One-byte header extensions (RFC 8285 §4.2) have ids 1 to 14.
        if uri.strip() == wanted and number.isdecimal() and 1 <= int(number) <= 14:
            return int(number)
    return None


def choose_video(
    formats: list[str],
    attributes: Mapping[str, list[str]],
    rank_of: Callable[[str, Mapping[str, str]], int | None],
    fmtp_of: Callable[[Mapping[str, str]], str],
) -> VideoFormat | None:
    """The best format of an m-line: of the lowest rank, then the viewer's order. `rank_of` takes the codec and its
    parameters, and gives None for what is not wanted; `fmtp_of` writes the parameters that go back."""
    codecs = _by_payload_type(attributes.get("rtpmap", []))
    fmtps = _by_payload_type(attributes.get("fmtp", []))
    rtx = {
        fmtps.get(pt, "").partition("apt=")[2].split(";")[0].strip(): pt
        for pt, codec in codecs.items()
        if codec.lower() == "rtx/90000"
    }
    best: tuple[int, str] | None = None
    for pt in formats:
        rank = rank_of(codecs.get(pt, "").lower(), _parameters(fmtps.get(pt, "")))
        if rank is not None and pt.isdecimal() and 0 <= int(pt) <= 127 and (best is None or rank < best[0]):
            best = (rank, pt)
    if best is None:
        return None
    pt = best[1]
    again = rtx.get(pt, "")
    has_rtx = again in formats and again.isdecimal() and 0 <= int(again) <= 127
    wanted = {"nack", "nack pli", "ccm fir"}
    said = [v.partition(" ") for v in attributes.get("rtcp-fb", [])]
    feedback = tuple(dict.fromkeys(what for target, _, what in said if target in {pt, "*"} and what in wanted))
    return VideoFormat(int(pt), fmtp_of(_parameters(fmtps.get(pt, ""))), int(again) if has_rtx else None, feedback)


def _h264_rank(codec: str, values: Mapping[str, str]) -> int | None:
    """Packetization-mode 1, the simplest profile first."""
    profile = values.get("profile-level-id", "42e01f").lower()
    if codec != "h264/90000" or values.get("packetization-mode") != "1" or not _PROFILE.fullmatch(profile):
        return None
    return _PROFILE_RANK.get(profile[:4], 9)


def _h264_fmtp(values: Mapping[str, str]) -> str:
    """Of an offered fmtp only what was understood goes back: nothing a viewer wrote is echoed unread."""
    profile = values.get("profile-level-id", "42e01f").lower()
    asymmetry = "level-asymmetry-allowed=1;" if values.get("level-asymmetry-allowed") == "1" else ""
    return f"{asymmetry}packetization-mode=1;profile-level-id={profile}"


def _h265_rank(codec: str, values: Mapping[str, str]) -> int | None:
    """Main profile (1), and one RTP stream for all layers."""
    if codec != "h265/90000" or values.get("tx-mode", "SRST") != "SRST" or values.get("profile-id", "1") != "1":
        return None
    return 0


def _h265_fmtp(values: Mapping[str, str]) -> str:
    level, tier = values.get("level-id", "93"), values.get("tier-flag", "0")
    level = level if re.fullmatch(r"[0-9]{1,3}", level) else "93"
    return f"level-id={level};profile-id=1;tier-flag={'1' if tier == '1' else '0'};tx-mode=SRST"


def _parameters(fmtp: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in fmtp.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _by_payload_type(values: list[str]) -> dict[str, str]:
    pairs = (value.partition(" ") for value in values)
    return {pt: rest.strip() for pt, _, rest in pairs}


def _fingerprints(values: list[str]) -> list[tuple[str, str]]:
    found = []
    for value in values:
        algorithm, _, digest = value.partition(" ")
        algorithm, digest = algorithm.lower(), digest.strip().upper()
        size = FINGERPRINT_BYTES.get(algorithm)
        if size is not None and _HEX.fullmatch(digest) and len(digest) == size * 3 - 1:
            found.append((algorithm, digest))
    return found
