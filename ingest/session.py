"""One connection to a camera, in a thread of its own: resolve, ask, open, read, until it ends or is told to stop.

What it makes goes to the loop through a Handoff, with `Opened` and `Ended` around it. `ingest.interleaved` reads the
usual camera, libav any other. The thread cannot be interrupted while libav waits: it is a daemon, and whoever has no
time leaves it alone; libav's time-outs end it within seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ingest.arrival import OpenOptions, Reader
from ingest.demux import VideoUnits
from ingest.handoff import Handoff
from ingest.handshake import described
from ingest.interleaved import NotPlainError, PlainSource
from ingest.plain import plain_track
from ingest.runs import Made, RunBuilder, RunOrigin
from ingest.source import Source
from ingest.url import Target, resolve
from vms import logs
from vms.clock import NS_PER_S, Clock
from vms.domain.camera_url import AddressPolicy
from vms.domain.media import EndReason, Packet
from vms.errors import CameraCorruptError, CameraStalledError, VmsError

log = logs.get(__name__)

# More than this not yet taken by the loop, and the Run ends: memory is bounded whatever the loop does.
MAX_BACKLOG_BYTES = 32 * 1024 * 1024
# A unit that comes after a silence of nearly the read time-out is what libav's parser still held when it gave up.
FLUSH_SLACK_NS = NS_PER_S // 5


@dataclass(frozen=True, slots=True)
class Opened:
    """The camera answers and has video; a key frame is awaited."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection is over. `error` says why; None where it was told to stop."""

    error: VmsError | None


SessionItem = Made | Opened | Ended


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What to connect to, and as whom. `check`: ask for the description first (see ingest.handshake);
    `plain`: read it without libav where its description allows that; `patient`: whether nobody minds some 85 ms, asked
    again and again from the thread."""

    origin: RunOrigin
    url: str
    username: str
    password: str = field(repr=False)
    open: OpenOptions = field(default_factory=OpenOptions)
    policy: AddressPolicy = field(default_factory=AddressPolicy)
    check: bool = True
    plain: bool = True
    floor_ns: int = 0
    patient: Callable[[], bool] = lambda: False


class Session:
    """The thread and its stop flag."""

    def __init__(self, request: SessionRequest, clock: Clock, handoff: Handoff[SessionItem]) -> None:
        self._request = request
        self._clock = clock
        self._handoff = handoff
        self.active_ns = 0  # monotonic time of the last packet of any kind; the watchdog on the loop reads it
        self._stop = False
        self._overloaded_run = ""
        self._builder: RunBuilder | None = None
        self._thread = threading.Thread(target=self._run, name=f"ingest {request.origin.stream}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask to end after the unit under way; returns at once."""
        self._stop = True

    def overload(self, run: str) -> None:
        """End that Run, and go on at the next key frame."""
        self._overloaded_run = run

    @property
    def why_bad(self) -> str:
        """What was wrong with the last access unit that could not be used; empty once a Run has begun."""
        return self._builder.why_bad if self._builder else ""

    def _run(self) -> None:
        error: VmsError | None = None
        try:
            self._read()
        except VmsError as known:
            error = known
        except Exception as unknown:
            # Whatever a camera sends, its thread must say that it ended. The text may hold a URL: the type is enough.
            log.exception("ingest failed", stream=str(self._request.origin.stream))
            error = CameraCorruptError(f"Reading the camera failed ({type(unknown).__name__}).", reason="bad_video")
        self._handoff.put([Ended(None if self._stop else error)], 0)

    def _read(self) -> None:
        request = self._request
        source = self._open(resolve(request.url, request.policy, request.username, request.password))
        if source is None:
            return
        try:
            units = VideoUnits(source.codec, source.extradata)
            self._builder = builder = RunBuilder(
                request.origin,
                self._clock,
                units,
                source.audio,
                floor_ns=request.floor_ns,
                sender_ns=source.sender_ns,
                holds_back=source.holds_back,
            )
            self._handoff.put([Opened()], 0)
            try:
                self._pump(source, builder, units)
            except NotPlainError:
                if not builder.run_id:
                    builder.forget()  # it comes again, with the next reader
                raise
            finally:
                builder.flush()
                self._hand_over(builder)
        finally:
            source.close()

    def _open(self, target: Target) -> Reader | None:
        """The reader that fits the camera; None when told to stop meanwhile."""
        request, options = self._request, self._request.open
        plain = request.plain and options.transport == "tcp" and target.url.scheme == "rtsp"
        if not plain and not request.check:
            return Source(target, options)
        with described(target, options.open_timeout_s, options.connect_timeout_s) as camera:
            if self._stop:
                return None
            track = plain_track(camera.lines, target, options) if plain else None
            if track is None:
                return Source(target, options)
            return PlainSource(camera, track, options, self._clock, lambda: self._stop, self._patient)

    def _patient(self) -> bool:
        return self._builder is not None and self._request.patient() and self._builder.settled

    def _pump(self, source: Reader, builder: RunBuilder, units: VideoUnits) -> None:
        now_ns, mono_ns = self._clock.now_ns, self._clock.mono_ns
        silence_ns = int(self._request.open.read_timeout_s * NS_PER_S) - FLUSH_SLACK_NS
        last_ns = mono_ns()
        facts = None
        for is_video, data, pts, dts, came_ns in source.packets():
            if self._stop:
                return
            at_ns = self.active_ns = mono_ns()
            if self._handoff.backlog_bytes > MAX_BACKLOG_BYTES:
                self._wait_for_loop(builder)
                continue
            if self._overloaded_run:
                if self._overloaded_run == builder.run_id:
                    builder.end(EndReason.OVERLOAD)
                self._overloaded_run = ""
            if not is_video:
                builder.audio(data, pts, now_ns(), at_ns)
            elif came_ns is None:
                builder.video(data, pts, dts, now_ns(), at_ns)
            else:
                builder.video(data, pts, dts, now_ns() - (at_ns - came_ns), came_ns)
                if units.facts is not facts:
                    facts = units.facts
                    if facts is not None and facts.reorder:
                        raise NotPlainError("Another reader is needed: the camera sends B-frames.")
            self._hand_over(builder)
            if source.holds_back and at_ns - last_ns > silence_ns:
                raise CameraStalledError("The camera is connected and silent.", reason="silent")
            last_ns = at_ns

    def _wait_for_loop(self, builder: RunBuilder) -> None:
        """The loop takes nothing: end the Run, read on when half is taken."""
        builder.end(EndReason.OVERLOAD)
        self._hand_over(builder)
        while self._handoff.backlog_bytes > MAX_BACKLOG_BYTES // 2 and not self._stop:
            time.sleep(0.05)

    def _hand_over(self, builder: RunBuilder) -> None:
        made: list[SessionItem] = [*builder.take()]
        if made:
            self._handoff.put(made, sum(len(item.payload) for item in made if isinstance(item, Packet)))
