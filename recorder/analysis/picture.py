"""One key frame to its picture and brightness. Decodes: milliseconds of CPU, on the thread of `analysis`."""

from __future__ import annotations

import zlib

import av
import av.error
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from vms.domain.media import Codec
from vms.errors import CameraCorruptError

_DECODERS = {Codec.H264: "h264", Codec.H265: "hevc"}
MAX_PIXELS = 7680 * 4352
"""8K in whole blocks. libav itself takes eight times as many: a camera that says so would have the memory that
recording needs in this process."""
_EIGHT_BIT = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "gray"}


def luma(codec: Codec, key_frame: bytes) -> tuple[NDArray[np.uint8], int]:
    """The brightness of an Annex-B key frame with its parameter sets, height x width, and a number that tells whether
    another is the very same picture. CameraCorruptError where it cannot be decoded."""
    return luma_of(decoded(codec, key_frame))


def decoded(codec: Codec, key_frame: bytes) -> av.VideoFrame:
    """The picture of an Annex-B key frame with its parameter sets. CameraCorruptError where there is none."""
    try:
        decoder = av.CodecContext.create(_DECODERS[codec], "r")
        if not isinstance(decoder, VideoCodecContext):
            raise TypeError(codec)
        decoder.thread_count = 1
        decoder.options = {"max_pixels": str(MAX_PIXELS)}
        frames = decoder.decode(av.Packet(key_frame)) + decoder.decode(None)
        if not frames:
            raise ValueError("no picture")
    except (av.error.FFmpegError, ValueError, KeyError) as error:
        raise _undecodable(error) from None
    return frames[0]


def luma_of(frame: av.VideoFrame) -> tuple[NDArray[np.uint8], int]:
    """The same of a decoded picture."""
    try:
        if frame.format.name not in _EIGHT_BIT:
            frame = frame.reformat(format="gray")
        plane = frame.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        return rows, zlib.crc32(rows.tobytes())
    except (av.error.FFmpegError, ValueError) as error:
        raise _undecodable(error) from None


def _undecodable(error: Exception) -> CameraCorruptError:
    words = f"The key frame cannot be decoded ({type(error).__name__})."
    return CameraCorruptError(words, reason="undecodable")


def one_thread() -> None:
    """OpenCV works on the thread that calls it: what is looked at is small, and the other cores are for others."""
    cv2.setNumThreads(1)
