"""One recorded key frame to one JPEG. Decodes and encodes: milliseconds of CPU, never on the event loop."""

from __future__ import annotations

from fractions import Fraction

import av
import av.error
from av.video.codeccontext import VideoCodecContext

from recorder.key_frames import KeyFrame
from vms.domain.media import Codec
from vms.errors import CameraCorruptError

MIN_WIDTH, MAX_WIDTH = 64, 1920
MAX_PIXELS = 7680 * 4352
"""8K in whole blocks: what a stream says it has must not cost the memory of this process."""
_DECODERS = {Codec.H264: "h264", Codec.H265: "hevc"}
_QUALITY = "5"


def still(key_frame: KeyFrame, width: int) -> bytes:
    """As JPEG of at most `width` pixels, never larger than it is. CameraCorruptError where it cannot be decoded."""
    try:
        decoder = av.CodecContext.create(_DECODERS[key_frame.codec], "r")
        if not isinstance(decoder, VideoCodecContext):
            raise TypeError(key_frame.codec)
        decoder.thread_count = 1
        decoder.options = {"max_pixels": str(MAX_PIXELS)}
        frames = decoder.decode(av.Packet(key_frame.payload)) + decoder.decode(None)
        if not frames:
            raise ValueError("no picture")
        frame = frames[0]
        wide, high = frame.width, frame.height
        if width < wide:
            wide = max(MIN_WIDTH, min(width, MAX_WIDTH)) & ~1
            high = max(2, frame.height * wide // frame.width) & ~1
        encoder = VideoCodecContext.create("mjpeg", "w")
        encoder.width, encoder.height = wide, high
        encoder.pix_fmt = "yuvj420p"
        encoder.time_base = Fraction(1, 25)
        encoder.options = {"qmin": _QUALITY, "qmax": _QUALITY}
        encoder.thread_count = 1
        picture = frame.reformat(width=wide, height=high, format="yuvj420p")
        picture.pts = 0
        return b"".join(bytes(packet) for packet in encoder.encode(picture) + encoder.encode(None))
    except (av.error.FFmpegError, ValueError, KeyError) as error:
        words = f"The key frame cannot be decoded ({type(error).__name__})."
        raise CameraCorruptError(words, reason="undecodable") from None
