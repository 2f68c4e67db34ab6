"""The state board: the state of every Stream as ingest told it, so that lists of cameras need no request per camera.

Fed by one question at the start, every change from then on, and the question again now and then, and whenever a node
comes back, against lost events. What a node said that is silent now is not repeated as if it were still so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from vms import logs
from vms.bus.base import Bus, Value
from vms.clock import NS_PER_S, Clock
from vms.domain.camera import Camera, Site, StreamName, StreamRef
from vms.domain.gap import GapCause
from vms.domain.media import StreamCondition, StreamState
from vms.errors import CatalogueError
from vms.sync.places import Places
from vms.sync.presence import Presence

log = logs.get(__name__)

_ASK_AGAIN_S = 30.0
_ANSWERED_S = 5.0
_SILENT = "The site of this camera does not report: its line is cut, or its node is down."


@dataclass(slots=True)
class _Heard:
    """`node`: who said it, empty where that is not known; `at_ns`: when on our monotonic clock."""

    state: StreamState
    node: str
    at_ns: int


class StateBoard:
    """States by Stream. `presence` knows which nodes are there. Event loop only."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        presence: Presence,
        sites: Callable[[], Awaitable[Sequence[Site]]] | None = None,
    ) -> None:
        """`sites`: those of the catalogue, asked now and then; None: nobody asks where a camera is."""
        self._bus = bus
        self._clock = clock
        self._presence = presence
        self._sites = sites
        self._places: Places | None = None
        self._heard: dict[StreamRef, _Heard] = {}
        self._asked_ns: int | None = None
        self._ask_soon = asyncio.Event()

    def of(self, camera: Camera, name: StreamName) -> StreamState:
        """The state of one Stream; `disabled` for a disabled camera whatever was heard last, `not_reported` where the
        node that had it is silent, since it was heard last."""
        ref = StreamRef(camera.id, name)
        heard = self._heard.get(ref)
        state = None if heard is None else heard.state
        if not camera.enabled:
            since_ns = state.since_ns if state and state.condition is StreamCondition.DISABLED else 0
            why = "The camera is switched off here."
            return StreamState(ref, StreamCondition.DISABLED, since_ns, why, reason="switched_off")
        if heard is None or state is None:
            silent_ns = self._silent_ns(camera.site)
            if silent_ns is not None:
                cause = GapCause.NOT_REPORTED.value
                return StreamState(ref, StreamCondition.NOT_REPORTED, silent_ns, _SILENT, cause, reason="not_reported")
            why = "Nothing was reported yet."
            return StreamState(ref, StreamCondition.CONNECTING, 0, why, reason="not_told")
        seen = self._presence.of(heard.node)
        if seen is None or self._presence.is_alive(heard.node):
            return state
        condition, cause = StreamCondition.NOT_REPORTED, GapCause.NOT_REPORTED.value
        return StreamState(ref, condition, seen.heard_ns, _SILENT, cause, reason="not_reported")

    def _silent_ns(self, site: str) -> int | None:
        """When a node that could have a camera of a Site was heard last, or 0, where none is there; None where one is,
        or may be, and on a single machine, of which nothing is heard."""
        nodes = self._presence.nodes()
        if self._places is None or not nodes or not self._presence.has_listened():
            return None
        zones = {one.slug for one in self._places.above(site)}
        able = [seen for seen in nodes if seen.identity.zone in zones and "ingest" in seen.identity.services]
        if any(self._presence.is_alive(seen.identity.node) for seen in able):
            return None
        return max((seen.heard_ns for seen in able), default=0)

    def of_camera(self, camera: Camera) -> StreamState:
        """The state of the camera: that of `main`, else of `sub`."""
        return self.of(camera, StreamName.MAIN if camera.stream(StreamName.MAIN) else StreamName.SUB)

    def take(self, value: Value) -> None:
        """Keep a state unless a later one of the same node is known; clocks of two nodes are not compared."""
        state, node = value["state"], str(value.get("node", ""))
        known = self._heard.get(state.stream)
        if known is not None and known.node == node and known.state.since_ns > state.since_ns:
            known.at_ns = self._clock.mono_ns()
            return
        self._heard[state.stream] = _Heard(state, node, self._clock.mono_ns())

    def ask(self, *, forget: bool = True) -> None:
        """Ask every node for all its states. What nobody said when they were asked last is forgotten, but for what
        nodes said that are silent."""
        now_ns, asked_ns = self._clock.mono_ns(), self._asked_ns
        if forget and asked_ns is not None and now_ns - asked_ns >= _ANSWERED_S * NS_PER_S:
            for ref, heard in list(self._heard.items()):
                silent = self._presence.of(heard.node) is not None and not self._presence.is_alive(heard.node)
                if heard.at_ns < asked_ns and not silent:
                    del self._heard[ref]
        self._asked_ns = now_ns
        self._bus.publish("ingest.states.ask", {})

    async def listen(self) -> None:
        """Take every change until cancelled."""
        events = self._bus.subscribe("ingest.state.>", limit=4096)
        try:
            async for _subject, value in events:
                self.take(value)
        finally:
            events.close()

    async def run(self) -> None:
        """Listen and ask until cancelled."""
        self._presence.on_return = lambda _node: self._ask_soon.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._presence.listen())
            group.create_task(self.listen())
            group.create_task(self._keep_asking())
            group.create_task(self._keep_learning())

    async def _keep_learning(self) -> None:
        while self._sites is not None:
            try:
                self._places = Places(await self._sites())
            except CatalogueError as error:
                log.info("where cameras are is not known anew", why=error.message)
            await self._clock.sleep(_ASK_AGAIN_S)

    async def _keep_asking(self) -> None:
        await asyncio.sleep(0)  # so that `listen` has subscribed
        while True:
            self.ask(forget=not self._ask_soon.is_set())
            self._ask_soon.clear()
            sleeping = asyncio.ensure_future(self._clock.sleep(_ASK_AGAIN_S))
            returned = asyncio.ensure_future(self._ask_soon.wait())
            try:
                await asyncio.wait({sleeping, returned}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                sleeping.cancel()
                returned.cancel()
