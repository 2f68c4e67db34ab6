"""Footage of a fake camera: a minute of fMP4 from a four-second loop, its pictures numbered (tests/e2e/barcode.js).

The bytes of all minutes are the same; a playlist puts them at their times. No recorder takes part.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

FPS = 25
GOP = 50
LOOP = 100
MINUTE_FRAMES = 60 * FPS
WIDTH, HEIGHT = 640, 360


def picture(n: int, tone: int = 70) -> np.ndarray:
    """YUV 4:2:0 planes of frame n: a horizon, something that moves, and the number at the upper left."""
    image = np.empty((HEIGHT * 3 // 2, WIDTH), np.uint8)
    image[:HEIGHT] = np.linspace(tone, tone + 60, HEIGHT, dtype=np.uint8)[:, None]
    image[HEIGHT:] = 124
    image[HEIGHT // 2 : HEIGHT // 2 + 60, (n * 6) % (WIDTH - 80) :][:, :80] = 210
    cell = HEIGHT // 18
    k = n % LOOP
    word = k << 4 | ((k ^ k >> 4 ^ k >> 8) & 15)
    image[: cell * 2 + cell // 2, : cell * 18] = 16
    for bit in range(16):
        if word >> (15 - bit) & 1:
            image[cell : cell * 2, cell * (bit + 1) : cell * (bit + 2)] = 235
    return image


@dataclass(frozen=True)
class Minute:
    """One minute of footage: the file, its init part, and (offset, length) of each two-second GOP."""

    data: bytes
    init: int
    gops: tuple[tuple[int, int], ...]


@functools.cache
def minute() -> Minute:
    """Encoded once a session."""
    loop = list(_encode())
    sink = io.BytesIO()
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    with av.open(sink, "w", format="mp4", options=options) as out:
        stream = out.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.options = {"preset": "ultrafast"}
        stream.codec_context.extradata = _parameter_sets(loop[0][0])
        stream.time_base = Fraction(1, 90_000)
        for n in range(MINUTE_FRAMES):
            payload, key = loop[n % LOOP]
            packet = av.Packet(payload)
            packet.stream = stream
            packet.time_base = Fraction(1, 90_000)
            packet.pts = packet.dts = n * 3600
            packet.duration = 3600
            packet.is_keyframe = key
            out.mux(packet)
    data = sink.getvalue()
    moofs = [offset for kind, offset, _ in _boxes(data) if kind == b"moof"]
    ends = [*moofs[1:], next((offset for kind, offset, _ in _boxes(data) if kind == b"mfra"), len(data))]
    return Minute(data, moofs[0], tuple((a, b - a) for a, b in zip(moofs, ends, strict=True)))


def _encode() -> Iterator[tuple[bytes, bool]]:
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(FPS), Fraction(1, FPS)
    params = f"keyint={GOP}:min-keyint={GOP}:scenecut=0:repeat-headers=1:log-level=none"
    encoder.options = {"preset": "veryfast", "tune": "zerolatency", "x264-params": params}
    for n in range(LOOP):
        frame = av.VideoFrame.from_ndarray(picture(n), format="yuv420p")
        frame.pts = n
        for packet in encoder.encode(frame):
            yield bytes(packet), packet.is_keyframe
    for packet in encoder.encode(None):
        yield bytes(packet), packet.is_keyframe


def _parameter_sets(key: bytes) -> bytes:
    """SPS and PPS of the first access unit, in Annex B."""
    units = [unit for unit in key.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if unit]
    return b"".join(b"\0\0\0\1" + unit for unit in units if unit[0] & 31 in {7, 8})


def _boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    offset = 0
    while offset + 8 <= len(data):
        size = int.from_bytes(data[offset : offset + 4], "big")
        yield data[offset + 4 : offset + 8], offset, size
        offset += max(8, size)
