"""What a camera's URL gives, in facts and plain words, with a picture; or why it gives nothing. For admins.

`Prober.probe` runs on the event loop, its work in a thread of its own for at most 15 s; at most four at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.arrival import OpenOptions
from ingest.demux import BadUnitError, Unit, VideoUnits
from ingest.handshake import described
from ingest.picture import jpeg
from ingest.source import Source
from ingest.threads import in_thread
from ingest.url import resolve
from vms import logs
from vms.domain.camera_url import AddressPolicy
from vms.domain.media import CLOCK_HZ, Codec
from vms.errors import CameraCorruptError, CameraStalledError, CameraUnreachableError, TooManyError, VmsError

LONG_GOP_S = 4.0


@dataclass(frozen=True, slots=True)
class ProbeOptions:
    """Seconds: the whole; each half of opening; reading. How many at once, how many may wait; width of the picture."""

    total_s: float = 15.0
    open_timeout_s: float = 4.0
    read_s: float = 3.0
    first_key_s: float = 6.0
    second_key_s: float = 5.0
    at_once: int = 4
    waiting: int = 16
    picture_width: int = 640
    policy: AddressPolicy = field(default_factory=AddressPolicy)


@dataclass(frozen=True, slots=True)
class Remark:
    """What works but will disappoint: `text` for people, `reason` and `params` as in VmsError."""

    reason: str
    text: str
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """`ok`: the camera can be recorded. `code`, `reason`, `params`: the error's where not. `facts`: codec, profile,
    level, width, height, fps, bitrate_bps, gop_s, b_frames, audio, tracks; what could not be measured is None."""

    ok: bool
    code: str = ""
    message: str = ""
    hint: str = ""
    reason: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[Remark, ...] = ()
    jpeg: bytes | None = None


class Prober:
    """Probes for whoever asks, within limits."""

    def __init__(self, options: ProbeOptions | None = None) -> None:
        self._options = options or ProbeOptions()
        self._slots = asyncio.Semaphore(self._options.at_once)
        self._asked = 0

    async def probe(self, url: str, username: str = "", password: str = "", transport: str = "tcp") -> ProbeReport:
        """Never raises for what a camera does; TooManyError when too many ask."""
        options = self._options
        if self._asked >= options.at_once + options.waiting:
            raise TooManyError(
                "Too many cameras are being probed.", hint="Wait some seconds and try again.", reason="probes_many"
            )
        self._asked += 1
        try:
            async with self._slots:
                return await in_thread(
                    lambda: _probe(url, username, password, transport, options), "ingest probe", options.total_s
                )
        except TimeoutError:
            return _failed(CameraUnreachableError("The camera does not answer in time.", reason="late"), password)
        except VmsError as error:
            if isinstance(error, TooManyError):
                raise
            return _failed(error, password)
        finally:
            self._asked -= 1


def _failed(error: VmsError, password: str) -> ProbeReport:
    secrets = (password,) if len(password) > 2 else ()
    return ProbeReport(
        ok=False,
        code=error.code,
        message=logs.redact(error.message, secrets),
        hint=logs.redact(error.hint, secrets),
        reason=error.reason,
        params={name: logs.redact(value, secrets) for name, value in error.params.items()},
    )


def _probe(url: str, username: str, password: str, transport: str, options: ProbeOptions) -> ProbeReport:
    target = resolve(url, options.policy, username, password)
    opening = OpenOptions(transport, audio=True, open_timeout_s=options.open_timeout_s, read_timeout_s=options.read_s)
    with described(target, options.open_timeout_s) as camera:
        source = Source(target, opening)
    try:
        units = VideoUnits(source.codec, source.extradata)
        seen = _read(source, units, options)
        tracks = [f"{line.kind} {line.encoding}".strip() for line in camera.lines]
        facts = seen.facts(units) | {"tracks": tracks, "audio": str(source.audio.codec) if source.audio else None}
    finally:
        source.close()
    picture = jpeg(units.codec, seen.key, options.picture_width)
    return ProbeReport(ok=True, facts=facts, warnings=_warnings(facts, seen), jpeg=picture)


class _Seen:
    """What came in the seconds of reading; pts and dts in 90 kHz."""

    def __init__(self) -> None:
        self.key = b""
        self.key_times: list[int] = []
        self.times: list[int] = []
        self.size_bytes = 0
        self.reordered = False
        self.inserted = False

    def add(self, unit: Unit, data: bytes, pts: int | None, dts: int | None) -> None:
        if unit.is_key:
            self.key = unit.payload
            self.inserted |= len(unit.payload) > len(data) + 1
        if not self.key:
            return
        at = dts if dts is not None else pts
        self.size_bytes += len(data)
        if at is None:
            return
        if self.times and pts is not None and (pts < max(self.times[-16:]) or (dts is not None and pts != dts)):
            self.reordered = True
        self.times.append(at)
        if unit.is_key:
            self.key_times.append(at)

    def facts(self, units: VideoUnits) -> dict[str, Any]:
        sps = units.facts
        span = max(self.times) - min(self.times) if len(self.times) > 1 else 0
        seconds = span / CLOCK_HZ
        fps = (len(self.times) - 1) / seconds if seconds > 0 else None
        gop_s = (self.key_times[-1] - self.key_times[0]) / CLOCK_HZ if len(self.key_times) > 1 else None
        return {
            "codec": str(units.codec),
            "profile": sps.profile if sps else "",
            "level": sps.level if sps else "",
            "width": sps.width if sps else 0,
            "height": sps.height if sps else 0,
            "fps": round(fps, 2) if fps else None,
            "bitrate_bps": round(self.size_bytes * 8 / (seconds + 1 / fps)) if fps else None,
            "gop_s": round(gop_s / (len(self.key_times) - 1), 2) if gop_s else None,
            "b_frames": self.reordered,
        }


def _read(source: Source, units: VideoUnits, options: ProbeOptions) -> _Seen:
    """Read for the time given from the first key frame on, so that a second one 2 s later is seen; more of them end it
    early."""
    seen, bad = _Seen(), ""
    began = time.monotonic()
    for is_video, data, pts, dts, _ in source.packets():
        passed = time.monotonic() - began
        if is_video:
            try:
                unit = units.unit(data)
            except BadUnitError as error:
                unit, bad = None, str(error)
            if unit is not None:
                if unit.is_key and not seen.key:
                    began, passed = time.monotonic(), 0.0
                seen.add(unit, data, pts, dts)
        if passed > _limit_s(seen, options):
            break
        if len(seen.key_times) > 2 and passed > options.read_s / 2:
            break
    if not seen.key:
        if bad:
            raise CameraCorruptError(f"The camera sends {bad}.", reason="bad_video")
        raise CameraStalledError(
            "The camera sends video, but no key frame.",
            hint="Set its key-frame (I-frame) interval to 2 seconds.",
            reason="no_key_frame",
        )
    return seen


def _limit_s(seen: _Seen, options: ProbeOptions) -> float:
    """How long to read: the first unit of a connection may come without a time, and tells no interval then."""
    if not seen.key:
        return options.first_key_s
    return options.read_s if len(seen.key_times) > 1 else max(options.read_s, options.second_key_s)


def _warnings(facts: Mapping[str, Any], seen: _Seen) -> tuple[Remark, ...]:
    found: list[Remark] = []
    if facts["b_frames"]:
        words = "It sends B-frames, so that live pictures may stutter: choose a profile without them (Baseline)."
        found.append(Remark(reason="b_frames", text=words))
    gop_s = facts["gop_s"]
    if gop_s is not None and gop_s > LONG_GOP_S:
        words = f'Its key frames are {gop_s:g} s apart: set the interval to 2 s and any "smart" codec (H.264+) off.'
        found.append(Remark(reason="long_gop", text=words, params={"seconds": f"{gop_s:g}"}))
    elif gop_s is None:
        words = "No second key frame came: set the key-frame (I-frame) interval to 2 s."
        found.append(Remark(reason="one_key_frame", text=words))
    if facts["codec"] == Codec.H265:
        words = "It sends H.265, which many browsers do not play live: give it an H.264 sub stream."
        found.append(Remark(reason="h265", text=words))
    if seen.inserted:
        words = "Its key frames come without parameter sets; they are added from the stream's description."
        found.append(Remark(reason="no_sets", text=words))
    fps = facts["fps"]
    if fps is not None and fps < 5:
        found.append(
            Remark(reason="few_pictures", text=f"It sends {fps:g} pictures a second.", params={"rate": f"{fps:g}"})
        )
    return tuple(found)
