"""Packets as ingest publishes them, from small clips encoded once a session. Imported by the tests of the recorder."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from vms.domain.camera import StreamName, StreamRef
from vms.domain.ids import new_id
from vms.domain.media import ClockState, Codec, Packet, Run, RunInfo, Track

START_NS = 1_790_000_000_123_456_789
FRAME_90K = 3600
CAMERA = "cam2222222222222"
STREAM = StreamRef(CAMERA, StreamName.MAIN)
SITE = "site222222222222"
NODE = "node222222222222"


@dataclass(frozen=True)
class Unit:
    """One access unit of a clip."""

    payload: bytes
    pts_90k: int
    dts_90k: int
    is_key: bool


@functools.cache
def video_clip(
    *,
    codec: str = "libx264",
    frames: int = 50,
    gop: int = 25,
    b_frames: int = 0,
    size: tuple[int, int] = (160, 96),
    preset: str = "ultrafast",
) -> tuple[Unit, ...]:
    """Access units in Annex-B at 25 fps with parameter sets in band; dts of the first is 0."""
    width, height = size
    encoder = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(25), Fraction(1, 25)
    params = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={b_frames}:repeat-headers=1:log-level=none:pools=1"
    key = "x264-params" if codec == "libx264" else "x265-params"
    encoder.options = {"preset": preset, key: params.replace(":pools=1", "") if codec == "libx264" else params}
    y, x = np.mgrid[0 : height * 3 // 2, 0:width]
    packets = []
    for n in range(frames):
        picture = ((x * 3 + y * 5 + n * 7) % 220 + 16).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = n
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    first = packets[0].dts
    return tuple(
        Unit(bytes(p), (p.pts - first) * FRAME_90K, (p.dts - first) * FRAME_90K, bool(p.is_keyframe)) for p in packets
    )


@functools.cache
def aac_clip(rate: int = 48_000, frames: int = 94) -> tuple[bytes, tuple[bytes, ...]]:
    """AudioSpecificConfig and raw AAC frames of 1024 samples, mono."""
    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = rate, "mono", "fltp"
    encoder.time_base = Fraction(1, rate)
    encoder.options = {"flags": "+global_header"}
    encoder.open()
    payloads: list[bytes] = []
    for n in range(frames):
        t = np.arange(n * 1024, (n + 1) * 1024) / rate
        frame = av.AudioFrame.from_ndarray(np.sin(t * 2764).astype(np.float32)[None, :], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, n * 1024, Fraction(1, rate)
        payloads += [bytes(p) for p in encoder.encode(frame)]
    assert encoder.extradata is not None
    return encoder.extradata, tuple(payloads)


def parameter_sets(payload: bytes, *, h265: bool = False) -> bytes:
    """The parameter sets of a key frame, Annex-B."""
    from recorder.nal import units

    kinds = {32, 33, 34} if h265 else {7, 8}
    found = [u for u in units(payload) if ((u[0] >> 1) & 63 if h265 else u[0] & 31) in kinds]
    return b"".join(b"\x00\x00\x00\x01" + unit for unit in found)


def video_track(clip: tuple[Unit, ...], *, h265: bool = False, size: tuple[int, int] = (160, 96)) -> Track:
    """The Track of a clip."""
    return Track(0, Codec.H265 if h265 else Codec.H264, parameter_sets(clip[0].payload, h265=h265), size[0], size[1])


def make_run(
    *tracks: Track, start_ns: int = START_NS, run: str = "", stream: StreamRef = STREAM, node: str = NODE
) -> Run:
    """A Run that begins at start_ns."""
    clock = ClockState("boot", 5_000, start_ns, synchronized=True)
    info = RunInfo(tracks or (video_track(video_clip()),))
    return Run(run or new_id(), stream, SITE, node, 1, info, start_ns, clock, start_ns)


def wall_of(run: Run, dts_90k: int) -> int:
    """Wall time of a dts."""
    return run.start_ns + dts_90k * 100_000 // 9


def packets(
    run: Run,
    clip: tuple[Unit, ...] | None = None,
    *,
    seconds: float = 4.0,
    audio: tuple[bytes, ...] = (),
    audio_lag_s: float = 0.0,
) -> Iterator[Packet]:
    """Packets of a Run: the clip in a loop, and with it audio frames of 1024 samples that arrive `audio_lag_s` late."""
    clip = clip or video_clip()
    span = clip[-1].dts_90k + FRAME_90K
    rate = run.info.tracks[1].sample_rate if audio else 1
    seq = at_audio = 0
    for n in range(int(seconds * 25)):
        unit, shift = clip[n % len(clip)], n // len(clip) * span
        dts = unit.dts_90k + shift
        while audio and at_audio * 1024 / rate + audio_lag_s < dts / 90_000:
            at = round(at_audio * 1024 * 90_000 / rate)
            payload = audio[at_audio % len(audio)]
            yield Packet(run.stream, run.id, 1, seq, at, at, wall_of(run, at), True, payload)
            seq, at_audio = seq + 1, at_audio + 1
        yield Packet(
            run.stream, run.id, 0, seq, unit.pts_90k + shift, dts, wall_of(run, dts), unit.is_key, unit.payload
        )
        seq += 1
