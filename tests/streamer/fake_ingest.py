"""Ingest as the streamer sees it: serves `ingest.watch` on a bus from clips that are encoded once a session.

Packets go out at true pace, or one by one by `step` for tests that move time by hand.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import av
import numpy as np

from vms.bus.base import Value
from vms.bus.memory import MemoryBus
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import StreamName, StreamRef
from vms.domain.ids import new_id
from vms.domain.media import (
    ClockState,
    Codec,
    EndReason,
    Packet,
    Run,
    RunEnded,
    RunInfo,
    RunStarted,
    StreamCondition,
    StreamState,
    Track,
)
from vms.errors import NoResponderError

FPS = 25
FRAME_90K = 90_000 // FPS
FRAME_NS = NS_PER_S // FPS
GOP = 50
SIZE = (320, 180)


@functools.cache
def clip(grey: int) -> tuple[bytes, ...]:
    """Two seconds of H.264 (one GOP, 25 fps, no B-frames, Annex-B, parameter sets in band) whose picture has this luma
    but for a bar that moves."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height = SIZE
    encoder.pix_fmt, encoder.framerate, encoder.time_base = "yuv420p", Fraction(FPS), Fraction(1, FPS)
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x264-params": f"keyint={GOP}:min-keyint={GOP}:scenecut=0:repeat-headers=1:log-level=none",
    }
    width, height = SIZE
    payloads: list[bytes] = []
    for n in range(GOP):
        picture = np.full((height * 3 // 2, width), grey, np.uint8)
        picture[height:] = 128
        picture[120:140, n * 6 : n * 6 + 12] = 235
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = n
        payloads += [bytes(p) for p in encoder.encode(frame)]
    payloads += [bytes(p) for p in encoder.encode(None)]
    assert len(payloads) == GOP
    return tuple(payloads)


@dataclass
class FakeStream:
    """One Stream at ingest. `pts`, `kind`: presentation time in pictures and NAL header byte of picture n of its group,
    where they are not those of the clip; `units`: access units of a group that are sent in its place.
    `sound`: a loud G.711 track beside the pictures."""

    ref: StreamRef
    grey: int
    codec: Codec = Codec.H264
    run: Run | None = None
    state: StreamState | None = None
    gop: list[Packet] = field(default_factory=list)
    next: int = 0
    seq: int = 0
    first_ns: int = 0
    watchers: dict[str, int] = field(default_factory=dict)
    pts: Callable[[int], int] | None = None
    kind: Callable[[int], int] | None = None
    units: Sequence[bytes] = ()
    sound: Codec | None = None

    def payload(self, n: int) -> bytes:
        """The access unit of picture n of a group."""
        if self.units:
            return self.units[n]
        if self.kind is not None:
            return b"\0\0\0\1" + bytes([self.kind(n)]) + b"\x88" * 40
        if self.codec is Codec.H265:
            return b"\0\0\0\1" + (b"\x02\x01" if n else b"\x26\x01") + b"\x88" * 40
        return clip(self.grey)[n]


class FakeIngest:
    """`watches` counts requests with a GOP, `renewals` those without. `full`: Streams that the line has no room for,
    unless they are forced."""

    def __init__(self, bus: MemoryBus, clock: Clock) -> None:
        self.bus, self.clock = bus, clock
        self.streams: dict[StreamRef, FakeStream] = {}
        self.full: set[StreamRef] = set()
        self.watches = 0
        self.renewals = 0
        self.lose = 0
        self.away = False
        self._tasks: list[asyncio.Task[None]] = []
        self._served = [
            bus.serve("ingest.watch.*.*", self._watch),
            bus.serve("ingest.unwatch.*.*", self._unwatch),
        ]

    def add(self, grey: int = 60, name: StreamName = StreamName.SUB, *, camera: str = "", **more: object) -> FakeStream:
        """A Stream of a new camera (or one more of `camera`), live, its Run begun, no Packet yet."""
        ref = StreamRef(camera or new_id(), name)
        stream = self.streams[ref] = FakeStream(ref, grey, **more)  # type: ignore[arg-type]
        self.say(stream, StreamCondition.LIVE)
        self.begin(stream)
        return stream

    def say(self, stream: FakeStream, condition: StreamCondition, why: str = "", cause: str = "") -> None:
        """A new state."""
        stream.state = StreamState(stream.ref, condition, self.clock.now_ns(), why, cause)
        self._publish(stream, stream.state)

    def begin(self, stream: FakeStream) -> None:
        """A new Run."""
        now_ns = self.clock.now_ns()
        width, height = SIZE
        tracks = [Track(0, stream.codec, width=width, height=height)]
        if stream.sound is not None:
            tracks.append(Track(1, stream.sound, sample_rate=8000, channels=1))
        info = RunInfo(tuple(tracks))
        clock = ClockState("boot", self.clock.mono_ns(), now_ns, synchronized=True)
        stream.run = Run(new_id(), stream.ref, "site", "node", 1, info, now_ns, clock, now_ns)
        stream.gop, stream.next, stream.seq, stream.first_ns = [], 0, 0, now_ns
        self._publish(stream, RunStarted(stream.run))

    def end(self, stream: FakeStream) -> None:
        """The Run ends."""
        assert stream.run is not None
        run, stream.run = stream.run, None
        self._publish(
            stream, RunEnded(stream.ref, run.id, self.clock.now_ns(), EndReason.CAMERA_UNREACHABLE, stream.seq)
        )

    def step(self, stream: FakeStream, count: int = 1, *, lose: bool = False) -> Packet:
        """Publish the next Packets, stamped as their time is; `lose`: they reach nobody but the cached GOP."""
        assert stream.run is not None
        for _ in range(count):
            n = stream.next
            shown = n if stream.pts is None else n - n % GOP + stream.pts(n % GOP)
            packet = Packet(
                stream=stream.ref, run=stream.run.id, track=0, seq=stream.seq, pts_90k=shown * FRAME_90K,
                dts_90k=n * FRAME_90K, wall_ns=stream.first_ns + n * FRAME_NS, is_key=n % GOP == 0,
                payload=stream.payload(n % GOP),
            )  # fmt: skip
            stream.next, stream.seq = n + 1, stream.seq + 1
            stream.gop = [packet] if packet.is_key else [*stream.gop, packet]
            if not lose:
                self._publish(stream, packet)
            if stream.sound is not None:
                # 40 ms of a square wave.
                wave = (b"\x80" * 8 + b"\x00" * 8) * 20
                sound = replace(packet, track=1, seq=stream.seq, is_key=True, payload=wave)
                stream.seq += 1
                stream.gop.append(sound)
                self._publish(stream, sound)
        return packet

    def play(self, *streams: FakeStream, ahead: int = 30) -> None:
        """Go on at true pace, as if it had begun `ahead` frames ago."""
        for stream in streams:
            stream.first_ns = self.clock.now_ns() - (stream.next + ahead) * FRAME_NS
            self.step(stream, ahead)
            self._tasks.append(asyncio.create_task(self._playing(stream)))

    async def _playing(self, stream: FakeStream) -> None:
        while True:
            due_ns = stream.first_ns + stream.next * FRAME_NS
            await asyncio.sleep(max(0, due_ns - self.clock.now_ns()) / NS_PER_S)
            if stream.run is not None:
                self.step(stream)

    def _publish(self, stream: FakeStream, item: object) -> None:
        if stream.watchers:
            self.bus.publish(f"media.center.{stream.ref.camera}.{stream.ref.name}", {"item": item})

    def _find(self, value: Value) -> FakeStream:
        *_, camera, name = value["_subject"].split(".")
        stream = self.streams.get(StreamRef(camera, StreamName(name)))
        if stream is None or self.away:
            raise NoResponderError("nobody ingests it")
        return stream

    async def _watch(self, value: Value) -> Value:
        stream = self._find(value)
        line = self._line(stream, value.get("claim"))
        if line and not line["line"]["given"]:
            stream.watchers.pop(value["watcher"], None)
            return {"run": None, "state": stream.state, "gop": [], **line}
        stream.watchers[value["watcher"]] = stream.watchers.get(value["watcher"], 0) + 1
        if value.get("renew") and (not line or value.get("run") is not None):
            self.renewals += 1
            return {"state": stream.state, **line}
        self.watches += 1
        subject = f"media.center.{stream.ref.camera}.{stream.ref.name}"
        return {"run": stream.run, "state": stream.state, "gop": list(stream.gop), "subject": subject, **line}

    def _line(self, stream: FakeStream, claim: str | None) -> dict[str, dict[str, object]]:
        if claim is None or stream.ref not in self.full:
            return {}
        forced = claim == "forced"
        cost = {"bytes_s": 387_500, "small_bytes_s": 37_500, "used_bytes_s": 650_000, "line_bytes_s": 750_000}
        return {"line": {"given": forced, "why": "" if forced else "full", "forced": forced, **cost}}

    async def _unwatch(self, value: Value) -> Value:
        self._find(value).watchers.pop(value["watcher"], None)
        return {}

    async def close(self) -> None:
        """Stop playing and serving."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for served in self._served:
            served.close()
