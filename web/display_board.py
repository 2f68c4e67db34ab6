"""How every display is: what its page said last, through whichever web node it is connected to. Event loop only.

`display.state` goes over the bus every two seconds for each display that is there; `display.health` only where it is
new, so that consoles are not woken by screens that are well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vms.bus.base import Bus
from vms.clock import NS_PER_S, Clock

GONE_NS = 7 * NS_PER_S
_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class DisplayState:
    """`tiles` with a camera, `live` of them, `build`: which version of the page it has, size in device pixels.
    `seen_ns`: when it said so; `on`: whether it is there."""

    on: bool = False
    seen_ns: int = 0
    tiles: int = 0
    live: int = 0
    build: str = ""
    width: int = 0
    height: int = 0

    def is_like(self, other: DisplayState) -> bool:
        """Whether a person would see no difference."""
        mine = (self.on, self.tiles, self.live, self.build, self.width, self.height)
        return mine == (other.on, other.tiles, other.live, other.build, other.width, other.height)


class DisplayBoard:
    """The newest state of each display; one that is silent for seven seconds is away."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._heard: dict[str, tuple[DisplayState, int]] = {}

    def tell(self, display: str, state: DisplayState) -> None:
        """A display that is connected here says how it is."""
        before = self._heard.get(display)
        value = {
            "display": display,
            "on": state.on,
            "seen_ns": state.seen_ns,
            "tiles": state.tiles,
            "live": state.live,
            "build": state.build,
            "width": state.width,
            "height": state.height,
        }
        self._put(display, state)
        self._bus.publish("display.state", value)
        if before is None or not before[0].is_like(state):
            self._bus.publish("display.health", {"display": display})

    def of(self, display: str) -> DisplayState:
        """How it is."""
        state, heard_ns = self._heard.get(display, (DisplayState(), 0))
        if state.on and self._clock.mono_ns() - heard_ns > GONE_NS:
            return DisplayState(seen_ns=state.seen_ns, build=state.build, width=state.width, height=state.height)
        return state

    async def run(self) -> None:
        """Hear until cancelled."""
        events = self._bus.subscribe("display.state", limit=_LIMIT)
        try:
            async for _subject, value in events:
                said = {name: given for name, given in value.items() if name != "display"}
                self._put(str(value["display"]), DisplayState(**said))
        finally:
            events.close()

    def _put(self, display: str, state: DisplayState) -> None:
        known = self._heard.get(display)
        if known is None or state.seen_ns >= known[0].seen_ns:
            self._heard[display] = (state, self._clock.mono_ns())


async def until_any(works: Sequence[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Wait for the first, end the others; those that are done."""
    try:
        done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
    return done
