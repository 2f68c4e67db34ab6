"""A line that is not there, by hand-moved time: a rate, a delay, an endless queue before it, cuts; and cameras on it.

Time is a number: nothing sleeps. Units arrive in order; the far side acknowledges every 100 ms, as watchers do.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from ingest.credit import Act, Credit
from ingest.line import CreditOptions, Line
from vms.clock import NS_PER_MS, NS_PER_S
from vms.domain.camera import StreamName, StreamRef

ACK_NS = 100 * NS_PER_MS
# After so long the leaf before a line that is cut gives its connection up, and what it had queued.
HELD_NS = 5 * NS_PER_S


@dataclass
class Arrival:
    """A unit at the far side: when, of which frame, how old then."""

    at_ns: int
    frame: int
    age_ns: int
    is_key: bool
    picture: bool


@dataclass
class Camera:
    """One Stream: frames a second, bits a second, frames a group; a key frame weighs `key_share` of its group."""

    stream: StreamRef
    fps: int = 15
    bps: int = 300_000
    gop: int = 30
    key_share: float = 0.2
    priority: int = 50
    phase: int = 0
    frame: int = 0
    number: int = 0
    sent: list[int] = field(default_factory=list)
    arrived: list[Arrival] = field(default_factory=list)

    def size(self, frame: int) -> int:
        """Bytes of a frame."""
        group = self.bps * self.gop // self.fps // 8
        key = int(group * self.key_share)
        return key if frame % self.gop == 0 else max(1, (group - key) // max(1, self.gop - 1))


class World:
    """`rate_bps` and `delay_ms` may be changed while it runs."""

    def __init__(self, cameras: list[Camera], *, rate_bps: int, delay_ms: int, options: CreditOptions | None = None):
        self.now_ns = 0
        self.rate_bps, self.delay_ms, self.cut = rate_bps, delay_ms, False
        self.line = Line(options)
        self.cameras = cameras
        self.credits = [Credit(self.line, camera.stream, camera.priority) for camera in cameras]
        self._free_ns = self._cut_ns = 0
        self._held: list[tuple[int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._pending: dict[int, int] = {}
        for index, camera in enumerate(cameras):
            self._at(camera.phase * NS_PER_MS, partial(self._tick, index))
        self._at(ACK_NS, self._acknowledge)

    def _at(self, at_ns: int, do: Callable[[], None]) -> None:
        heapq.heappush(self._due, (at_ns, next(self._order), do))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end_ns = self.now_ns + int(seconds * NS_PER_S)
        while self._due and self._due[0][0] <= end_ns:
            self.now_ns, _, do = heapq.heappop(self._due)
            do()
        self.now_ns = end_ns

    def break_off(self) -> None:
        """Nothing passes any more."""
        self.cut, self._cut_ns = True, self.now_ns

    def mend(self) -> None:
        """After a short cut what was queued goes on; after a longer one the connection before it is a new one."""
        self.cut = False
        held, self._held = self._held, []
        if self.now_ns - self._cut_ns < HELD_NS:
            for size, arrive in held:
                self._pass_on(size, arrive)

    def _tick(self, index: int) -> None:
        camera, credit = self.cameras[index], self.credits[index]
        frame, is_key = camera.frame, camera.frame % camera.gop == 0
        size = camera.size(frame)
        act = credit.offer(is_key=is_key, size=size, now_ns=self.now_ns)
        if act is Act.SEND:
            self._send(index, frame, size, is_key=is_key, picture=False)
        elif act is Act.PICTURE:
            self._send(index, frame, min(size, 6_000), is_key=False, picture=True)
        camera.frame += 1
        self._at(self.now_ns + NS_PER_S // camera.fps, lambda: self._tick(index))

    def _send(self, index: int, frame: int, size: int, *, is_key: bool, picture: bool) -> None:
        camera = self.cameras[index]
        camera.number += 1
        number, made_ns = camera.number, self.now_ns
        self.credits[index].sent(number, size, made_ns, is_key=is_key, picture=picture)
        if not picture:
            camera.sent.append(frame)
        self._pass_on(size, lambda: self._arrive(index, number, frame, made_ns, is_key=is_key, picture=picture))

    def _pass_on(self, size: int, arrive: Callable[[], None]) -> None:
        if self.cut:
            if self.now_ns - self._cut_ns < HELD_NS:
                self._held.append((size, arrive))
            return
        self._free_ns = max(self._free_ns, self.now_ns) + size * 8 * NS_PER_S // self.rate_bps
        self._at(self._free_ns + self.delay_ms * NS_PER_MS, arrive)

    def _arrive(self, index: int, number: int, frame: int, made_ns: int, *, is_key: bool, picture: bool) -> None:
        arrival = Arrival(self.now_ns, frame, self.now_ns - made_ns, is_key, picture)
        self.cameras[index].arrived.append(arrival)
        self._pending[index] = number

    def _acknowledge(self) -> None:
        pending, self._pending = self._pending, {}
        if pending and not self.cut:
            self._at(self.now_ns + self.delay_ms * NS_PER_MS, lambda: self._take(pending))
        self._at(self.now_ns + ACK_NS, self._acknowledge)

    def _take(self, acks: dict[int, int]) -> None:
        for index, number in acks.items():
            self.credits[index].acked(number, self.now_ns)


def subs(count: int, *, priority: Callable[[int], int] = lambda _n: 50) -> list[Camera]:
    """Sub streams of 300 kb/s whose key frames do not fall together."""
    return [
        Camera(StreamRef(f"camera{n}", StreamName.SUB), priority=priority(n), phase=n * 331 % 2000)
        for n in range(count)
    ]


def ages_ms(camera: Camera, since_s: float = 0.0) -> list[float]:
    """Ages at arrival, in order of size."""
    found = [a for a in camera.arrived if a.at_ns >= since_s * NS_PER_S and not a.picture]
    return sorted(a.age_ns / NS_PER_MS for a in found)


def p95(values: list[float]) -> float:
    """The 95th percentile of sorted values."""
    return values[int(len(values) * 0.95)]
