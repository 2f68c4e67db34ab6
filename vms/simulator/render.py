"""One scene to H.264 or H.265: drawn frame by frame, with its barcode, through the encoder. Pure but for its cost.

H.264 constrained baseline by libx264 (any decoder and any WebRTC peer takes it), closed GOPs of fixed length, parameter
sets at each key frame, no access unit delimiters, none of the encoder's own messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from vms.simulator import barcode, scenes
from vms.simulator.clip import ClipKey, EncodedUnit
from vms.simulator.options import Picture


def encode(key: ClipKey) -> Iterator[EncodedUnit]:
    """The access units of the loop, in decoding order."""
    picture = key.picture
    scene = scenes.build(key.scene, picture, key.title)
    codec = _open(picture)
    sent = 0
    for k in range(picture.loop_frames):
        planes = scene.frame(k)
        barcode.draw(planes, k)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = k
        for packet in codec.encode(frame):
            yield _unit(packet, sent, picture)
            sent += 1
    for packet in codec.encode(None):
        yield _unit(packet, sent, picture)
        sent += 1


def _unit(packet: av.Packet[VideoStream], turn: int, picture: Picture) -> EncodedUnit:
    if packet.pts is None:
        raise ValueError("the encoder gave a packet without pts")
    nals = tuple(nal for nal in split(bytes(packet)) if not _is_notice(nal, h265=picture.codec == "h265"))
    return EncodedUnit(packet.is_keyframe, packet.pts - turn, nals)


def split(annex_b: bytes) -> list[bytes]:
    """NAL units of an Annex-B access unit, without start codes and trailing zeros."""
    return [part.rstrip(b"\x00") for part in annex_b.split(b"\x00\x00\x01")[1:]]


def _is_notice(nal: bytes, *, h265: bool) -> bool:
    """SEI of the encoder itself (its name and settings): not for the wire."""
    kind = nal[0] >> 1 & 0x3F if h265 else nal[0] & 0x1F
    return kind in {39, 40} if h265 else kind == 6


def _open(picture: Picture) -> VideoCodecContext:
    gop, kbps = picture.gop_frames, picture.kbps
    rate = f"vbv-maxrate={kbps}:vbv-bufsize={max(kbps * 6 // 10, 60)}"
    shared = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={picture.b_frames}:repeat-headers=1:{rate}"
    codec = av.CodecContext.create("libx265" if picture.codec == "h265" else "libx264", "w")
    codec.width, codec.height, codec.pix_fmt = picture.width, picture.height, "yuv420p"
    codec.framerate, codec.time_base = Fraction(picture.fps), Fraction(1, picture.fps)
    codec.bit_rate = kbps * 1000
    codec.gop_size, codec.thread_count = gop, 1
    if picture.codec == "h265":
        codec.options = {
            "preset": "ultrafast",
            "x265-params": f"{shared}:open-gop=0:pools=none:frame-threads=1:log-level=none",
        }
    else:
        profile = "main" if picture.b_frames else "baseline"
        codec.options = {
            "preset": "superfast",
            "profile": profile,
            "x264-params": f"{shared}:threads=1:rc-lookahead=10:mbtree=0:colormatrix=smpte170m",
        }
    return codec
