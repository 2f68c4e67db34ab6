"""One watched Stream, shared by all its viewers: asks ingest for it over the bus, keeps the cached GOP, hands on.

It renews its credit, removes doubles by (Run, seq), waits for the next key frame after a hole (at home it asks for the
cached GOP again), acknowledges what comes from another zone and throws away what was too long on the way, and asks anew
when the bus or ingest fails, when the Stream falls silent, and when another node says that it has it. It knows nothing
of viewers but their sinks. Event loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from streamer.acks import Acks
from streamer.arriving import Buses, Picture
from streamer.claims import Claims, verdict_of
from streamer.failures import Failures
from streamer.history import History
from streamer.options import StreamerOptions
from streamer.order import Order
from streamer.rtp import Frame
from streamer.skew import Skew
from streamer.track import Sink
from vms import logs, metrics
from vms.bus.base import Events, Value
from vms.clock import NS_PER_MS, NS_PER_S, Clock
from vms.domain.camera import StreamName, StreamRef
from vms.domain.ids import new_id
from vms.domain.media import Codec, Packet, Run, RunEnded, RunStarted, StreamCondition, StreamState
from vms.errors import BusError, BusTimeoutError, VmsError
from vms.service import Backoff

log = logs.get(__name__)

_ASK_AGAIN_NS = 500 * NS_PER_MS
_LOOK_S = 0.5
_STATES_LIMIT = 64


class Feed:
    """`run`, `state`, `fault`, `picture` and `gop` are what is known now; `changes` are called when one of the first
    four is new. `fault`: why ingest cannot be asked, as an error code, empty while it answers; since when: `fault_ns`.
    `skew`: how far the clock of the node that sends is ahead of ours. `gop` and `sinks` get what can be shown in the
    order it comes; `shuffled`, `thinned`: see Order; `claims`: how much it is wanted."""

    def __init__(self, buses: Buses, clock: Clock, stream: StreamRef, options: StreamerOptions, acks: Acks) -> None:
        self.stream = stream
        self.run: Run | None = None
        self.state: StreamState | None = None
        self.fault = ""
        self.fault_ns = 0
        self.picture: Picture | None = None
        self.gop: list[Packet] = []
        self.sinks: set[Sink] = set()
        self.changes: set[Callable[[], None]] = set()
        self._listeners: set[Callable[[Packet], None]] = set()
        self.skew = Skew()
        self._history = History("", hevc=False)
        self._order = Order(hevc=False)
        self._buses, self._clock, self._options, self._acks = buses, clock, options, acks
        self._watcher = new_id()
        self._subject = f"{stream.camera}.{stream.name}"
        self._backoff = Backoff(base_s=0.25, cap_s=options.retry_s)
        self._node = ""
        self._last_seq = -1
        self._number: int | None = None
        self._holed = False
        self._catching = False
        self._gop_bytes = 0
        self._opened_ns = self._asked_ns = self._heard_ns = clock.mono_ns()
        self._wake = asyncio.Event()
        self._failures = Failures(clock, "a viewer of a stream failed", "feed")
        self.claims = Claims(self._wake.set)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(self._watch(), name=f"feed {self.stream}")

    async def close(self) -> None:
        """Stop watching and tell ingest; idempotent, bounded in time."""
        task, self._task = self._task, None
        if task is None:
            return
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with suppress(VmsError):
            await self._buses.control.request(
                f"ingest.unwatch.{self._subject}", {"watcher": self._watcher}, timeout_s=2
            )

    def listen(self, listener: Callable[[Packet], None]) -> None:
        """Hand on its sound too. Who sends it is told at once: no line carries it for nobody."""
        self._listeners.add(listener)
        self._wake.set()

    def unlisten(self, listener: Callable[[Packet], None]) -> None:
        """No more of its sound; idempotent."""
        self._listeners.discard(listener)

    @property
    def heard(self) -> bool:
        """Somebody listens."""
        return bool(self._listeners)

    @property
    def shuffled(self) -> bool:
        """It has B-frames that cannot be left out."""
        return self._order.shuffled

    @property
    def thinned(self) -> bool:
        """B-frames are left out."""
        return self._order.thinned

    def frame(self, packet: Packet) -> Frame | None:
        """The packetized Packet, the same for all viewers; None for one of another Run than the one now."""
        return self._history.frame(packet)

    def age_ns(self, wall_ns: int) -> int:
        """How old on our clock is what was captured at `wall_ns` on the node's."""
        return self._clock.now_ns() + self.skew.ns - wall_ns

    async def _watch(self) -> None:
        states = self._buses.control.subscribe(f"ingest.state.{self._subject}", limit=_STATES_LIMIT)
        heard = [(states, self._hear(states))]
        if self.stream.name is StreamName.MAIN:
            lines = self._buses.control.subscribe(f"ingest.line.{self._subject}", limit=_STATES_LIMIT)
            heard.append((lines, self._hear_line(lines)))
        hearing = [asyncio.create_task(each) for _, each in heard]
        try:
            while True:
                await self._attempt()
                await self._pause(self._backoff.next_s())
        finally:
            for (events, _), task in zip(heard, hearing, strict=True):
                events.close()
                task.cancel()

    async def _attempt(self) -> None:
        subject = f"media.{self._options.zone}.{self._subject}"
        events = self._buses.media.subscribe(subject, limit=self._options.events_limit)
        try:
            await self._open()
            self._backoff.reset()
            await self._follow(events)
        except VmsError as error:
            self._failed(error.code)
        except Exception:  # whatever it was, those who watch must not stay with a dead feed
            log.exception("feed failed", stream=str(self.stream))
            self._failed("error")
        finally:
            events.close()

    def _failed(self, code: str) -> None:
        if not self.fault:
            log.info("stream cannot be watched", stream=str(self.stream), code=code)
        if self.fault != code:
            self.fault, self.fault_ns = code, self._clock.now_ns()
            self._tell()

    async def _hear(self, states: Events) -> None:
        """Another node says that it has the Stream, or one does while nobody could be asked: ask at once."""
        async for _, value in states:
            if self.fault or value.get("node", self._node) != self._node:
                self._wake.set()

    async def _hear_line(self, lines: Events) -> None:
        """The arbiter of the line decided anew: what was given is asked for at once, what was taken is said."""
        async for _, value in lines:
            if value.get("zone") == self._options.zone:
                self.claims.verdict = verdict_of(value["line"])
                if not self.claims.refused:
                    self._say_ready()
                self._wake.set()
                self._tell()

    async def _pause(self, seconds: float) -> bool:
        """Sleep, cut short by `_wake`; whether it was."""
        tasks = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._wake.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        woken = self._wake.is_set()
        self._wake.clear()
        return woken

    async def _ask(self, extra: Value) -> Value:
        options = self._options
        claim = self.claims.ask()
        value = {
            "watcher": self._watcher,
            "zone": options.zone,
            "quality": "all",
            "credit_s": options.credit_s,
            "sound": bool(self._listeners),
            **({} if claim is None else {"claim": claim}),
            **extra,
        }
        began_ns = self._clock.now_ns()
        self._asked_ns = self._clock.mono_ns()
        # What was asked while a line was cut is never answered: then it is asked again soon.
        silent = bool(self.fault) or self._silent_ns() > options.stale_s * NS_PER_S
        limit_s = min(options.request_silent_s if silent else options.request_s, options.credit_s / 2)
        answer = await self._buses.control.request(f"ingest.watch.{self._subject}", value, timeout_s=limit_s)
        if answer.get("node", self._node) != self._node:
            self._node = str(answer["node"])
            self.skew.restart()
        self.claims.verdict = verdict_of(answer["line"]) if "line" in answer else None
        if answer.get("zone", options.zone) != options.zone or self._number is not None:
            self.skew.asked(began_ns, self._clock.now_ns(), int(answer["now_ns"]))
        return answer

    async def _open(self) -> None:
        self._number, self._opened_ns = None, self._clock.mono_ns()
        self._say_ready()
        self._take_answer(await self._ask({}))

    def _say_ready(self) -> None:
        """On the way of the Packets, so that it cannot be there before the subscription is."""
        self._buses.media.publish(f"ready.{self._subject}", {"zone": self._options.zone})

    def _take_answer(self, answer: Value) -> None:
        self.fault = ""
        self.state = answer["state"]
        run: Run | None = answer["run"]
        gop: list[Packet] = answer["gop"]
        same = run is not None and self.run is not None and run.id == self.run.id
        if same and not self._holed and (not gop or gop[-1].seq <= self._last_seq):
            self._tell()
            return
        self._use_run(run)
        self._last_seq = gop[-1].seq if gop else -1
        pictures = [p for p in gop if p.track == 0 and self._order.takes(p)]
        self._keep(pictures if pictures and pictures[0].is_key else [])
        self._holed = run is not None and not self.gop
        self._catching = False
        self._tell()
        for sink in list(self.sinks):
            sink.restart()

    def _use_run(self, run: Run | None) -> None:
        if run is not None and run.id != self._history.run:
            hevc = run.info.video.codec is Codec.H265
            self._history, self._order = History(run.id, hevc=hevc), Order(hevc=hevc)
        self.run = run

    async def _follow(self, events: Events) -> None:
        """Read and renew until one of them fails."""
        tasks = [asyncio.create_task(self._read(events)), asyncio.create_task(self._renew())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _renew(self) -> None:
        while True:
            if not await self._pause(_LOOK_S) and not self._is_due():
                continue
            run = None if self.run is None else self.run.id
            try:
                answer = await self._ask({"renew": True, "run": run, "seq": self._last_seq})
            except BusTimeoutError:
                if self._silent_ns() > self._options.stale_s * NS_PER_S:
                    raise
                continue  # a request was lost on a thin line; what is watched comes all the same
            if "run" in answer:
                self._take_answer(answer)
            elif answer.get("state") is not None and answer["state"] != self.state:
                self.state = answer["state"]
                self._tell()

    def _silent_ns(self) -> int:
        return self._clock.mono_ns() - self._heard_ns

    def _is_due(self) -> bool:
        """Half of the credit is over, or a Stream that should be live is silent: who has it may have changed."""
        asked_ns, silent_ns = self._clock.mono_ns() - self._asked_ns, self._silent_ns()
        live = self.run is not None and (self.state is None or self.state.condition is StreamCondition.LIVE)
        # The longer it is silent, the rarer it is asked for.
        hurried = live and silent_ns >= self._options.silent_s * NS_PER_S and asked_ns * 2 >= silent_ns
        return hurried or asked_ns >= self._options.credit_s / 2 * NS_PER_S

    async def _read(self, events: Events) -> None:
        async for _, value in events:
            self._heard_ns = self._clock.mono_ns()
            if not self._take(value) and self._heard_ns - self._opened_ns >= _ASK_AGAIN_NS:
                # What comes meanwhile waits in `events`, so nothing is missed between the answer and the next Packet.
                await self._open()
        raise BusError("the subscription ended")

    def _take(self, value: Value) -> bool:
        """Take one message; False when Packets are missing before it that ingest still has."""
        if "n" in value and not self._arrived(value):
            return True
        if "picture" in value:
            self._take_picture(value["picture"])
            return True
        item: object = value["item"]
        if isinstance(item, Packet):
            return self._take_packet(item, far="n" in value, more=bool(value.get("more")))
        if isinstance(item, RunStarted):
            if self.run is None or item.run.id != self.run.id:
                self._use_run(item.run)
                self._last_seq, self._holed, self._catching = -1, False, False
                self._keep([])
                self._tell()
        elif isinstance(item, RunEnded):
            if self.run is not None and item.run == self.run.id:
                self.run = None
                self._wake.set()  # another node may have it next
                self._tell()
        elif isinstance(item, StreamState):
            self.state = item
            self._tell()
        return True

    def _arrived(self, value: Value) -> bool:
        """Acknowledge a message from another zone; whether it is still worth anything. Its numbers have no holes: what
        the line does not carry gets none, and goes on at a key frame."""
        number, sent_ns, now_ns = int(value["n"]), int(value["sent_ns"]), self._clock.now_ns()
        self._acks.note(self._node, self._subject, number)
        self._holed = self._holed or (self._number is not None and number != self._number + 1)
        self._number = number
        self.skew.arrived(sent_ns, now_ns)
        # Judged by its time on the way: the cached group is older than that from the first.
        fresh = now_ns + self.skew.ns - sent_ns <= self._options.stale_s * NS_PER_S
        if not fresh and (isinstance(value.get("item"), Packet) or "picture" in value):
            metrics.DROPS.labels("stale").inc()
            self._holed = True
            return False
        return True

    def _take_picture(self, value: Value) -> None:
        self.picture = Picture(value["jpeg"], int(value["wall_ns"]) - self.skew.ns)
        self._tell()

    def _take_packet(self, packet: Packet, *, far: bool, more: bool) -> bool:
        if self.run is None or packet.run != self.run.id:
            return False
        if packet.seq <= self._last_seq:
            return True
        if not far:
            self._holed = self._holed or packet.seq != self._last_seq + 1
        if not self._holed:
            self._last_seq = packet.seq
        if packet.track != 0:
            self._hand_sound_on(packet)
            return not self._holed
        if packet.is_key:
            self._holed, self._last_seq, self._catching, self.picture = False, packet.seq, False, None
        elif self._holed:
            return far
        before = self._order.shuffled, self._order.thinned
        taken = self._order.takes(packet)
        if (self._order.shuffled, self._order.thinned) != before:
            self._tell()
        if packet.is_key:
            self._keep([packet])
        elif taken and self.gop:
            self._extend(packet)
        if taken or (self._catching and not more):
            self._hand_on(packet, more=more)
        return True

    def _hand_sound_on(self, packet: Packet) -> None:
        self._failures.each(self._listeners, packet, stream=str(self.stream))

    def _hand_on(self, packet: Packet, *, more: bool) -> None:
        """To the sinks; a cached group that comes in pieces (`more` follow) when it is complete, as one burst."""
        if more:
            self._catching = True
        elif self._catching:
            self._catching = False
            for sink in list(self.sinks):
                sink.restart()
        else:
            for sink in list(self.sinks):
                sink.push(packet)

    def _keep(self, gop: list[Packet]) -> None:
        self.gop = gop
        self._gop_bytes = sum(len(p.payload) for p in gop)

    def _extend(self, packet: Packet) -> None:
        self.gop.append(packet)
        self._gop_bytes += len(packet.payload)
        if self._gop_bytes > self._options.gop_max_bytes or len(self.gop) > self._options.gop_max_packets:
            # A camera that sends no more key frames: who watches goes on, who comes waits for one.
            self._keep([])

    def _tell(self) -> None:
        self._failures.each(self.changes, stream=str(self.stream))
