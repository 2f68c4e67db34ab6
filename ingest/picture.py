"""One key frame to one JPEG. Decodes and encodes: milliseconds of CPU, never on the event loop."""

from __future__ import annotations

from fractions import Fraction

import av
import av.error
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from vms.domain.media import Codec
from vms.errors import CameraCorruptError

MIN_WIDTH = 64
MAX_WIDTH = 3840
MAX_PIXELS = 7680 * 4352
"""8K in whole blocks: what a camera says it has must not cost the memory of this process."""
_DECODERS = {Codec.H264: "h264", Codec.H265: "hevc"}


def jpeg(codec: Codec, key_frame: bytes, width: int | None = None, quality: int = 4) -> bytes:
    """The picture of an Annex-B key frame with its parameter sets, as JPEG, at most `width` pixels wide (never larger
    than it is). Quality as libav counts: 2 best, 31 worst. CameraCorruptError where it cannot be decoded."""
    try:
        frame = _decode(codec, key_frame)
        return _encode(frame, width, quality)
    except (av.error.FFmpegError, ValueError) as error:
        words = f"The key frame cannot be decoded ({type(error).__name__})."
        raise CameraCorruptError(words, reason="undecodable") from None


def _decode(codec: Codec, key_frame: bytes) -> VideoFrame:
    decoder = av.CodecContext.create(_DECODERS[codec], "r")
    if not isinstance(decoder, VideoCodecContext):
        raise TypeError(codec)
    decoder.thread_count = 1
    decoder.options = {"max_pixels": str(MAX_PIXELS)}
    frames = decoder.decode(av.Packet(key_frame)) + decoder.decode(None)
    if not frames:
        raise ValueError("no picture")
    return frames[0]


def _encode(frame: VideoFrame, width: int | None, quality: int) -> bytes:
    wide, high = frame.width, frame.height
    if width is not None and width < wide:
        wide = max(MIN_WIDTH, min(width, MAX_WIDTH)) & ~1
        high = max(2, frame.height * wide // frame.width) & ~1
    encoder = VideoCodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = wide, high
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": str(quality), "qmax": str(quality)}
    encoder.thread_count = 1
    picture = frame.reformat(width=wide, height=high, format="yuvj420p")
    picture.pts = 0
    return b"".join(bytes(packet) for packet in encoder.encode(picture) + encoder.encode(None))
