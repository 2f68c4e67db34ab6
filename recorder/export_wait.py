"""An Export whose footage is out of reach, behind a line that is cut or in a Store that does not answer: it waits, says
so, gives its place to others, and goes on where it was. Event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from recorder.export_leaves import Reads
from vms.clock import NS_PER_S, Clock
from vms.domain.footage import Segment
from vms.errors import BusError, ObjectUnavailableError

LONGEST_S = 7 * 86_400.0
_NEVER = frozenset({"export_open", "export_room"})
"""Reasons that no line explains."""
LOOK_S = 1.0
"""How often it is said for what it waits, and seen whether anybody still wants it."""
_FIRST, _MOST = 1, 16
"""Looks from try to try, at first and at most."""
_T = TypeVar("_T")


class Place:
    """One of the places at which Exports are made; who has it took it already."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._held = True
        self._coming = 0

    def leave(self) -> None:
        """Let another have it; idempotent."""
        if self._held:
            self._held = False
            self._places.release()

    async def back(self) -> None:
        """Have one again."""
        if self._held:
            return
        self._coming += 1
        try:
            await self._places.acquire()
        finally:
            self._coming -= 1
        if self._coming:  # another read of the same Export comes back too; the last one has it
            self._places.release()
        else:
            self._held = True


class PatientReads:
    """Reads as `SegmentSources` does, for as long as it takes."""

    def __init__(self, sources: Reads, clock: Clock, place: Place, told: Callable[[str], None]) -> None:
        """`told`: for the footage of which Site it waits, at each look; "" when it goes on. What it raises ends the
        wait."""
        self._sources = sources
        self._clock = clock
        self._place = place
        self._told = told

    @property
    def block_bytes(self) -> int:
        """Of one answer at most."""
        return self._sources.block_bytes

    async def read(self, segment: Segment, offset: int, length: int) -> bytes:
        """At most one block. ObjectMissingError: it is nowhere any more. What does not answer for a week fails."""
        return await self.patiently(segment.site, partial(self._sources.read, segment, offset, length))

    async def patiently(self, site: str, work: Callable[[], Awaitable[_T]]) -> _T:
        """The same for other work over the footage of a Site."""
        until_ns, looks = self._clock.mono_ns() + int(LONGEST_S * NS_PER_S), _FIRST
        waited = False
        while True:
            try:
                found = await work()
                break
            except (ObjectUnavailableError, BusError) as error:
                if error.reason in _NEVER or self._clock.mono_ns() >= until_ns:
                    raise
            waited = True
            self._place.leave()
            for _ in range(looks):
                self._told(site)
                await self._clock.sleep(LOOK_S)
            looks = min(_MOST, 2 * looks)
        if waited:
            await self._place.back()
            self._told("")
        return found
