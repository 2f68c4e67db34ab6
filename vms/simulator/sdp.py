"""The session description of a stream (RFC 8866) with the H.264 parameters of RFC 6184 8.1, H.265 of RFC 7798 7.1."""

from __future__ import annotations

import base64

from vms.simulator.clip import Clip

PAYLOAD_TYPE = 96


def describe(clip: Clip, host: str, title: str) -> bytes:
    """The body of the answer to DESCRIBE; the track's control is relative to Content-Base."""
    if clip.picture.codec == "h265":
        names = ("sprop-vps", "sprop-sps", "sprop-pps")
        pairs = zip(names, clip.parameters, strict=True)
        mapping, parameters = "H265/90000", ";".join(f"{name}={_text(nal)}" for name, nal in pairs)
    else:
        sets = ",".join(_text(nal) for nal in clip.parameters)
        level = clip.parameters[0][1:4].hex()
        mapping = "H264/90000"
        parameters = f"packetization-mode=1;profile-level-id={level};sprop-parameter-sets={sets}"
    lines = (
        "v=0",
        f"o=- 1 1 IN IP4 {host}",
        f"s={title}",
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        "c=IN IP4 0.0.0.0",
        f"b=AS:{clip.picture.kbps * 11 // 10}",
        f"a=rtpmap:{PAYLOAD_TYPE} {mapping}",
        f"a=fmtp:{PAYLOAD_TYPE} {parameters}",
        f"a=framerate:{clip.picture.fps}",
        "a=control:trackID=0",
    )
    return "\r\n".join(lines).encode() + b"\r\n"


def _text(nal: bytes) -> str:
    return base64.b64encode(nal).decode("ascii")
