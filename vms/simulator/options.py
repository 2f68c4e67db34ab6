"""What a simulator is asked for: how many cameras, which streams, their size, rate and loop. Plain values, no I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_SIZE = re.compile(r"(\d{2,5})x(\d{2,5})")


@dataclass(frozen=True, slots=True)
class Picture:
    """One encoded feed. `kbps` is its mean rate in kb/s, `gop_s` the distance of key frames; `codec` is `h264` or
    `h265`; `b_frames` 0 unless the variant with B-frames is meant."""

    width: int = 1280
    height: int = 720
    fps: int = 25
    kbps: int = 1500
    gop_s: float = 2.0
    loop_s: float = 20.0
    codec: str = "h264"
    b_frames: int = 0

    def __post_init__(self) -> None:
        if self.width % 2 or self.height % 2:
            raise ValueError(f"width and height must be even, not {self.width}x{self.height}")
        if self.width < self.height or self.height < 72:
            raise ValueError(f"a picture must be at least 72 high and not taller than wide: {self.width}x{self.height}")
        if not 1 <= self.fps <= 60 or self.kbps < 10 or self.loop_s <= 0 or self.gop_s <= 0:
            raise ValueError("rates and lengths must be positive, with 1 to 60 frames a second")
        if self.loop_frames > 4096:
            raise ValueError("the loop has more frames than the barcode can count (4096)")

    @property
    def gop_frames(self) -> int:
        """Frames from key frame to key frame."""
        return max(1, round(self.fps * self.gop_s))

    @property
    def loop_frames(self) -> int:
        """Frames of the loop, whole GOPs."""
        return max(1, round(self.fps * self.loop_s / self.gop_frames)) * self.gop_frames


def parse_size(text: str) -> tuple[int, int]:
    """`1280x720` as (width, height) in pixels; ValueError where it is none."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"not a size like 1280x720: {text}")
    return int(match[1]), int(match[2])


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """Everything `python -m vms.simulator` can be told. `send_log` None: no send log. Ports 0: the system chooses.
    `streams` maps the last part of the path (`main`, `sub`, `main-h265`, …) to its picture."""

    cache: Path
    host: str = "127.0.0.1"
    port: int = 0
    control_port: int = 0
    cameras: int = 12
    username: str = "operator"
    password: str = field(default="", repr=False)
    send_log: Path | None = None
    streams: tuple[tuple[str, Picture], ...] = ()
