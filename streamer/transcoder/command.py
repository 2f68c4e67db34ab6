"""The command line of a transcode, pure but for looking the program up: NUT in, FLV out, nothing waits in between.

Decoder and encoder are asked for no delay (no frame threads, no lookahead, no B-frames); timestamps pass unchanged, in
ms; key frames come by count alone. A picture is made smaller, never larger.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import ffmpeg

from vms.domain.media import Track

MAX_PIXELS = 7680 * 4352
"""8K in whole blocks, as everywhere: see ingest/picture."""
KEY_S = 2.0
_CRF = 25


@dataclass(frozen=True, slots=True)
class Target:
    """What comes out: at most `height` pixels high, at most `kbps` kb/s."""

    height: int = 720
    kbps: int = 2_000

    def size_of(self, track: Track) -> tuple[int, int]:
        """Width and height of what comes out, even; those of a track that does not say its own are the largest."""
        width, height = track.width or 16 * self.height // 9, track.height or self.height
        scale = min(1.0, self.height / height)
        return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


def program() -> str | None:
    """The ffmpeg of this machine, else the one that `make setup` put beside Python; None where there is none."""
    return shutil.which("ffmpeg") or shutil.which("ffmpeg", path=str(Path(sys.executable).parent))


def command(cmd: str, track: Track, fps: float, target: Target) -> list[str]:
    """Its arguments: access units of `track` on standard input, H.264 on standard output."""
    width, height = target.size_of(track)
    source = ffmpeg.input(
        "pipe:0",
        format="nut",
        probesize=32,
        analyzeduration=0,
        flags="low_delay",
        threads=1,
        max_pixels=MAX_PIXELS,
    )
    encoded = ffmpeg.output(
        source.video.filter("scale", width, height, flags="fast_bilinear").filter("format", "yuv420p"),
        "pipe:1",
        format="flv",
        vcodec="libx264",
        preset="ultrafast",
        tune="zerolatency",
        **{"profile:v": "baseline"},
        g=max(1, round(fps * KEY_S)),
        bf=0,
        sc_threshold=0,
        crf=_CRF,
        maxrate=f"{target.kbps}k",
        bufsize=f"{target.kbps // 2}k",
        threads=1,
        fps_mode="passthrough",
        enc_time_base="1:1000",
        flvflags="no_duration_filesize",
        flush_packets=1,
    ).global_args("-hide_banner", "-nostdin", "-loglevel", "error", "-copyts")
    arguments: list[str] = ffmpeg.compile(encoded, cmd=cmd)
    setpriv = shutil.which("setpriv")
    # Where the node is killed the kernel ends its children too; elsewhere they end with their standard input.
    return [setpriv, "--pdeathsig", "KILL", *arguments] if setpriv else arguments
