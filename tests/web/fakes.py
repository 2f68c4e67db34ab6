"""Small services on the bus that answer as ingest and the streamer do, and a read side of footage in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from recorder.strips import Strip
from vms.bus.base import Value
from vms.bus.memory import MemoryBus
from vms.domain.camera import Camera, StreamName
from vms.domain.footage import Segment, SegmentState
from vms.domain.gap import GapCause, GapState
from vms.domain.interval import Interval, total_ns
from vms.domain.media import StreamState
from vms.errors import CameraUnreachableError, NotFoundError, ObjectMissingError

JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"
ANSWER = "v=0\r\na=answer\r\n"
OFFER = (
    "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 AA:BB\r\na=ice-ufrag:abcd\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=recvonly\r\n"
)


class FakeIngest:
    """Answers probes, snapshots and the question for states; remembers what it was asked."""

    def __init__(self, bus: MemoryBus) -> None:
        self.bus = bus
        self.probes: list[dict[str, Any]] = []
        self.states: list[StreamState] = []
        self.answer: dict[str, Any] = {
            "ok": True, "code": "", "message": "It works.", "hint": "", "jpeg": JPEG,
            "facts": {"codec": "h264", "width": 1280, "height": 720, "fps": 25.0, "gop_s": 2.0, "b_frames": False},
        }  # fmt: skip
        bus.serve("ingest.probe.*", self._probe)
        bus.serve("ingest.snapshot.*", self._snapshot)

    async def _probe(self, value: Value) -> Value:
        self.probes.append({k: v for k, v in value.items() if k != "_subject"})
        return self.answer

    def tell(self, node: str = "node") -> None:
        """Say all states, as ingest does when it is asked."""
        for state in self.states:
            subject = f"ingest.state.{state.stream.camera}.{state.stream.name}"
            self.bus.publish(subject, {"state": state, "node": node})

    async def _snapshot(self, value: Value) -> Value:
        if value["width"] == 16:
            raise CameraUnreachableError("No connection to rtsp://user:hunter22@10.0.0.1/x")
        return {"jpeg": JPEG, "wall_ns": 1_790_000_000_123_000_000, "stream": "main"}


class FakeStreamer:
    """Opens and ends sessions; echoes pings as the streamer does."""

    def __init__(self, bus: MemoryBus) -> None:
        self.bus = bus
        self.opened: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self.closed: list[str] = []
        self.fragments: list[str] = []
        self.sessions: set[str] = set()
        self.people: dict[str, str] = {}
        self.holders: dict[str, str] = {}
        for subject, handler in {
            "streamer.wall.open": self._wall_open,
            "streamer.wall.message.*": self._message,
            "streamer.wall.take.*": self._take,
            "streamer.wall.close.*": self._close,
            "streamer.whep.open": self._whep_open,
            "streamer.whep.patch.*": self._patch,
            "streamer.whep.close.*": self._close,
        }.items():
            bus.serve(subject, handler)

    def tell(self, session: str, message: dict[str, Any]) -> None:
        """Say something to a wall."""
        self.bus.publish(f"streamer.wall.event.{session}", {"message": message})

    async def _wall_open(self, value: Value) -> Value:
        self.opened.append(dict(value))
        self.sessions.add(value["session"])
        self.people[value["session"]], self.holders[value["session"]] = value["person"], value["by"]
        self.tell(value["session"], {"type": "tile", "tile": 0, "state": "connecting"})
        return {"session": value["session"], "sdp": ANSWER}

    async def _whep_open(self, value: Value) -> Value:
        self.opened.append(dict(value))
        session = f"whep{len(self.opened)}"
        self.sessions.add(session)
        self.people[session] = value["person"]
        return {"session": session, "sdp": ANSWER}

    def _known(self, value: Value) -> str:
        session = str(value["_subject"]).rpartition(".")[2]
        if session not in self.sessions or value.get("person", self.people[session]) != self.people[session]:
            raise NotFoundError("there is no such session")
        return session

    async def _take(self, value: Value) -> Value:
        session = self._known(value)
        self.holders[session] = value["by"]
        return {"tiles": [{"tile": 0, "camera": "c" * 16}]}

    async def _message(self, value: Value) -> Value:
        session = self._known(value)
        message = {k: v for k, v in value.items() if k != "_subject"}
        if message["type"] == "ping":
            self.tell(session, {"type": "pong", "t": message["t"], "server_ns": "1"})
        else:
            self.messages.append(message)
        return {}

    async def _patch(self, value: Value) -> Value:
        self._known(value)
        self.fragments.append(value["fragment"])
        return {}

    async def _close(self, value: Value) -> Value:
        session = self._known(value)
        if value.get("by") != self.holders.get(session):
            return {}
        self.sessions.discard(session)
        self.closed.append(session)
        return {}


@dataclass(frozen=True)
class FakeGap:
    """A stretch that is not replayable."""

    start_ns: int
    end_ns: int
    cause: GapCause
    state: GapState


@dataclass
class FakeCoverage:
    """What of a window is recorded."""

    window: Interval | None
    intervals: list[Interval] = field(default_factory=list)
    gaps: list[FakeGap] = field(default_factory=list)

    @property
    def recorded_ns(self) -> int:
        """The sum."""
        return total_ns(self.intervals)


@dataclass
class FakeFile:
    """A Segment of bytes; blocks of `block`, the one at `breaks_at` cannot be read."""

    segment: Segment
    data: bytes
    block: int = 100_000
    breaks_at: int | None = None
    taken: int = 0

    @property
    def size_bytes(self) -> int:
        """Its length."""
        return len(self.data)

    @property
    def final(self) -> bool:
        """Closed or not."""
        return self.segment.state is not SegmentState.OPEN

    async def read(self, offset: int, length: int | None = None) -> bytes:
        """A range at once."""
        return b"".join([block async for block in self.blocks(offset, length)])

    async def blocks(self, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """A range in blocks."""
        end = len(self.data) if length is None else offset + length
        for at in range(offset, end, self.block):
            if self.breaks_at is not None and at >= self.breaks_at:
                raise ObjectMissingError("the object is gone")
            self.taken += 1
            yield self.data[at : min(end, at + self.block)]


class FakeThumbnails:
    """Pictures by their time in ns."""

    def __init__(self) -> None:
        self.pictures: dict[int, bytes] = {}

    async def nearest(self, _camera: str, at_ns: int, within_ns: int) -> tuple[int, bytes] | None:
        """As the real ones give it."""
        near = [at for at in self.pictures if abs(at - at_ns) <= within_ns]
        found = min(near, key=lambda at: abs(at - at_ns), default=None)
        return None if found is None else (found, self.pictures[found])


class FakePlayback:
    """Footage in memory; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, StreamName, Interval]] = []
        self.covered = FakeCoverage(None)
        self.files: dict[tuple[str, int], FakeFile] = {}
        self.download: FakeFile | None = None
        self.thumbnails = FakeThumbnails()

    async def coverage(self, camera: str, stream: StreamName, interval: Interval) -> FakeCoverage:
        """As set."""
        self.asked.append(("coverage", camera, stream, interval))
        return self.covered

    async def strips(
        self, cameras: Sequence[Camera], stream: StreamName, interval: Interval, step_ns: int
    ) -> list[Strip]:
        """Nothing of any."""
        self.asked += [("strips", camera.id, stream, interval) for camera in cameras]
        return [Strip(camera.id, None) for camera in cameras]

    async def playlist(self, camera: str, stream: StreamName, interval: Interval) -> str:
        """A playlist of nothing."""
        self.asked.append(("playlist", camera, stream, interval))
        return "#EXTM3U\n"

    async def key_frames(self, camera: str, stream: StreamName, interval: Interval) -> FakeFile:
        """As the download."""
        self.asked.append(("key_frames", camera, stream, interval))
        if self.download is None:
            raise NotFoundError("nothing is recorded in this interval")
        return self.download

    async def segment(self, run: str, number: int, _view: str | None = None) -> FakeFile:
        """One of the files."""
        file = self.files.get((run, number))
        if file is None:
            raise NotFoundError("there is no such segment")
        return file

    async def footage(self, camera: str, stream: StreamName, interval: Interval) -> FakeFile:
        """As set."""
        self.asked.append(("footage", camera, stream, interval))
        if self.download is None:
            raise NotFoundError("nothing is recorded in this interval")
        return self.download
