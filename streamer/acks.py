"""Tells nodes of other zones what arrived here: at once, then at most every 100 ms, all Streams of a node in one event.

The credit of those nodes lives by it. Event loop only; a task runs only while there is something to tell.
"""

from __future__ import annotations

import asyncio

from vms.bus.base import Bus
from vms.clock import Clock


class Acks:
    """One per process. `close` ends it."""

    def __init__(self, bus: Bus, clock: Clock, zone: str, every_s: float) -> None:
        self._bus, self._clock, self._zone, self._every_s = bus, clock, zone, every_s
        self._told: dict[str, dict[str, int]] = {}
        self._task: asyncio.Task[None] | None = None

    def note(self, node: str, stream: str, number: int) -> None:
        """All up to this number came from the node; `stream`: "<camera>.<stream>"."""
        self._told.setdefault(node, {})[stream] = number
        if self._task is None:
            self._task = asyncio.create_task(self._tell(), name="acks")

    async def _tell(self) -> None:
        try:
            while self._told:
                told, self._told = self._told, {}
                for node, acks in told.items():
                    self._bus.publish(f"ingest.ack.{node}", {"zone": self._zone, "acks": acks})
                await self._clock.sleep(self._every_s)
        finally:
            self._task = None

    async def close(self) -> None:
        """Nothing is told any more; idempotent."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
