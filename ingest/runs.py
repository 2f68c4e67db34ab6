"""Cuts what a connection gives into Runs and stamps it: Run ids, seq, time in the Run, wall time. No I/O; one thread.

A Run begins at a key frame and ends when its tracks change, when a clock steps, on overload, or where something cannot
be used (a hole nobody can fill); the next one begins at the next key frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ingest.clockstate import clock_state
from ingest.demux import BadUnitError, VideoUnits
from ingest.timestamps import Anchor, BrokenTimestampsError, Timeline, fill_leading
from vms import metrics
from vms.clock import NS_PER_MS, NS_PER_S, Clock
from vms.domain.camera import StreamRef
from vms.domain.ids import new_id
from vms.domain.media import CLOCK_HZ, EndReason, Packet, Run, RunInfo, RunStarted, Track
from vms.errors import CameraCorruptError

# What came while the connection opened comes in one burst. It is stamped when that is over and the anchor is known.
BURST_NS = 2 * NS_PER_MS
BURST_UNITS = 512
# Units without dts at the start of a connection: one, or with B-frames as many as may be reordered (16) and one.
MAX_LEADING = 17
# A Run begins behind the one before it, unless that is so far ahead that the clock was set back meanwhile.
FLOOR_NS = 10 * NS_PER_S


@dataclass(frozen=True, slots=True)
class RunBroken:
    """The Run under way is over; nothing more of it comes."""

    reason: EndReason


Made = Packet | RunStarted | RunBroken


@dataclass(frozen=True, slots=True)
class RunOrigin:
    """Whose Runs these are: stream, site, node, lease epoch, boot."""

    stream: StreamRef
    site: str
    node: str
    epoch: int
    boot_id: str


class _Timed(NamedTuple):
    """A unit with its place in the connection's time."""

    track: int
    dts_90k: int
    pts_90k: int
    is_key: bool
    payload: bytes


class _Came(NamedTuple):
    """A unit as the reader gave it; `wall_ns` and `mono_ns` of its first bytes, `after_ns` since the unit before."""

    data: bytes
    pts: int | None
    dts: int | None
    wall_ns: int
    mono_ns: int
    after_ns: int


def ns_of(ticks_90k: int) -> int:
    """90 kHz ticks as nanoseconds."""
    return ticks_90k * 100_000 // 9


