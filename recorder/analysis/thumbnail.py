"""A decoded key frame to a small JPEG. Encodes: half a millisecond of CPU, on the thread of `analysis`."""

from __future__ import annotations

from fractions import Fraction

import av
import av.error
from av.video.codeccontext import VideoCodecContext

from vms.errors import CameraCorruptError

WIDTH, HEIGHT = 160, 120
_QUALITY = "6"


def thumbnail(frame: av.VideoFrame) -> bytes:
    """As JPEG within 160 x 120, in its own proportions. CameraCorruptError where it cannot be made."""
    scale = min(1.0, WIDTH / frame.width, HEIGHT / frame.height)
    wide, high = (max(2, round(side * scale)) & ~1 for side in (frame.width, frame.height))
    try:
        encoder = VideoCodecContext.create("mjpeg", "w")
        encoder.width, encoder.height, encoder.pix_fmt = wide, high, "yuvj420p"
        encoder.time_base = Fraction(1, 25)
        encoder.options = {"qmin": _QUALITY, "qmax": _QUALITY}
        encoder.thread_count = 1
        small = frame.reformat(width=wide, height=high, format="yuvj420p", interpolation="AREA")
        small.pts = 0
        return b"".join(bytes(packet) for packet in encoder.encode(small) + encoder.encode(None))
    except (av.error.FFmpegError, ValueError) as error:
        raise CameraCorruptError(f"No thumbnail of it ({type(error).__name__}).", reason="undecodable") from None
