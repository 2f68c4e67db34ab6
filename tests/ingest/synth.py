"""Small real H.264 and H.265 streams for tests, encoded on the spot and kept for the process."""

from __future__ import annotations

import functools
from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from ingest.nal import KINDS, split
from vms.domain.media import Codec

_ENCODERS = {Codec.H264: "libx264", Codec.H265: "libx265"}


@functools.cache
def stream(
    codec: Codec, width: int = 192, height: int = 108, *, frames: int = 12, gop: int = 6, b_frames: int = 0
) -> tuple[bytes, ...]:
    """Access units in Annex-B with parameter sets at every key frame, in decoding order."""
    return tuple(data for _, data in timed(codec, width, height, frames=frames, gop=gop, b_frames=b_frames))


@functools.cache
def timed(
    codec: Codec, width: int = 192, height: int = 108, *, frames: int = 12, gop: int = 6, b_frames: int = 0
) -> tuple[tuple[int, bytes], ...]:
    """The same, each with the number of its picture in the order of display."""
    encoder = av.CodecContext.create(_ENCODERS[codec], "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
    fixed = f"bframes={b_frames}:b-adapt=0:scenecut=0:keyint={gop}:repeat-headers=1"
    encoder.options = (
        {"preset": "ultrafast", "bf": str(b_frames), "x264-params": fixed}
        if codec is Codec.H264
        else {"preset": "ultrafast", "x265-params": f"{fixed}:open-gop=0:log-level=none"}
    )
    encoder.thread_count = 1
    units = []
    for i in range(frames):
        picture = np.full((height, width, 3), (i * 20 % 255, 90, 40), np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts = i
        units += encoder.encode(frame)
    return tuple((packet.pts or 0, bytes(packet)) for packet in [*units, *encoder.encode(None)])


def without_sets(unit: bytes, codec: Codec) -> bytes:
    """The unit with its parameter sets taken out."""
    kinds = KINDS[codec]
    return b"".join(b"\0\0\0\1" + nal for nal in split(unit) if kinds.kind(nal[0]) not in kinds.sets)


def sets_of(unit: bytes, codec: Codec) -> list[bytes]:
    """The parameter sets in the unit."""
    kinds = KINDS[codec]
    return [nal for nal in split(unit) if kinds.kind(nal[0]) in kinds.sets]
