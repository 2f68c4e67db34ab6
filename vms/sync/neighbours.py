"""The nodes that are alive in this node's own zone: who shares its line and its work. Event loop."""

from __future__ import annotations

import asyncio

from vms.bus.base import Bus
from vms.clock import Clock
from vms.service import Service
from vms.sync.presence import Presence, Seen


class Neighbours(Service):
    """Service `neighbours`: listens to the signs of life."""

    name = "neighbours"

    def __init__(self, bus: Bus, clock: Clock, zone: str, node: str) -> None:
        super().__init__(clock)
        self._presence = Presence(bus, clock)
        self._zone, self._node = zone, node

    async def run_once(self) -> None:
        """Until stopped."""
        listening = asyncio.create_task(self._presence.listen())
        stopping = asyncio.create_task(self.stopping.wait())
        self.ready()
        try:
            await asyncio.wait({listening, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (listening, stopping):
                task.cancel()
            await asyncio.gather(listening, stopping, return_exceptions=True)

    def others(self) -> list[Seen]:
        """Those that are alive, without this node itself."""
        return [seen for seen in self._presence.zones().get(self._zone, []) if seen.identity.node != self._node]

    def figures(self, fact: str) -> list[float]:
        """A figure of each of them; 0 where one does not say it."""
        return [float(seen.facts.get(fact, 0.0)) for seen in self.others()]

    def left_to(self) -> frozenset[str] | None:
        """Whose work others do: all others' that are alive. None: this node does its own alone, since another one that
        is alive does that of those that are gone."""
        others = frozenset(seen.identity.node for seen in self.others())
        return others if self._node <= min(others, default=self._node) else None
