"""Settings at a node of a Site: its Cameras, all Sites, Stores and people, as the center has them. Event loop.

The stream holds the newest message of each row, so a node reads it from the start at each of its starts: whatever
happened to its catalogue, it then has what the center has. A cut-off node goes on with what it had. What is for
everyone and what is for this Site are read apart: the hub gives a Site no more than these two.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from vms.bus.base import Bus
from vms.bus.flow import Reading
from vms.bus.link import NatsLink
from vms.bus.streams import StreamMessage
from vms.clock import Clock
from vms.service import Health
from vms.store import Catalogue
from vms.store.apply import Applied
from vms.store.notes import SETTINGS
from vms.sync import streams
from vms.sync.apply import Intake, Reader

_TABLES = frozenset(table.name for table in SETTINGS)
_STOP_S = 5.0


class _Part(Reader):
    """Settings of one place, a slug or EVERYONE. `complete` as SiteSettings has it."""

    def __init__(self, clock: Clock, link: NatsLink, bus: Bus, intake: Intake, place: str) -> None:
        reading = Reading(streams.SETTINGS.name, subjects=(f"settings.{place}.>",), domain=streams.HUB, batch=256)
        super().__init__(clock, link, intake, reading, "sync settings")
        self._bus = bus
        self.complete = asyncio.Event()

    async def applied(self, messages: Sequence[StreamMessage], applied: Applied) -> None:
        """Say what changed."""
        for key in applied.changed.get("cameras", ()):
            self._bus.publish("cameras.changed", {"camera": key[0]})
        if messages[-1].pending == 0:
            self.complete.set()

    async def idle(self) -> None:
        """There was nothing at all, or no more."""
        self.complete.set()


class SiteSettings(_Part):
    """`complete` is set when all that there was for everyone at the start is applied, `own.complete` for the Site.
    Tells the node's services of each Camera that changed by `cameras.changed` on `bus`, which is to be the node's
    own."""

    def __init__(self, clock: Clock, link: NatsLink, bus: Bus, catalogue: Catalogue, zone: str) -> None:
        intake = Intake(catalogue, _TABLES)
        super().__init__(clock, link, bus, intake, streams.EVERYONE)
        self.own = _Part(clock, link, bus, intake, zone)

    def health(self) -> Health:
        """Not ok where either is not."""
        found = super().health()
        return self.own.health() if found.ok else found

    async def run_once(self) -> None:
        """Both until stopped."""
        own = asyncio.create_task(self.own.run(), name="sync settings of the site")
        try:
            await super().run_once()
        finally:
            self.own.stop()
            await asyncio.wait({own}, timeout=_STOP_S)
            own.cancel()
            await asyncio.gather(own, return_exceptions=True)
            self.own.stopping.clear()
