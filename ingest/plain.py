"""Whether a camera is of the usual kind that `ingest.interleaved` reads: plain video over TCP, no B-frames. Pure."""

from __future__ import annotations

import base64
import binascii
from contextlib import suppress
from dataclasses import dataclass

from ingest.arrival import OpenOptions
from ingest.nal import KINDS, annexb, ordered
from ingest.rtsp import MediaLine
from ingest.sps import parse_h264, parse_h265
from ingest.url import Target
from vms.domain.media import CLOCK_HZ, Codec

_CODECS = {"H264": Codec.H264, "H265": Codec.H265}
_SETS = {Codec.H264: ("sprop-parameter-sets",), Codec.H265: ("sprop-vps", "sprop-sps", "sprop-pps")}


@dataclass(frozen=True, slots=True)
class PlainTrack:
    """What of a description is needed to read its video. `may_reorder`: its SPS leaves open whether there are B-frames,
    or is not given."""

    codec: Codec
    payload_type: int
    control: str
    extradata: bytes
    may_reorder: bool


def plain_track(media: tuple[MediaLine, ...], target: Target, options: OpenOptions) -> PlainTrack | None:
    """The video, where it can be read here."""
    kinds = {line.kind for line in media}
    if options.transport != "tcp" or target.url.scheme != "rtsp" or (options.audio and "audio" in kinds):
        return None
    line = next((line for line in media if line.kind == "video"), None)
    if line is None or line.encoding not in _CODECS or line.profile.upper() not in {"RTP/AVP", "RTP/AVP/TCP"}:
        return None
    if line.clock_hz != CLOCK_HZ or line.format("packetization-mode") not in {"", "0", "1"}:
        return None
    if line.format("sprop-max-don-diff") not in {"", "0"} or line.format("tx-mode").upper() not in {"", "SRST"}:
        return None
    if not line.payload.isascii() or not line.payload.isdigit() or int(line.payload[:4]) > 127:
        return None
    codec = _CODECS[line.encoding]
    sets = _parameter_sets(line, codec)
    reorder = _reorder(sets, codec)
    if reorder:
        return None
    return PlainTrack(codec, int(line.payload), line.control, annexb(sets), reorder is None)


def _parameter_sets(line: MediaLine, codec: Codec) -> tuple[bytes, ...]:
    nals: list[bytes] = []
    for text in ",".join(line.format(name) for name in _SETS[codec]).split(","):
        with suppress(binascii.Error, ValueError):
            nals.append(base64.b64decode(text))
    kinds = KINDS[codec]
    return ordered([(kinds.kind(nal[0]), nal) for nal in nals if nal], kinds)


def _reorder(sets: tuple[bytes, ...], codec: Codec) -> int | None:
    kinds = KINDS[codec]
    for nal in sets:
        if kinds.kind(nal[0]) == kinds.sets[-2]:
            with suppress(ValueError):
                return (parse_h265(nal) if kinds.hevc else parse_h264(nal)).reorder
    return None
