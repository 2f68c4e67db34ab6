"""Which Streams are recorded: the catalogue's cameras, each recorded Stream with its recorder and its ledger.

Event loop. Others' Packets pass by. What the hub knew of a Stream before it came here is told to it first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from recorder.lane import Lane
from recorder.ledger import StreamLedger
from recorder.stream import StreamParts, StreamRecorder
from vms.bus.base import Bus, Value
from vms.bus.hub import Hub
from vms.domain.camera import Camera, RecordMode, Stream, StreamRef
from vms.domain.gap import Gap, GapCause, GapState
from vms.domain.interval import Interval
from vms.domain.media import RunEnded
from vms.store import Catalogue


class Roster:
    """Recorders by Stream. `shared`: other Nodes of the Site record too, each the Streams whose Lease it holds; of
    others' nothing is said here."""

    def __init__(
        self,
        catalogue: Catalogue,
        hub: Hub,
        bus: Bus,
        node: str,
        parts: StreamParts,
        make_lane: Callable[[], Lane],
        *,
        shared: bool = False,
    ) -> None:
        self._catalogue = catalogue
        self._hub = hub
        self._bus = bus
        self._node = node
        self._parts = parts
        self._make_lane = make_lane
        self._shared = shared
        self._served: dict[StreamRef, ExitStack] = {}
        self._off: set[StreamRef] = set()
        self._leaving: dict[StreamRef, StreamRecorder] = {}
        self._lock = asyncio.Lock()
        self.recorders: dict[StreamRef, StreamRecorder] = {}
        self.suspended: GapCause | None = None

    async def load(self, alive_ns: int | None) -> None:
        """At the start, `alive_ns`: when this node was last known to run."""
        async with self._lock:
            await self._reconcile(alive_ns, starting=True)

    async def refresh(self) -> None:
        """After cameras changed."""
        async with self._lock:
            await self._reconcile(None, starting=False)

    def knows(self, stream: StreamRef) -> bool:
        """Whether a Stream was looked at, recorded or not."""
        return stream in self.recorders or stream in self._off

    def suspend(self, cause: GapCause | None) -> None:
        """Record nothing for this cause; None: record again."""
        self.suspended = cause
        for recorder in self.recorders.values():
            if cause is None:
                recorder.allow()
            else:
                recorder.suspend(cause)

    def leave(self, ended: RunEnded) -> None:
        """The last that is heard of a Stream that was removed."""
        recorder = self._leaving.pop(ended.stream, None)
        if recorder is not None:
            recorder.take(ended, 0)

    def close(self) -> None:
        """Answer no more."""
        for served in self._served.values():
            served.close()
        self._served.clear()

    async def _reconcile(self, alive_ns: int | None, *, starting: bool) -> None:
        sites = {site.id: site.name for site in await self._catalogue.sites.list()}
        registered: set[StreamRef] = set()
        for camera in await self._catalogue.cameras.list(include_deleted=True):
            names = {"site": sites.get(camera.site, ""), "camera": camera.name, "slug": camera.slug}
            for stream in camera.streams:
                registered.add(stream.ref)
                if camera.deleted_ns is not None:
                    await self._remove(stream.ref, camera.deleted_ns, starting=starting)
                    continue
                await self._apply(camera, stream, names, alive_ns, starting=starting)
        await self._take_away(registered, alive_ns, starting=starting)

    async def _take_away(self, registered: Collection[StreamRef], alive_ns: int | None, *, starting: bool) -> None:
        """Streams that their cameras no longer have: nothing of them is missed from now on; what was missed when this
        node last ran, until then."""
        gone = (self.recorders.keys() | self._off) - set(registered)
        now_ns = self._parts.clock.now_ns()
        if starting:
            gone |= {gap.stream for gap in await self._catalogue.gaps.all_open(self._node)} - set(registered)
        for ref in gone:
            await self._remove(ref, alive_ns or now_ns if starting else now_ns, starting=starting)

    async def _apply(
        self, camera: Camera, stream: Stream, names: dict[str, str], alive_ns: int | None, *, starting: bool
    ) -> None:
        ref = stream.ref
        wanted = camera.enabled and stream.record is RecordMode.CONTINUOUS
        recorder = self.recorders.get(ref)
        if recorder is None:
            recorder = await self._adopt(camera, ref, names, alive_ns, starting=starting, wanted=wanted)
            if recorder is None:
                return
        recorder.names, recorder.ledger.site = names, camera.site
        self._want(recorder, wanted=wanted)

    async def _adopt(
        self,
        camera: Camera,
        ref: StreamRef,
        names: dict[str, str],
        alive_ns: int | None,
        *,
        starting: bool,
        wanted: bool,
    ) -> StreamRecorder | None:
        last_ns = await self._catalogue.segments.last_end_ns(ref)
        gap = await self._open_gap(ref)
        if not wanted and last_ns is None and gap is None:
            self._off.add(ref)
            return None
        since_ns = camera.registered_ns if last_ns is None else last_ns
        if gap is not None and gap.start_ns < since_ns:
            self._parts.sink.gap(await self._overtaken(gap, since_ns))
            gap = None
        ledger = StreamLedger(ref, camera.site, self._node)
        rows = []
        if self._shared:
            self._off.discard(ref)
            ledger.want(since_ns, wanted=wanted)
            started_ns = self._parts.clock.now_ns() if starting else None
            ledger.rest(gap, end_ns=since_ns, started_ns=started_ns)
        elif ref in self._off:
            self._off.discard(ref)
            ledger.want(since_ns, wanted=False)
            rows += ledger.resume(since_ns, gap, GapCause.DISABLED)
        else:
            cause = GapCause.NODE_DOWN if starting else GapCause.UNKNOWN
            rows += ledger.resume(since_ns, gap, cause, alive_ns=alive_ns)
            if gap is not None and gap.cause is GapCause.DISABLED:
                ledger.want(since_ns, wanted=False)
        for row in rows:
            self._parts.sink.gap(row)
        recorder = StreamRecorder(ledger, self._make_lane(), self._parts, names)
        if self.suspended is not None:
            recorder.suspend(self.suspended)
        self.recorders[ref] = recorder
        ledger.on_place = partial(self._serve, recorder)
        self._serve(recorder)
        if ledger.wanted and not starting:  # at the start the subscription tells it
            self._tell(recorder)
        return recorder

    async def _overtaken(self, gap: Gap, until_ns: int) -> Gap:
        """An open Gap, though there is footage after it: the process died between the two rows."""
        found = await self._catalogue.segments.in_interval(gap.stream, Interval(gap.start_ns, until_ns))
        end_ns = next((segment.start_ns for segment in found if segment.start_ns > gap.start_ns), until_ns)
        return replace(gap, end_ns=end_ns, state=GapState.CLOSED, rev=gap.rev + 1)

    def _want(self, recorder: StreamRecorder, *, wanted: bool) -> None:
        if recorder.ledger.wanted == wanted:
            return
        for gap in recorder.ledger.want(self._parts.clock.now_ns(), wanted=wanted):
            self._parts.sink.gap(gap)
        if wanted:
            self._tell(recorder)
        else:
            recorder.close(GapCause.DISABLED)

    def _tell(self, recorder: StreamRecorder) -> None:
        mono_ns = self._parts.clock.mono_ns()
        for item in (self._hub.state_of(recorder.stream), self._hub.run_of(recorder.stream)):
            if item is not None:
                recorder.take(item, mono_ns)

    async def _remove(self, ref: StreamRef, at_ns: int, *, starting: bool) -> None:
        recorder = self.recorders.pop(ref, None)
        self._off.discard(ref)
        if recorder is not None:
            for row in recorder.ledger.remove(at_ns):
                self._parts.sink.gap(row)
            recorder.close(GapCause.DISABLED)
            self._leaving[ref] = recorder
            if ref in self._served:
                self._served.pop(ref).close()
        elif starting and (gap := await self._open_gap(ref)) is not None:
            end_ns = max(at_ns, gap.start_ns + 1)
            self._parts.sink.gap(replace(gap, end_ns=end_ns, state=GapState.CLOSED, rev=gap.rev + 1))

    async def _open_gap(self, ref: StreamRef) -> Gap | None:
        """The open one; where several Nodes record, this Node's: what another began is its to end."""
        if not self._shared:
            return await self._catalogue.gaps.open_of(ref)
        return next((gap for gap in await self._catalogue.gaps.all_open(self._node) if gap.stream == ref), None)

    def _serve(self, recorder: StreamRecorder) -> None:
        """The hot tail is asked of the Node that writes it."""

        async def hot(_value: Value) -> Value:
            return {"segments": recorder.snapshots()}

        async def cut(_value: Value) -> Value:
            recorder.cut()
            return {}

        ref = recorder.stream
        if recorder.ledger.away:
            if ref in self._served:
                self._served.pop(ref).close()
        elif ref not in self._served:
            served = self._served[ref] = ExitStack()
            served.callback(self._bus.serve(f"recorder.hot.{ref.camera}.{ref.name}", hot).close)
            served.callback(self._bus.serve(f"recorder.cut.{ref.camera}.{ref.name}", cut).close)
