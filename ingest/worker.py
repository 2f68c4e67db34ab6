"""Keeps one Stream coming: sessions one after another, states, the ends of Runs, the watchdog. Event loop only.

The thread of the moment is in `ingest.session`; what it makes arrives here and goes to the hub. A session that is
silent too long is left behind (what it says later is ignored) and another one begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ingest.arrival import OpenOptions
from ingest.condition import NoKeyFrameError, is_hopeless, judge
from ingest.gate import Gate
from ingest.gop import GopCache
from ingest.handoff import Handoff, Mailbox
from ingest.interleaved import NotPlainError
from ingest.patience import Patience, WorkerOptions
from ingest.runs import Made, RunOrigin
from ingest.session import Ended, Opened, Session, SessionItem, SessionRequest
from ingest.tail import RunTail
from vms import logs, metrics
from vms.bus.hub import Hub
from vms.bus.leases import Leases
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import StreamName, StreamRef
from vms.domain.gap import GapCause
from vms.domain.grant import LeaseGrant
from vms.domain.media import EndReason, Packet, RunStarted, StreamCondition, StreamState
from vms.errors import CameraError, CameraStalledError, CameraUnreachableError, VmsError
from vms.service import Backoff

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """What of a Camera makes a worker; another spec needs another worker."""

    stream: StreamRef
    site: str
    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    transport: str = "tcp"
    audio: bool = False


@dataclass(frozen=True, slots=True)
class NodeParts:
    """What all workers of a node share. `tell` is told every change of state."""

    node: str
    boot_id: str
    hub: Hub
    leases: Leases
    clock: Clock
    tell: Callable[[StreamState], None]
    mailbox: Mailbox = field(default_factory=Mailbox)


class Worker:
    """One Stream, from `start` to `stop`. `coming`: another Node records it: nothing is told, and what comes waits,
    until the Lease is taken with the first key frame."""

    def __init__(self, spec: StreamSpec, parts: NodeParts, options: WorkerOptions, *, coming: bool = False) -> None:
        self.spec = spec
        self.gop = GopCache()
        self.patience = Patience(parts.clock, options)
        self._parts, self._options = parts, options
        self._clock = parts.clock
        self._backoff = Backoff(options.backoff_s, options.backoff_cap_s)
        self._tail = RunTail()
        self._task: asyncio.Task[None] | None = None
        self._state: StreamState | None = None
        self._session: Session | None = None
        self._handoff: Handoff[SessionItem] | None = None
        self._ended: asyncio.Future[VmsError | None] | None = None
        self._stopping = False
        self._coming = coming
        self._grant: LeaseGrant | None = None
        self._gate: Gate | None = None
        self._taking: asyncio.Task[None] | None = None
        self._started_ns = self._clock.mono_ns()
        self._trusted = False
        self._plain = True
        self._refusals = 0
        self._floor_ns = 0
        self._began_ns = 0
        self._opened_ns: int | None = None
        self._live_ns: int | None = None

    def start(self, delay_s: float = 0.0) -> None:
        """Begin after a while."""
        if not self._coming:
            self._begin()
        self._parts.hub.on_overload(self.spec.stream, self._overloaded)
        self._task = asyncio.create_task(self._run(delay_s), name=f"ingest {self.spec.stream}")

    async def stop(self, reason: EndReason) -> None:
        """End the Run and the connection; at most `stop_s`, idempotent."""
        if self._stopping:
            return
        self._stopping = True
        if self._session is not None:
            self._session.stop()
        if self._ended is not None:
            await asyncio.wait({self._ended}, timeout=self._options.stop_s)
        self._leave(reason)
        self._parts.hub.on_overload(self.spec.stream, None)
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.gather(self._taking, return_exceptions=True)
        if reason is EndReason.DISABLED:
            self._say(StreamCondition.DISABLED, GapCause.DISABLED, "")

    @property
    def is_dead(self) -> bool:
        """Whether it ended without being told to, by a fault of ours."""
        return self._task is not None and self._task.done() and not self._stopping

    def come(self) -> None:
        """Nobody records it any more: it is ours, with a key frame or without."""
        if self._coming and self._taking is None:
            self._taking = asyncio.create_task(self._take_over(None), name=f"lease {self.spec.stream}")

    def check(self) -> None:
        """The watchdog; called about twice a second."""
        waited_ns = self._clock.mono_ns() - self._started_ns
        if self._coming and waited_ns > self._options.take_over_s * NS_PER_S:
            self._parts.leases.give_up(self.spec.stream)
            return
        session = self._session
        if session is None or self._ended is None or self._ended.done():
            return
        now_ns, options = self._clock.mono_ns(), self._options
        if self._opened_ns is None:
            # Resolving, the handshake and each half of opening have this time-out.
            if now_ns - self._began_ns > 4 * options.open_timeout_s * NS_PER_S:
                self._abandon(CameraUnreachableError("The camera does not answer in time.", reason="late"))
            return
        silent_s = (now_ns - max(session.active_ns, self._opened_ns)) / NS_PER_S
        if silent_s > self.patience.silence_s:
            self._abandon(CameraStalledError("The camera is connected and silent.", reason="silent"))
        elif self._tail.run is None and session.active_ns:
            waited_s = (now_ns - self._opened_ns) / NS_PER_S
            if waited_s > options.give_up_no_key_s:
                self._abandon(NoKeyFrameError("The camera sends no key frame.", reason="no_key_frame"))
            elif waited_s > options.no_key_s:
                self._say_no_key(session)

    async def _run(self, delay_s: float) -> None:
        await self._clock.sleep(delay_s)
        if not self._coming:
            self._grant = await self._acquire()
        try:
            while not self._stopping:
                error = await self._attempt()
                if isinstance(error, NotPlainError):
                    self._leave_to_libav(error)
                elif error is not None and not self._stopping:
                    await self.patience.rest(
                        self._after(error), hopeless=is_hopeless(error, self._refusals), tried_ns=self._began_ns
                    )
        finally:
            with suppress(VmsError):  # the store may be gone already; the next grant ends this one anyway
                await self._parts.leases.release(self.spec.stream)

    async def _acquire(self) -> LeaseGrant:
        waits = Backoff(1.0, 15.0)
        while True:
            try:
                return await self._parts.leases.acquire(self.spec.stream)
            except VmsError as error:
                log.warning("no lease", stream=str(self.spec.stream), why=error.message)
                await self._clock.sleep(waits.next_s())

    async def _take_over(self, from_ns: int | None) -> None:
        """Take the Lease, then let out what waited. Where it cannot be had now, the next key frame tries again."""
        stream, leases = self.spec.stream, self._parts.leases
        try:
            self._grant = await leases.acquire(stream, from_ns)
        except VmsError as error:
            log.info("not taken over", stream=str(stream), why=error.message)
            gate, self._gate = self._gate, None
            if gate is not None and self._session is not None:
                self._session.overload(gate.run)
            return
        finally:
            self._taking = None
        self._coming = False
        vacant_ns, gate = leases.vacant_ns(stream), self._gate
        if gate is None or vacant_ns is not None:
            self._begin()
        self._gate = None
        if gate is not None:
            self._publish(gate.items)

    def _begin(self) -> None:
        """The first state; of a Stream that was a dead Node's: since when nobody recorded it."""
        vacant_ns = self._parts.leases.vacant_ns(self.spec.stream)
        cause = GapCause.CAMERA_UNREACHABLE if vacant_ns is None else GapCause.NODE_DOWN
        self._say(StreamCondition.CONNECTING, cause, "", since_ns=vacant_ns)

    async def _attempt(self) -> VmsError | None:
        spec, options = self.spec, self._options
        epoch = 0 if self._grant is None else self._grant.epoch
        request = SessionRequest(
            RunOrigin(spec.stream, spec.site, self._parts.node, epoch, self._parts.boot_id),
            spec.url,
            spec.username,
            spec.password,
            OpenOptions(spec.transport, spec.audio, options.open_timeout_s, options.stall_s, self.patience.connect_s),
            options.policy,
            check=not self._trusted,
            plain=self._plain,
            floor_ns=self._floor_ns,
            patient=lambda: not self.patience.watched and spec.stream.name is StreamName.MAIN,
        )
        self._opened_ns, self._live_ns, self._began_ns = None, None, self._clock.mono_ns()
        self._ended = asyncio.get_running_loop().create_future()
        self._handoff = self._parts.mailbox.open(self._take)
        self._session = Session(request, self._clock, self._handoff)
        self._session.start()
        return await self._ended

    def _after(self, error: VmsError) -> float:
        """Say what a session that ended means; the seconds to wait before the next."""
        live_ns = self._live_ns
        verdict = judge(error, was_live=live_ns is not None)
        self._leave(verdict.reason)
        self._refusals = self._refusals + 1 if verdict.condition is StreamCondition.AUTH_FAILED else 0
        self._trusted = self._opened_ns is not None
        if live_ns is not None and self._clock.mono_ns() - live_ns > self._options.settled_s * NS_PER_S:
            self._backoff.reset()
        self._say(verdict.condition, verdict.cause, verdict.why, error.reason, error.params)
        if is_hopeless(error, self._refusals):
            return self._options.locked_s if self._refusals else self._options.hopeless_s
        return self._backoff.next_s()

    def _leave_to_libav(self, error: NotPlainError) -> None:
        """From now on this camera is read by libav, at once: nothing is wrong with it."""
        log.info("read by libav", stream=str(self.spec.stream), why=error.message)
        self._leave(EndReason.INFO_CHANGED)
        self._plain, self._trusted = False, True

    def _leave(self, reason: EndReason) -> None:
        """Close what is open of the session: its handoff, its Run."""
        if self._handoff is not None:
            self._handoff.close()
        if self._session is not None:
            self._session.stop()
        self._session = self._handoff = self._gate = None
        self._end_run(reason)

    def _abandon(self, error: CameraError) -> None:
        """Leave the thread behind; the reader's own time-outs end it."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(error)
            self._leave(judge(error, was_live=False).reason)

    def _overloaded(self, _stream: StreamRef, run: str) -> None:
        metrics.OVERLOADS.inc()
        if self._session is not None:
            self._session.overload(run)

    def _take(self, items: list[SessionItem]) -> None:
        """What the thread made, in order."""
        for item in items:
            if isinstance(item, Opened):
                self._opened_ns = self._clock.mono_ns()
            elif isinstance(item, Ended):
                if self._ended is not None and not self._ended.done():
                    self._ended.set_result(item.error)
            elif not self._coming:
                self._publish((item,))
            else:
                self._hold(item)

    def _hold(self, item: Made) -> None:
        """What comes before the Lease."""
        if isinstance(item, RunStarted):
            self._gate = Gate(item)
            if self._taking is None:
                self._taking = asyncio.create_task(self._take_over(item.run.start_ns), name=f"lease {self.spec.stream}")
        elif self._gate is not None and not self._gate.add(item):
            run, self._gate = self._gate.run, None
            if self._session is not None:
                self._session.overload(run)  # the next Run has a beginning again

    def _publish(self, items: Iterable[Made]) -> None:
        publish, gop, tail = self._parts.hub.publish, self.gop, self._tail
        for item in items:
            if isinstance(item, Packet):
                tail.add(item)
                gop.add(item)
                publish(item)
            elif isinstance(item, RunStarted):
                started = self._granted(item)
                tail.begin(started.run)
                gop.add(started)
                publish(started)
                self._live_ns = self._live_ns or self._clock.mono_ns()
                self._parts.leases.tell(self.spec.stream, live=True)
                self._say(StreamCondition.LIVE, None, "")
            else:
                self._end_run(item.reason)
                self._opened_ns = self._clock.mono_ns()  # from here on a key frame is awaited again

    def _granted(self, item: RunStarted) -> RunStarted:
        """With the epoch, where the connection was there before the Lease."""
        if self._grant is None or item.run.epoch == self._grant.epoch:
            return item
        return RunStarted(replace(item.run, epoch=self._grant.epoch))

    def _end_run(self, reason: EndReason) -> None:
        ended = self._tail.end(reason)
        if ended is not None:
            self._floor_ns = 0 if reason is EndReason.CLOCK_STEP else ended.end_ns
            self._parts.leases.tell(self.spec.stream, live=False)
            self.gop.add(ended)
            self._parts.hub.publish(ended)

    def _say_no_key(self, session: Session) -> None:
        if session.why_bad:
            why = f"The camera sends {session.why_bad}."
            self._say(StreamCondition.STALLED, GapCause.STREAM_CORRUPT, why, reason="bad_video")
        else:
            why = "The camera sends video, but no key frame."
            self._say(StreamCondition.STALLED, GapCause.NO_KEYFRAME, why, reason="no_key_frame")

    def _say(
        self,
        condition: StreamCondition,
        cause: GapCause | None,
        why: str,
        reason: str = "",
        params: Mapping[str, str] | None = None,
        since_ns: int | None = None,
    ) -> None:
        if self._coming:
            return
        before = self._state
        text = logs.redact(why, (self.spec.password,))
        if before is not None and (before.condition, before.why, before.cause) == (condition, text, cause or ""):
            return
        if since_ns is None:
            since_ns = before.since_ns if before and before.condition is condition else self._clock.now_ns()
        cause_text, given = str(cause or ""), dict(params or {})
        self._state = StreamState(self.spec.stream, condition, since_ns, text, cause_text, reason, given)
        log.info("stream", stream=str(self.spec.stream), condition=str(condition), why=text)
        self._parts.tell(self._state)