class RunBuilder:
    """One connection's Runs. Feed units in the order they come; collect what they make with `take`."""

    def __init__(
        self,
        origin: RunOrigin,
        clock: Clock,
        video: VideoUnits,
        audio: Track | None = None,
        *,
        floor_ns: int = 0,
        sender_ns: Callable[[], int | None] = lambda: None,
        holds_back: bool = True,
    ) -> None:
        """`holds_back`: whether the reader gives a unit only when the next one begins to arrive (libav's parser does)
        and so cannot say when its bytes came."""
        self.why_bad = ""
        self._origin = origin
        self._clock = clock
        self._video = video
        self._audio = audio
        self._sender_ns = sender_ns
        self._floor_ns = floor_ns
        self._holds_back = holds_back
        self._anchor = Anchor()
        self._video_time = Timeline()
        self._audio_time = Timeline(audio.sample_rate if audio else CLOCK_HZ)
        self._made: list[Made] = []
        self._track: Track | None = None
        self._run: Run | None = None
        self._origin_90k = 0
        self._seq = 0
        self._walls = [0, 0]
        self._before: tuple[int, int] | None = None
        self._leading: list[_Came] | None = []
        self._held: list[_Timed] | None = []

    @property
    def run_id(self) -> str:
        """The Run under way, empty where there is none."""
        return self._run.id if self._run else ""

    @property
    def settled(self) -> bool:
        """Whether it does not matter much any more when exactly a unit is read: time is made of the camera's stamps,
        and their anchor only follows."""
        return self._anchor.settled and not self._video_time.by_arrival

    def take(self) -> list[Made]:
        """What was made since the last call."""
        made, self._made = self._made, []
        return made

    def video(self, data: bytes, pts: int | None, dts: int | None, wall_ns: int, mono_ns: int) -> None:
        """One access unit of track 0 with its times (90 kHz), and when its first bytes came. CameraCorruptError.

        Of a reader that holds back: when it was given. Such a unit arrived when the one before it was given, not now:
        at 15 pictures a second that is a difference of 67 ms.
        """
        before, self._before = self._before, (wall_ns, mono_ns)
        if before is None:
            frame_ns = ns_of(self._video_time.frame)
            before = (wall_ns - frame_ns, mono_ns - frame_ns)
        came_wall_ns, came_ns = before if self._holds_back else (wall_ns, mono_ns)
        came = _Came(data, pts, dts, came_wall_ns, came_ns, mono_ns - before[1])
        if self._leading is None:
            self._unit(came)
            return
        self._leading.append(came)
        if dts is not None or len(self._leading) > MAX_LEADING:
            self._settle()

    def _settle(self) -> None:
        """Give the first units of the connection the times they lack."""
        leading, self._leading = self._leading, None
        if leading:
            stamps = fill_leading([(came.pts, came.dts) for came in leading], self._video_time.frame)
            for came, (pts, dts) in zip(leading, stamps, strict=True):
                self._unit(came._replace(pts=pts, dts=dts))

    def _unit(self, came: _Came) -> None:
        try:
            unit = self._video.unit(came.data)
        except BadUnitError as error:
            self.why_bad = str(error)
            self.end(EndReason.STREAM_CORRUPT)
            return
        if unit is None:
            return
        dts_90k, pts_90k = self._place(came.pts, came.dts, came.mono_ns)
        self._observe(dts_90k, came.wall_ns, came.mono_ns)
        if self._held:
            self._end_burst(came.after_ns)
        if unit.track is not None:
            self._at_key(unit.track)
        if self._track is not None:
            self._emit(_Timed(0, dts_90k, pts_90k, unit.track is not None, unit.payload))

    def audio(self, data: bytes, pts: int | None, wall_ns: int, mono_ns: int) -> None:
        """One access unit of track 1, with libav's time in its sample rate. CameraCorruptError."""
        if self._audio is None or self._track is None or not data:
            return
        rate = self._audio.sample_rate
        if not self._audio_time.begun:
            # Each track's RTP clock has an origin of its own: the first unit is put where it arrived.
            passed_ns = wall_ns - (self._anchor.wall_ns or wall_ns)
            self._audio_time.begin(max(0, passed_ns) * rate // NS_PER_S)
        try:
            ticks, _ = self._audio_time.place(pts, pts, mono_ns)
        except BrokenTimestampsError:
            raise CameraCorruptError("The camera's audio timestamps jump all the time.", reason="jumps") from None
        at_90k = ticks * CLOCK_HZ // rate
        if at_90k >= self._origin_90k:
            self._emit(_Timed(1, at_90k, at_90k, is_key=False, payload=data))

    def end(self, reason: EndReason) -> None:
        """End the Run under way, if any; the next begins at the next key frame."""
        self.flush()
        if self._run is not None:
            self._made.append(RunBroken(reason))
            self._floor_ns = self._walls[0] + ns_of(self._video_time.frame)
            if reason is EndReason.CLOCK_STEP:
                self._floor_ns = 0
        self._run = self._track = None

    def flush(self) -> None:
        """Stamp what is held of the first units."""
        self._settle()
        held, self._held = self._held, None
        for unit in held or ():
            self._stamp(unit)

    def forget(self) -> None:
        """Drop what is held of the first units."""
        self._leading = self._held = None

    def _place(self, pts: int | None, dts: int | None, mono_ns: int) -> tuple[int, int]:
        try:
            return self._video_time.place(pts, dts, mono_ns)
        except BrokenTimestampsError:
            self.end(EndReason.STREAM_CORRUPT)
            raise CameraCorruptError("The camera's timestamps jump all the time.", reason="jumps") from None

    def _end_burst(self, passed_ns: int) -> None:
        if passed_ns > BURST_NS or len(self._held or ()) >= BURST_UNITS:
            self.flush()

    def _observe(self, dts_90k: int, wall_ns: int, mono_ns: int) -> None:
        if not self._anchor.observe(ns_of(dts_90k), wall_ns, mono_ns):
            self.end(EndReason.CLOCK_STEP)
            self._anchor = Anchor()
            self._anchor.observe(ns_of(dts_90k), wall_ns, mono_ns)

    def _at_key(self, track: Track) -> None:
        if self._track is not None and self._track != track:
            self.end(EndReason.INFO_CHANGED)
        if self._track is None:
            self._track = track
            self.why_bad = ""

    def _emit(self, unit: _Timed) -> None:
        if self._held is not None:
            self._held.append(unit)
        else:
            self._stamp(unit)

    def _stamp(self, unit: _Timed) -> None:
        run = self._run or self._begin(unit)
        track, dts_90k, pts_90k, is_key, payload = unit
        wall_ns = max(self._walls[track] + 1, (self._anchor.wall_ns or 0) + ns_of(dts_90k))
        self._walls[track] = wall_ns
        origin_90k, seq = self._origin_90k, self._seq
        self._seq = seq + 1
        stream = self._origin.stream
        self._made.append(
            Packet(stream, run.id, track, seq, pts_90k - origin_90k, dts_90k - origin_90k, wall_ns, is_key, payload)
        )

    def _begin(self, first: _Timed) -> Run:
        if self._track is None:
            raise RuntimeError("a Run begins at a key frame")
        anchor_ns = (self._anchor.wall_ns or 0) + ns_of(first.dts_90k)
        start_ns = self._floor_ns if anchor_ns < self._floor_ns < anchor_ns + FLOOR_NS else anchor_ns
        self._origin_90k, self._seq = first.dts_90k, 0
        self._walls = [start_ns - 1, start_ns - 1]
        tracks = (self._track, self._audio) if self._audio else (self._track,)
        sender_ns = self._sender_ns()
        self._run = Run(
            id=new_id(),
            stream=self._origin.stream,
            site=self._origin.site,
            node=self._origin.node,
            epoch=self._origin.epoch,
            info=RunInfo(tracks),
            start_ns=start_ns,
            clock=clock_state(
                self._clock, self._origin.boot_id, None if sender_ns is None else sender_ns + ns_of(first.dts_90k)
            ),
            anchor_ns=anchor_ns,
        )
        metrics.RUNS.inc()
        self._made.append(RunStarted(self._run))
        return self._run
