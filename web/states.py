"""The state board: the state of every Stream as ingest told it, so that lists of cameras need no request per camera.

Fed by one question at the start, every change from then on, and the question again now and then against lost events.
"""

from __future__ import annotations

import asyncio

from vms import logs
from vms.bus.base import Bus
from vms.clock import Clock
from vms.domain.camera import Camera, StreamName, StreamRef
from vms.domain.media import StreamCondition, StreamState
from vms.errors import VmsError

log = logs.get(__name__)

_ASK_AGAIN_S = 30.0
_RETRY_S = 1.0


class StateBoard:
    """States by Stream. Event loop only."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._states: dict[StreamRef, StreamState] = {}

    def of(self, camera: Camera, name: StreamName) -> StreamState:
        """The state of one Stream; `disabled` for a disabled camera whatever was heard last."""
        ref = StreamRef(camera.id, name)
        heard = self._states.get(ref)
        if not camera.enabled:
            since_ns = heard.since_ns if heard and heard.condition is StreamCondition.DISABLED else 0
            why = "The camera is switched off here."
            return StreamState(ref, StreamCondition.DISABLED, since_ns, why, reason="switched_off")
        why = "Nothing was reported yet."
        return heard or StreamState(ref, StreamCondition.CONNECTING, 0, why, reason="not_told")

    def of_camera(self, camera: Camera) -> StreamState:
        """The state of the camera: that of `main`, else of `sub`."""
        return self.of(camera, StreamName.MAIN if camera.stream(StreamName.MAIN) else StreamName.SUB)

    def take(self, state: StreamState) -> None:
        """Keep a state unless a later one is known."""
        known = self._states.get(state.stream)
        if known is None or known.since_ns <= state.since_ns:
            self._states[state.stream] = state

    async def ask(self) -> None:
        """Replace what is known by what ingest says now, but for what became newer while it answered."""
        answer = await self._bus.request("ingest.states", {})
        known, self._states = self._states, {}
        for state in answer["states"]:
            newer = known.get(state.stream)
            self._states[state.stream] = newer if newer and newer.since_ns > state.since_ns else state

    async def listen(self) -> None:
        """Take every change until cancelled."""
        events = self._bus.subscribe("ingest.state.>", limit=4096)
        try:
            async for _subject, value in events:
                self.take(value["state"])
        finally:
            events.close()

    async def run(self) -> None:
        """Listen and ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.listen())
            group.create_task(self._keep_asking())

    async def _keep_asking(self) -> None:
        while True:
            wait_s = _ASK_AGAIN_S
            try:
                await self.ask()
            except VmsError as error:
                log.debug("no states", why=error.message)
                wait_s = _RETRY_S
            await self._clock.sleep(wait_s)
